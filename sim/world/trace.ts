// Law: two runs are the same run if and only if their chains end alike: the chain takes in every event's time, node, kind and bytes, each
// link over the one before.
import { hash } from 'node:crypto';

export interface TraceEvent {
  readonly number: number;
  readonly atUs: number;
  /** Index of the node; −1 for the world's own events. */
  readonly node: number;
  readonly kind: string;
  /** The chain after this event: 16 hex digits. */
  readonly chain: string;
}

export interface Trace {
  readonly count: number;
  note(atUs: number, node: number, kind: string, bytes: Uint8Array | undefined): void;
  /** 16 hex digits. */
  digest(): string;
}

export type TraceListener = (event: TraceEvent) => void;

const noBytes = 0x9e3779b9;

function mix(state: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const next = state ^ Math.imul(mixed, 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/** Murmur3's inner loop over the bytes: two runs that differ are told apart, and nobody has a reason to forge one. */
function checksumOf(bytes: Uint8Array): number {
  let state = bytes.length;
  for (let at = 0; at < bytes.length; at += 4)
    state = mix(state, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
  return state;
}

function hex8(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

export function createTrace(listener?: TraceListener): Trace {
  let low = 0x243f6a88;
  let high = 0x13198a2e;
  let count = 0;
  const kinds = new Map<string, number>();
  const codeOf = (kind: string): number => {
    let code = kinds.get(kind);
    if (code === undefined) {
      code = Number.parseInt(hash('sha256', kind).slice(0, 8), 16);
      kinds.set(kind, code);
    }
    return code;
  };
  const take = (word: number): void => {
    low = mix(low, word);
    high = mix(high ^ low, word + 0x165667b1);
  };
  const digest = (): string => hex8(high) + hex8(low);
  return {
    get count() {
      return count;
    },
    note(atUs, node, kind, bytes) {
      take(atUs % 0x1_0000_0000);
      take(Math.floor(atUs / 0x1_0000_0000));
      take(node);
      take(codeOf(kind));
      take(bytes === undefined ? noBytes : checksumOf(bytes));
      count++;
      listener?.({ number: count, atUs, node, kind, chain: digest() });
    },
    digest,
  };
}
