// Law: what was appended or accepted is durable before anyone hears of it; a place in a lane is used once. A node that finds its own lane
// behind what it once signed appends nothing to it until the entries it lost are back, and a fork is kept as evidence, never resolved.
import type { Crypto, KeyValue, Log, NodeId } from '../../actors/system/index.ts';
import { equalBytes, type Identity, MalformedBytes } from '../wire/index.ts';
import { createCommitter } from './commit.ts';
import {
  encodeEntry,
  isLaneName,
  type LaneEntry,
  type LaneFork,
  type LaneName,
  maxEntryBodyBytes,
  noPrevious,
  openHeadProof,
  signEntry,
} from './entry.ts';
import { createIngest, type IngestResult, type StoreView } from './ingest.ts';
import { createLaneReader, type LaneReader } from './reading.ts';
import { entryKey, forkRows, headOf, type LaneDamage, laneKey, markRows, verifyLanes } from './rows.ts';

export interface LaneLimits {
  /** Default 256 KiB, which is also the most an entry can carry. */
  readonly maxBodyBytes?: number;
  /** Appends and ingests waiting for the disk. Default 1,024. */
  readonly maxQueued?: number;
  /** Default 16. */
  readonly maxLanesPerAuthor?: number;
}

export interface LaneStoreOptions {
  /** Belongs to the store alone. It stays the caller's to close. */
  readonly keyValue: KeyValue;
  readonly crypto: Crypto;
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly hlc: () => bigint;
  readonly isAuthor: (id: NodeId) => boolean;
  readonly limits?: LaneLimits;
  readonly log: Log;
}

export interface LaneRollback {
  readonly lane: string;
  readonly haveSequence: number;
  readonly knownSequence: number;
}

/** The node's own lane is behind what it once signed, or forked: appending to it would sign one place twice. */
export class LaneRefused extends Error {
  override readonly name = 'LaneRefused';
}

export interface LaneStore extends LaneReader {
  /** Resolves once durable. Rejects with LaneRefused (see there), RangeError (name or size), or the storage's error. */
  append(lane: string, body: Uint8Array): Promise<LaneEntry>;
  /** Never rejects for what the bytes say: every entry is either stored or refused with a reason. */
  ingest(entries: readonly Uint8Array[], from: NodeId): Promise<IngestResult>;
  /** Called after the entry is durable, in order per lane; `from` is undefined for the node's own appends. */
  onEntry(handler: (entry: LaneEntry, from: NodeId | undefined) => void): () => void;
  forks(): readonly LaneFork[];
  /** Lanes whose tail was lost on this disk and has not been fetched back yet. */
  damage(): readonly LaneDamage[];
  /** A head proof of one of this node's own lanes, as a peer holds it. Proofs that prove nothing are ignored. */
  observeProof(proof: Uint8Array): Promise<void>;
  rolledBack(): readonly LaneRollback[];
  /** Gives up entries of an own lane that no peer has. Only once every member was asked: a copy that turns up later is a fork. */
  resume(lane: string): Promise<void>;
  /** Resolves once everything submitted so far has been answered. */
  idle(): Promise<void>;
}

export async function openLaneStore(options: LaneStoreOptions): Promise<LaneStore> {
  const { keyValue, crypto, identity, meshId, log } = options;
  const bodyLimit = Math.min(options.limits?.maxBodyBytes ?? maxEntryBodyBytes, maxEntryBodyBytes);
  const verified = await verifyLanes(keyValue, meshId, crypto);
  const heads = new Map(verified.heads.map((head) => [laneKey(head), head]));
  const forks = new Map((await forkRows.readAll(keyValue)).map((fork) => [laneKey(fork), fork]));
  const damage = new Map(verified.damage.map((lost) => [laneKey(lost), lost]));
  const marks = await markRows.readAll(keyValue);
  const handlers = new Set<(entry: LaneEntry, from: NodeId | undefined) => void>();

  for (const lost of verified.damage) {
    log(
      'warn',
      `lane ${lost.lane} of ${lost.author} is damaged on this disk after entry ${lost.keptSequence}: ${lost.reason}; peers are asked for the rest`,
      { ...lost },
    );
    if (lost.author === identity.id) marks.set(lost.lane, Math.max(marks.get(lost.lane) ?? 0, lost.highestSequence));
  }

  const committer = createCommitter<StoreView>(keyValue, {
    maxQueued: options.limits?.maxQueued ?? 1024,
    begin: () => ({
      heads: new Map(),
      rows: new Map(),
      forks: new Map(),
      marks: new Map(),
      healed: new Set(),
      told: [],
    }),
    apply(view) {
      for (const [key, head] of view.heads) heads.set(key, head);
      for (const [key, fork] of view.forks) forks.set(key, fork);
      for (const [lane, sequence] of view.marks) {
        if (sequence === undefined) marks.delete(lane);
        else marks.set(lane, sequence);
      }
      for (const key of view.healed) damage.delete(key);
      for (const { entry, from } of view.told) {
        for (const handler of handlers) {
          try {
            handler(entry, from);
          } catch (error) {
            log(
              'error',
              `a handler of lane entries failed on entry ${entry.sequence} of lane ${entry.lane} of ${entry.author}`,
              { error },
            );
          }
        }
      }
    },
  });

  const own = (lane: string): LaneName => ({ author: identity.id, lane });
  const submit = (plan: Parameters<typeof committer.submit>[0]['plan']): Promise<void> =>
    new Promise((resolve, reject) => {
      if (!committer.submit({ plan, done: resolve, failed: reject })) {
        reject(
          new LaneRefused(
            `the lane store has ${options.limits?.maxQueued ?? 1024} writes waiting for the disk; try again when it has caught up`,
          ),
        );
      }
    });

  /** The row as it will be after the writes of this view. */
  const rowAt = async (view: StoreView, key: string): Promise<Uint8Array | undefined> =>
    view.rows.get(key) ?? (await keyValue.get(key));

  const ingestInto = createIngest({
    ...options,
    maxLanesPerAuthor: options.limits?.maxLanesPerAuthor ?? 16,
    bodyLimit,
    head: (view, key) => view.heads.get(key) ?? heads.get(key),
    lanesOf: (view, author) => {
      const names = new Set<string>();
      for (const head of [...heads.values(), ...view.heads.values()]) if (head.author === author) names.add(head.lane);
      return names.size;
    },
    isForked: (view, key) => view.forks.has(key) || forks.has(key),
    mark: (view, lane) => (view.marks.has(lane) ? view.marks.get(lane) : marks.get(lane)),
    lost: (view, key) => (view.healed.has(key) ? undefined : damage.get(key)),
    rowAt,
  });

  const reader = createLaneReader({ keyValue, crypto, mesh: meshId, heads, forks, log });

  return {
    async append(lane, body) {
      if (!isLaneName(lane))
        throw new RangeError(`'${lane}' is not a lane's name: lower-case letters, digits, '-', at most 32`);
      if (body.length > bodyLimit)
        throw new RangeError(
          `a lane entry of ${body.length} bytes exceeds the limit of ${bodyLimit}; store it as a blob and append its digest`,
        );
      let appended: LaneEntry | undefined;
      await submit((view, changes) => {
        const key = laneKey(own(lane));
        const head = view.heads.get(key) ?? heads.get(key);
        const known = view.marks.has(lane) ? view.marks.get(lane) : marks.get(lane);
        if (view.forks.has(key) || forks.has(key)) {
          throw new LaneRefused(
            `this node's lane ${lane} is forked: two of its entries claim one place. It can append no more; join again with a new identity`,
          );
        }
        if (known !== undefined && known > (head?.sequence ?? 0)) {
          throw new LaneRefused(
            `this node once signed entry ${known} of its lane ${lane} but holds only ${head?.sequence ?? 0}: appending waits until the rest is fetched back from peers`,
          );
        }
        const earliest = (head?.hlc ?? 0n) + 1n;
        const now = options.hlc();
        const entry = signEntry(
          {
            mesh: meshId,
            lane,
            sequence: (head?.sequence ?? 0) + 1,
            previous: head?.hash ?? noPrevious,
            hlc: now > earliest ? now : earliest,
            body,
          },
          identity,
          crypto,
        );
        const rowKey = entryKey(entry, entry.sequence);
        const row = encodeEntry(entry);
        changes.push({ key: rowKey, value: row });
        // A disk that lost the last row has no other trace of it, and its place would be signed twice.
        changes.push({ key: markRows.key(lane), value: markRows.encode(entry.sequence) });
        view.marks.set(lane, entry.sequence);
        view.rows.set(rowKey, row);
        view.heads.set(key, headOf(entry, crypto));
        view.told.push({ entry, from: undefined });
        appended = entry;
      });
      return appended!;
    },
    async ingest(entries, from) {
      let result: IngestResult = { stored: [], refused: [] };
      await submit(async (view, changes) => {
        result = await ingestInto(view, changes, entries, from);
      });
      return result;
    },
    ...reader,
    onEntry(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    forks: () => [...forks.values()],
    damage: () => [...damage.values()],
    async observeProof(proof) {
      let claim: ReturnType<typeof openHeadProof>;
      try {
        claim = openHeadProof(proof, crypto);
      } catch (error) {
        if (error instanceof MalformedBytes) return;
        throw error;
      }
      if (claim.author !== identity.id || !equalBytes(claim.mesh, meshId)) return;
      await submit((view, changes) => {
        const head = view.heads.get(laneKey(claim)) ?? heads.get(laneKey(claim));
        const known = view.marks.get(claim.lane) ?? marks.get(claim.lane) ?? 0;
        if (claim.sequence <= (head?.sequence ?? 0) || claim.sequence <= known) return;
        changes.push({ key: markRows.key(claim.lane), value: markRows.encode(claim.sequence) });
        view.marks.set(claim.lane, claim.sequence);
      });
    },
    rolledBack: () =>
      [...marks]
        .map(([lane, knownSequence]) => ({
          lane,
          knownSequence,
          haveSequence: heads.get(laneKey(own(lane)))?.sequence ?? 0,
        }))
        .filter((rollback) => rollback.knownSequence > rollback.haveSequence),
    async resume(lane) {
      await submit(async (view, changes) => {
        const name = own(lane);
        const head = view.heads.get(laneKey(name)) ?? heads.get(laneKey(name));
        const lost = damage.get(laneKey(name));
        for (let sequence = (head?.sequence ?? 0) + 1; sequence <= (lost?.highestSequence ?? 0); sequence++) {
          changes.push({ key: entryKey(name, sequence), value: undefined });
        }
        changes.push({ key: markRows.key(lane), value: undefined });
        view.marks.set(lane, undefined);
        view.healed.add(laneKey(name));
      });
    },
    idle: () => committer.idle(),
  };
}
