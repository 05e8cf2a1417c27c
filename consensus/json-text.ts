// Law: what two nodes compare is read the same by both: one JSON text in UTF-8, no member named twice, of bounded depth, and numbers as the
// decimals that are written there, never as floats. What is anything else is malformed, and nothing is concluded from it.
import canonicalize from 'canonicalize';
import { MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { Decimal } from './decimal.ts';

/** A JSON value whose numbers are exact. */
export type Exact = null | boolean | string | Decimal | readonly Exact[] | { readonly [name: string]: Exact };

/** Larger outputs are compared byte by byte or not at all. */
export const comparedBytesMax = 1024 * 1024;
const nestingMax = 64;

/** Throws MalformedBytes on what RFC 8785 does not cover: not UTF-8 JSON, a member name twice, a lone surrogate, a number beyond double range. */
export function canonicalJson(output: Uint8Array): Uint8Array {
  const { text, value } = parsed(output);
  if (membersWritten(text).members !== membersKept(value)) throw new MalformedBytes('an object has a member twice');
  let spelled: string | undefined;
  try {
    spelled = canonicalize(value);
  } catch (error) {
    throw new MalformedBytes(`not I-JSON: ${(error as Error).message}`);
  }
  if (spelled === undefined) throw new MalformedBytes('not a JSON value');
  return utf8.encode(spelled);
}

/** Throws MalformedBytes, also for numbers that `Decimal.parse` refuses, and where `output` is larger or nests deeper than what is compared. */
export function exactJson(output: Uint8Array): Exact {
  if (output.length > comparedBytesMax)
    throw new MalformedBytes(`${output.length} bytes; at most ${comparedBytesMax} are compared`);
  const { text, value: plain } = parsed(output);
  const { members, nesting } = membersWritten(text);
  // Before anything walks it: a stack that runs out on one machine and not on another would be a difference between nodes.
  if (nesting > nestingMax) throw new MalformedBytes(`nested deeper than ${nestingMax}`);
  if (members !== membersKept(plain)) throw new MalformedBytes('an object has a member twice');
  // The third argument is ECMAScript's (JSON.parse source text access); TypeScript's library does not name it yet.
  const revive = (_: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value === 'number') return Decimal.parse(context!.source!);
    if (typeof value === 'string' && !value.isWellFormed()) throw new MalformedBytes('a lone surrogate');
    return value;
  };
  return JSON.parse(text, revive as Parameters<typeof JSON.parse>[1]) as Exact;
}

function parsed(output: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = utf8.decode(output);
    return { text, value: JSON.parse(text) };
  } catch {
    throw new MalformedBytes('not a JSON text in UTF-8');
  }
}

/**
 * In a valid JSON text a colon outside strings stands after each member name and nowhere else. JSON.parse keeps the last of equal names, so
 * two different documents would count as equal (RFC 7493 §2.3 forbids them).
 */
function membersWritten(text: string): { readonly members: number; readonly nesting: number } {
  let members = 0;
  let depth = 0;
  let nesting = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x3a) members++;
    else if (c === 0x5b || c === 0x7b) nesting = Math.max(nesting, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return { members, nesting };
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
