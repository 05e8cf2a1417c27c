// Law: what the book holds of one epoch: what was decided, what is still to be logged, and what was said of the log.
import { type AuditEntry, AuditLog, type Checkpoint } from '../../consensus/index.ts';
import type { Crypto, NodeId } from '../system/index.ts';
import type { CertifiedBatch, Cosigned } from './book-contract.ts';

export interface EpochBook {
  readonly log: AuditLog;
  readonly batches: CertifiedBatch[];
  /** What this node saw and that is not in the log, oldest first. */
  readonly pending: Map<string, AuditEntry>;
  /** Decided batches that came before their time. */
  readonly early: Map<number, CertifiedBatch>;
  readonly heard: Map<NodeId, Cosigned>;
  /** The highest batch that is known to have been decided and came from elsewhere; −1: none. */
  behindHeight: number;
  note: { readonly text: string; readonly checkpoint: Checkpoint } | undefined;
}

export function emptyEpochBook(epoch: number, crypto: Crypto): EpochBook {
  return {
    log: new AuditLog(epoch, crypto),
    batches: [],
    pending: new Map(),
    early: new Map(),
    heard: new Map(),
    behindHeight: -1,
    note: undefined,
  };
}
