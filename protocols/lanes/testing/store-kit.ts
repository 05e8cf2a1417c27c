// Law: lane stores of three authors, and entries made by hand.
import type { KeyValue, Storage } from '../../../actors/system/index.ts';
import { createCrypto, recordingLog, testIdentity } from '../../../test/support/world.ts';
import type { Identity } from '../../wire/index.ts';
import { encodeEntry, entryHash, type LaneEntry, signEntry } from '../entry.ts';
import { type LaneLimits, type LaneStore, openLaneStore } from '../store.ts';
import { createMemoryStorage } from './memory-storage.ts';

export const crypto = createCrypto();
export const mesh = new Uint8Array(32).fill(7);
export const [alice, bob, carol] = [0, 1, 2].map((i) => testIdentity(i, crypto)) as [Identity, Identity, Identity];
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const words = (entry: LaneEntry): string => new TextDecoder().decode(entry.body);

export async function open(
  identity: Identity,
  options: {
    storage?: Storage;
    keyValue?: KeyValue;
    hlc?: () => bigint;
    isAuthor?: (id: string) => boolean;
    limits?: LaneLimits;
  } = {},
): Promise<{ store: LaneStore; keyValue: KeyValue; lines: ReturnType<typeof recordingLog>['lines'] }> {
  const keyValue = options.keyValue ?? (await (options.storage ?? createMemoryStorage(crypto)).keyValue('lanes'));
  const { log, lines } = recordingLog();
  let time = 0n;
  const store = await openLaneStore({
    keyValue,
    crypto,
    identity,
    meshId: mesh,
    hlc: options.hlc ?? (() => ++time),
    isAuthor: options.isAuthor ?? (() => true),
    log,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  return { store, keyValue, lines };
}

export async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** A chain of `count` entries by `identity`, encoded. */
export function chain(
  identity: Identity,
  count: number,
  options: { lane?: string; after?: LaneEntry; mark?: string; mesh?: Uint8Array } = {},
): LaneEntry[] {
  const entries: LaneEntry[] = [];
  let last = options.after;
  for (let i = 0; i < count; i++) {
    const sequence = (last?.sequence ?? 0) + 1;
    last = signEntry(
      {
        mesh: options.mesh ?? mesh,
        lane: options.lane ?? 'audit',
        sequence,
        previous: last === undefined ? new Uint8Array(32) : entryHash(last, crypto),
        hlc: (last?.hlc ?? 0n) + 10n,
        body: text(`${options.mark ?? ''}${sequence}`),
      },
      identity,
      crypto,
    );
    entries.push(last);
  }
  return entries;
}
export const rows = (entries: readonly LaneEntry[]): Uint8Array[] => entries.map(encodeEntry);
export const reasons = async (store: LaneStore, entries: readonly Uint8Array[]): Promise<string[]> =>
  (await store.ingest(entries, carol.id)).refused.map((refusal) => refusal.reason);
