// Law: a relation says when a verifier's own result bears out a candidate's. It is asked once, by the verifier, never inside a vote;
// what it answers is an integer and a sign, and which relation counts is pinned by id, version and parameters before execution.
import canonicalize from 'canonicalize';
import { equalBytes, MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import type { Attestation, RelationRef } from './attestation.ts';
import type { Candidate } from './candidate.ts';

export interface Judgement {
  readonly verdict: 1 | -1;
  /** Fixed point, 32 bits; 0 where the relation measures nothing. */
  readonly score: number;
}

export interface Relation extends RelationRef {
  /** The one spelling of all outputs this relation takes as equal. Throws MalformedBytes where there is none. */
  readonly canonicalize: (output: Uint8Array) => Uint8Array;
  /** What the verifier's own output says about the candidate's. */
  readonly compare: (mine: Uint8Array, candidate: Uint8Array) => Judgement;
  /** Why the attestation contradicts itself under this relation, seen from its bytes alone; undefined where it does not. */
  readonly contradiction: (attestation: Attestation, candidate: Candidate) => string | undefined;
}

const noParameters = new Uint8Array(32);

/** Equal bytes. For calls whose output is already canonical: every table, digest and count. */
export const exact: Relation = {
  id: 'exact',
  version: 1,
  paramsHash: noParameters,
  canonicalize: (output) => output,
  compare: (mine, candidate) => ({ verdict: equalBytes(mine, candidate) ? 1 : -1, score: 0 }),
  contradiction: (attestation, candidate) =>
    attestation.verdict === 1 && !equalBytes(attestation.ownDigest, candidate.resultDigest)
      ? 'agrees with a result other than the one it found'
      : undefined,
};

/** Equal after RFC 8785 (JSON Canonicalization Scheme). Outputs that are not I-JSON agree only where their bytes are equal. */
export const canonical: Relation = {
  id: 'canonical',
  version: 1,
  paramsHash: noParameters,
  canonicalize: canonicalJson,
  compare: (mine, candidate) => ({
    verdict: equalBytes(mine, candidate) || equalAsJson(mine, candidate) ? 1 : -1,
    score: 0,
  }),
  contradiction: () => undefined,
};

const known: readonly Relation[] = [exact, canonical];

/** The relation a reference names, or undefined where this version of Parley does not know it: then nothing may be concluded from it. */
export function relationNamed(reference: RelationRef): Relation | undefined {
  return known.find((relation) => sameRelation(relation, reference));
}

export function sameRelation(a: RelationRef, b: RelationRef): boolean {
  return a.id === b.id && a.version === b.version && equalBytes(a.paramsHash, b.paramsHash);
}

function equalAsJson(a: Uint8Array, b: Uint8Array): boolean {
  try {
    return equalBytes(canonicalJson(a), canonicalJson(b));
  } catch (error) {
    if (error instanceof MalformedBytes) return false;
    throw error;
  }
}

/** Throws MalformedBytes on what RFC 8785 does not cover: not UTF-8 JSON, a member name twice, a lone surrogate, a number beyond double range. */
function canonicalJson(output: Uint8Array): Uint8Array {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(output);
    value = JSON.parse(text);
  } catch {
    throw new MalformedBytes('not a JSON text in UTF-8');
  }
  // JSON.parse keeps the last of equal names, so two different documents would count as equal (RFC 7493 §2.3 forbids them).
  if (membersWritten(text) !== membersKept(value)) throw new MalformedBytes('an object has a member twice');
  let spelled: string | undefined;
  try {
    spelled = canonicalize(value);
  } catch (error) {
    throw new MalformedBytes(`not I-JSON: ${(error as Error).message}`);
  }
  if (spelled === undefined) throw new MalformedBytes('not a JSON value');
  return utf8.encode(spelled);
}

/** In a valid JSON text a colon outside strings stands after each member name and nowhere else. */
function membersWritten(text: string): number {
  let count = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x3a) count++;
  }
  return count;
}

function membersKept(root: unknown): number {
  let count = 0;
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (value === null || typeof value !== 'object') continue;
    const items: readonly unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += items.length;
    for (const item of items) pending.push(item);
  }
  return count;
}
