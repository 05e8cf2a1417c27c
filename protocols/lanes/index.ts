// Law: the door of the lanes room: signed, hash-chained logs of one author and class, their store, and how two stores become equal.
export {
  decodeEntry,
  encodeEntry,
  entryHash,
  type LaneEntry,
  type LaneFork,
  type LaneHeadProof,
  type LaneName,
  signEntry,
} from './entry.ts';
export type { IngestResult, LaneRefusal, RefusalReason } from './ingest.ts';
export type { LaneFrontier, LaneReader } from './reading.ts';
export type { LaneDamage } from './rows.ts';
export {
  type LaneLimits,
  LaneRefused,
  type LaneRollback,
  type LaneStore,
  type LaneStoreOptions,
  openLaneStore,
} from './store.ts';
export {
  createLaneSync,
  type LaneEntriesBody,
  type LaneFrontierBody,
  type LaneSync,
  type LaneSyncOptions,
  laneEntriesSchema,
  laneFrontierSchema,
  maxBatchEntries,
} from './sync.ts';
