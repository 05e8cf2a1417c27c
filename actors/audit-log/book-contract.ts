// Law: see book.ts. This is what the book answers, and what members hand each other of it.
import type { AuditBatch, AuditEntry, AuditLog, Certificate, NoteSignature } from '../../consensus/index.ts';
import type { Question } from '../consensus/index.ts';
import type { NodeId } from '../system/index.ts';

/** A batch with what proves that it was decided. */
export interface CertifiedBatch {
  readonly payload: Uint8Array;
  readonly certificate: Uint8Array;
}

/** What a member says of its log: its cosignature, and of what. */
export interface Cosigned {
  readonly epoch: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly signature: NoteSignature;
}

export interface AuditProof {
  readonly epoch: number;
  readonly index: number;
  readonly entry: Uint8Array;
  readonly proof: readonly Uint8Array[];
  /** A signed note with cosignatures of quorum weight. */
  readonly checkpoint: string;
  /** Where the checkpoint is the epoch's last: its last entry, which says so. */
  readonly closing?: { readonly entry: Uint8Array; readonly proof: readonly Uint8Array[] };
}

export interface AuditBook {
  readonly question: Question;
  /** `question`, with every decision it takes noted for the log. */
  audited(question: Question): Question;
  /**
   * Verified evidence, as encoded. Of each kind, one against each culprit is for the log: a member that lies about the log itself must not
   * make it grow without end.
   */
  noteEvidence(evidence: Uint8Array): void;
  /** Of each kind, one piece against each culprit, as encoded. */
  evidence(): readonly Uint8Array[];
  /** The next batch this node would propose in `epoch`; undefined where everything is logged. The last one closes the log. */
  next(epoch: number): AuditBatch | undefined;
  log(epoch: number): AuditLog;
  /** Whether a certificate came to light after its epoch's log was closed without it: then it counts for nothing, whoever signed it. */
  isLate(certificate: Certificate): boolean;
  /** Decided batches from `fromHeight` on, as many as fit into a reply. */
  batches(epoch: number, fromHeight: number): CertifiedBatch[];
  /** Takes a batch that a peer showed. Throws MalformedBytes where it proves nothing. */
  adopt(batch: CertifiedBatch): void;
  /** This node's cosignature of its log as it stands; undefined for an observer and for an empty log. */
  cosigned(epoch: number): Cosigned | undefined;
  /** Takes a member's. False: it says that the member's log is another one than this. */
  hear(from: NodeId, said: Cosigned): boolean;
  /** Whether enough members cosigned the log as it stands. */
  isCosigned(epoch: number): boolean;
  /** The latest note with cosignatures of quorum weight. */
  checkpoint(epoch: number): string | undefined;
  /** Takes such a note that a peer showed, where it is about the log as it stands. Throws MalformedBytes where it does not verify. */
  adoptCheckpoint(epoch: number, note: string): void;
  /** Undefined where the entry is not in the log, or not under a checkpoint yet. */
  prove(epoch: number, entry: AuditEntry): AuditProof | undefined;
  /** That the latest checkpoint of the epoch extends the tree of `size`; undefined where there is no checkpoint at least as large. */
  proveGrowth(epoch: number, size: number): readonly Uint8Array[] | undefined;
  /** Heights a peer spoke of that this node has not reached. */
  isBehind(epoch: number): boolean;
  /** Whether batches were decided, or there is more to log. */
  onChange(handler: () => void): () => void;
  /** Resolves when what was taken so far is on the disk. */
  idle(): Promise<void>;
}
