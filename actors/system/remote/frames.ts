// Law: a frame is an array of plain data behind one number that marks it as ours; what arrives is checked field by field before it means
// anything. Order within a pair is the network's promise; nothing here reorders.

import type { AskErrorCode } from '../ask.ts';
import { MalformedValue } from '../codec/index.ts';
import type { ExitReason, TraceContext } from '../types.ts';

/** First in every frame. Encoded it is the three bytes after the array's first. */
export const frameMark = 0xac71;

export const frameKind = {
  tell: 0,
  reply: 1,
  fail: 2,
  monitor: 3,
  demonitor: 4,
  down: 5,
  discover: 6,
  sync: 7,
  join: 8,
  leave: 9,
} as const;

/** Extension tags of the names that values may hold. */
export const nameTag = { ref: 1, ask: 2, entity: 3, buffer: 4 } as const;

/** An actor's uid in its node, or its path where that is all one knows. */
export type Destination = number | string;

/** Cheap, before anything is decoded: frames of other protocols share the network. */
export function isFrame(bytes: Uint8Array): boolean {
  return bytes.length > 4 && bytes[1] === 0xcd && bytes[2] === frameMark >> 8 && bytes[3] === (frameMark & 0xff);
}

export function asNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new MalformedValue('a number in a frame is a natural one');
  return value;
}

export function asText(value: unknown): string {
  if (typeof value !== 'string') throw new MalformedValue('a name in a frame is text');
  return value;
}

export function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedValue('a list in a frame is an array');
  return value;
}

export function asDestination(value: unknown): Destination {
  return typeof value === 'string' ? value : asNumber(value);
}

export function traceOut(trace: TraceContext | undefined): unknown {
  return trace === undefined ? null : [trace.traceId, trace.spanId, trace.flags];
}

export function traceIn(value: unknown): TraceContext | undefined {
  if (value === null) return undefined;
  const [traceId, spanId, flags] = asList(value);
  return { traceId: asText(traceId), spanId: asText(spanId), flags: asNumber(flags) };
}

/** Errors travel as their words: a stack is nobody else's business. */
export function reasonOut(reason: ExitReason | undefined): unknown {
  if (reason === undefined) return null;
  if (reason.kind === 'error') return ['error', reason.error.name, reason.error.message];
  if (reason.kind === 'unreachable') return ['unreachable', reason.node];
  return [reason.kind];
}

export function reasonIn(value: unknown): ExitReason {
  const [kind, ...rest] = asList(value);
  switch (kind) {
    case 'normal':
    case 'shutdown':
    case 'killed':
    case 'noproc':
      return { kind };
    case 'unreachable':
      return { kind, node: asText(rest[0]) };
    case 'error': {
      const error = new Error(asText(rest[1]));
      error.name = asText(rest[0]);
      delete error.stack;
      return { kind, error };
    }
    default:
      throw new MalformedValue('a frame gives no reason that exists');
  }
}

const askErrorCodes: ReadonlySet<unknown> = new Set<AskErrorCode>([
  'timeout',
  'stopped',
  'refused',
  'aborted',
  'calling_self',
]);

export function codeIn(value: unknown): AskErrorCode {
  if (!askErrorCodes.has(value)) throw new MalformedValue('an ask fails with a code that exists');
  return value as AskErrorCode;
}
