// Law: equal plans have equal bytes. A plan stored as a blob has the plan's digest as its name.
import canonicalize from 'canonicalize';
import type { Crypto } from '../system/index.ts';
import type { Plan } from './plan.ts';
import { planLimits } from './plan.ts';
import { shapeProblems } from './shape.ts';

const encoder = new TextEncoder();

/** Canonical JSON (RFC 8785) as UTF-8. Throws for what JSON cannot hold (NaN, lone surrogates, cycles). */
export function canonicalBytes(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('canonical JSON: the value has no JSON form; pass plain data');
  return encoder.encode(text);
}

export function planBytes(plan: Plan): Uint8Array {
  return canonicalBytes(plan);
}

/** Lower-case hex SHA-256 of `planBytes`. */
export function planDigest(plan: Plan, crypto: Pick<Crypto, 'sha256'>): string {
  return [...crypto.sha256(planBytes(plan))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class PlanInvalid extends Error {
  override readonly name = 'PlanInvalid';
}

/**
 * Reads a plan another node sent. Throws PlanInvalid where the bytes are too many, are not the canonical form of what they say
 * (so one plan has one digest), or lack a plan's shape. Skills and inputs are judged by `validatePlan`.
 */
export function decodePlan(bytes: Uint8Array): Plan {
  if (bytes.length > planLimits.planBytes)
    throw new PlanInvalid(`plan: ${bytes.length} bytes, at most ${planLimits.planBytes} are read`);
  let value: unknown;
  let canonical: string | undefined;
  const text = new TextDecoder().decode(bytes);
  if (nestingOf(text) > planLimits.nesting)
    throw new PlanInvalid(`plan: nested deeper than ${planLimits.nesting}; no skill takes such an input`);
  try {
    value = JSON.parse(text);
    canonical = canonicalize(value);
  } catch (error) {
    throw new PlanInvalid(`plan: not JSON (${(error as Error).message})`);
  }
  if (canonical !== text) throw new PlanInvalid('plan: the bytes are not canonical JSON; encode it with planBytes');
  const [problem] = shapeProblems(value, 'plan');
  if (problem !== undefined) throw new PlanInvalid(`plan: ${problem.message}`);
  return value as Plan;
}

/**
 * How many arrays and objects stand inside each other in a JSON text, at most. Read without recursion: what nests as deep as a program's
 * stack must be refused by all nodes alike, and not by whichever happens to have less of it left.
 */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (isInString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) isInString = false;
    } else if (c === 0x22) isInString = true;
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return deepest;
}
