// Law: the book holds what the members decided to log and what they are still to log, epoch by epoch. A batch enters it only with the
// certificate that decided it; what a node votes to log is only what it saw happen. Workflows never wait for it.
import {
  type AuditBatch,
  type AuditEntry,
  AuditLog,
  auditKey,
  auditOrigin,
  type Certificate,
  type Checkpoint,
  checkpointText,
  closingEntry,
  configKey,
  cosign,
  cosignerKeys,
  decodeAuditBatch,
  decodeCertificate,
  decodeEvidence,
  encodeAuditEntry,
  encodeCertificate,
  isSignedBy,
  type NoteSignature,
  openCheckpoint,
  renderNote,
  valueIdOf,
  verifyCertificate,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, equalBytes, hex, type Identity, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Question } from '../consensus/index.ts';
import type { Clock, Crypto, KeyValue, Log, NodeId } from '../system/index.ts';

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

interface EpochBook {
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

const pendingMax = 50_000;
/** Five kinds against each of 256 members, and no more. */
const shownMax = 1_024;
const earlyMax = 64;
const replyBytesMax = 512 * 1024;

export async function openAuditBook(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly keyValue: KeyValue;
  readonly log: Log;
  /** Whether this node knows of nothing that is still to be decided in an epoch that is over. */
  readonly isDrained: (epoch: number) => boolean;
}): Promise<AuditBook> {
  const { chain, crypto, clock, identity, keyValue, log, isDrained } = options;
  const books = new Map<number, EpochBook>();
  /** What evidence this node verified says, by digest: kind and culprit. */
  const evidence = new Map<string, string>();
  /** By what it says. */
  const shown = new Map<string, Uint8Array>();
  const handlers = new Set<() => void>();
  let writing: Promise<unknown> = Promise.resolve();
  const changed = (): void => {
    for (const handler of [...handlers]) handler();
  };

  function bookOf(epoch: number): EpochBook {
    let book = books.get(epoch);
    if (book === undefined) {
      book = {
        log: new AuditLog(epoch, crypto),
        batches: [],
        pending: new Map(),
        early: new Map(),
        heard: new Map(),
        behindHeight: -1,
        note: undefined,
      };
      books.set(epoch, book);
    }
    return book;
  }
  const nameOf = (entry: AuditEntry, epoch: number): string => hex.encode(encodeAuditEntry(entry, epoch));

  function note(epoch: number, entry: AuditEntry): void {
    const book = bookOf(epoch);
    if (book.log.indexOf(entry) !== undefined || book.pending.size >= pendingMax) return;
    book.pending.set(nameOf(entry, epoch), entry);
    changed();
  }

  function take(book: EpochBook, batch: AuditBatch, certified: CertifiedBatch): void {
    book.log.apply(batch);
    book.batches.push(certified);
    for (const entry of batch.entries) {
      book.pending.delete(nameOf(entry, batch.epoch));
      if (entry.kind === 'evidence') dropLike(entry.digest);
    }
  }

  /** What says the same as the logged evidence of that digest need not be logged any more. */
  function dropLike(digest: string): void {
    const says = evidence.get(digest);
    if (says === undefined) return;
    for (const { pending } of books.values())
      for (const [name, entry] of pending)
        if (entry.kind === 'evidence' && evidence.get(entry.digest) === says) pending.delete(name);
  }

  /** Applies a decided batch, and those that waited for it. */
  function decided(batch: AuditBatch, certified: CertifiedBatch): void {
    const book = bookOf(batch.epoch);
    if (batch.height < book.log.height) return;
    if (book.early.size < earlyMax || batch.height === book.log.height) book.early.set(batch.height, certified);
    if (batch.height > book.log.height) book.behindHeight = Math.max(book.behindHeight, batch.height);
    for (;;) {
      const next = book.early.get(book.log.height);
      if (next === undefined) break;
      book.early.delete(book.log.height);
      const key = keyOf(batch.epoch, book.log.height);
      take(book, decodeAuditBatch(next.payload), next);
      const value = encodeBody({ payload: next.payload, certificate: next.certificate }, 512 * 1024);
      writing = writing
        .then(() => keyValue.write([{ key, value }]))
        .catch((error: Error) => log('error', 'audit batch not stored', { key, error: error.message }));
    }
    changed();
  }

  const verified = ({ payload, certificate }: CertifiedBatch): AuditBatch => {
    const batch = decodeAuditBatch(payload);
    const proof: Certificate = decodeCertificate(certificate);
    const config = chain.config(batch.epoch);
    const isAboutIt =
      proof.kind !== 'POLKA' &&
      proof.subject.domain === 'log' &&
      equalBytes(proof.subject.key, auditKey(batch.height)) &&
      proof.value === valueIdOf(payload, crypto);
    const check =
      config === undefined || !isAboutIt ? undefined : verifyCertificate(proof, config, chain.meshId, crypto);
    if (check?.ok !== true) throw new MalformedBytes(`batch ${batch.height} of epoch ${batch.epoch} is not proven`);
    return batch;
  };

  for await (const { key, value } of keyValue.range('batch/', 'batch/~')) {
    const certified = decodeBody(value) as CertifiedBatch;
    const batch = decodeAuditBatch(certified.payload);
    const book = bookOf(batch.epoch);
    // A gap is what a crash left: peers have the rest.
    if (batch.height !== book.log.height) log('warn', 'audit batch out of order', { key });
    else take(book, batch, certified);
  }

  const textOf = ({ epoch, size, root }: Pick<Cosigned, 'epoch' | 'size' | 'root'>): string =>
    checkpointText({ origin: auditOrigin(chain.meshId, epoch), size, root });

  function refreshNote(epoch: number): void {
    const book = bookOf(epoch);
    const config = chain.config(epoch);
    if (config === undefined || book.log.size === 0) return;
    const text = textOf({ epoch, size: book.log.size, root: book.log.root() });
    const signatures = config.members.flatMap(({ id }) => {
      const said = book.heard.get(id);
      return said !== undefined && said.size === book.log.size ? [said.signature] : [];
    });
    if (signatures.length === 0) return;
    const rendered = renderNote({ text, signatures });
    const opened = openCheckpoint(rendered, config, chain.meshId, crypto);
    if (opened.ok) book.note = { text: rendered, checkpoint: opened.checkpoint };
  }

  /** What closes the log of `epoch`, once the config that followed is logged and nothing else is left to be. */
  function closing(epoch: number): AuditEntry | undefined {
    const next = chain.config(epoch + 1);
    const { log: tree, pending } = bookOf(epoch);
    if (next === undefined || tree.isClosed || pending.size > 0 || !isDrained(epoch)) return undefined;
    const closed = closingEntry(next, crypto);
    const handoff = { kind: 'config', key: configKey(epoch + 1), digest: closed.digest } as const;
    return tree.indexOf(handoff) === undefined ? undefined : closed;
  }

  const isOver = (epoch: number): boolean => bookOf(epoch).log.isClosed;

  const isKnown = (epoch: number, entry: AuditEntry): boolean => {
    const name = nameOf(entry, epoch);
    if (entry.kind === 'close') return closing(epoch)?.digest === entry.digest;
    return bookOf(epoch).pending.has(name) || (entry.kind === 'evidence' && evidence.has(entry.digest));
  };

  const question: Question = {
    domain: 'log',
    judge(subject, payload, epoch) {
      try {
        const batch = decodeAuditBatch(payload);
        if (batch.epoch !== epoch || !equalBytes(subject.key, auditKey(batch.height)))
          return { ok: false, reason: 'the batch is of another height or epoch than its instance' };
        const book = bookOf(epoch);
        if (batch.height > book.log.height) book.behindHeight = Math.max(book.behindHeight, batch.height);
        return book.log.judge(batch, (entry) => isKnown(epoch, entry));
      } catch (error) {
        if (error instanceof MalformedBytes) return { ok: false, reason: error.message };
        throw error;
      }
    },
    decided: ({ payload, certificate }) =>
      decided(decodeAuditBatch(payload), { payload, certificate: encodeCertificate(certificate) }),
    wanted: changed,
  };

  return {
    question,
    audited(inner) {
      const kind = inner.domain;
      if (kind !== 'verdict' && kind !== 'config') throw new RangeError(`decisions on '${kind}' are not for the log`);
      return {
        ...inner,
        isOver,
        judge: (subject, payload, epoch) =>
          isOver(epoch)
            ? { ok: false, reason: `epoch ${epoch} is over and its log closed` }
            : inner.judge(subject, payload, epoch),
        decided(about) {
          const { subject, certificate } = about;
          note(certificate.epoch, { kind, key: subject.key, digest: certificate.value });
          inner.decided(about);
        },
      };
    },
    noteEvidence(bytes) {
      const digest = valueIdOf(bytes, crypto);
      if (evidence.has(digest) || evidence.size >= pendingMax) return;
      const { kind, culprit } = decodeEvidence(bytes);
      const says = `${kind} ${culprit}`;
      const isNew = [...evidence.values()].every((other) => other !== says);
      evidence.set(digest, says);
      if (!shown.has(says) && shown.size < shownMax) shown.set(says, bytes);
      const entry: AuditEntry = { kind: 'evidence', key: new Uint8Array(0), digest };
      if ([...books.values()].some(({ log: each }) => each.indexOf(entry) !== undefined)) dropLike(digest);
      else if (isNew) note(chain.current.epoch, entry);
      else changed();
    },
    evidence: () => [...shown.values()],
    next(epoch) {
      const { log: tree, pending } = bookOf(epoch);
      const closed = closing(epoch);
      return tree.nextBatch(pending.values()) ?? (closed && tree.nextBatch([closed]));
    },
    isLate({ subject: { domain, key }, epoch, value }) {
      const { log: tree } = bookOf(epoch);
      return domain === 'verdict' && tree.isClosed && tree.indexOf({ kind: domain, key, digest: value }) === undefined;
    },
    log: (epoch) => bookOf(epoch).log,
    batches(epoch, fromHeight) {
      const found: CertifiedBatch[] = [];
      let sizeBytes = 0;
      for (const batch of bookOf(epoch).batches.slice(fromHeight)) {
        sizeBytes += batch.payload.length + batch.certificate.length;
        if (found.length > 0 && sizeBytes > replyBytesMax) break;
        found.push(batch);
      }
      return found;
    },
    adopt: (certified) => decided(verified(certified), certified),
    cosigned(epoch) {
      const { log: tree, heard } = bookOf(epoch);
      const config = chain.config(epoch);
      const key =
        config === undefined ? undefined : cosignerKeys(config).find(({ name }) => name.endsWith(identity.id));
      if (key === undefined || tree.size === 0) return undefined;
      const known = heard.get(identity.id);
      if (known?.size === tree.size) return known;
      const about = { epoch, size: tree.size, root: tree.root() };
      const seconds = Math.floor(clock.wallMs() / 1_000);
      const said = {
        ...about,
        signature: cosign(textOf(about), { ...key, secretKey: identity.secretKey }, seconds, crypto),
      };
      heard.set(identity.id, said);
      refreshNote(epoch);
      return said;
    },
    hear(from, said) {
      const { epoch, size, root, signature } = said;
      const config = chain.config(epoch);
      const key = config === undefined ? undefined : cosignerKeys(config).find(({ name }) => name.endsWith(from));
      if (key === undefined || !isSignedBy(textOf(said), signature, key, crypto))
        throw new MalformedBytes('a cosignature that does not verify');
      const book = bookOf(epoch);
      if (size <= book.log.size && !equalBytes(book.log.root(size), root)) return false;
      if (size > book.log.size) book.behindHeight = Math.max(book.behindHeight, book.log.height);
      if (size >= (book.heard.get(from)?.size ?? 0)) book.heard.set(from, said);
      refreshNote(epoch);
      return true;
    },
    isCosigned: (epoch) => bookOf(epoch).note?.checkpoint.size === bookOf(epoch).log.size,
    checkpoint: (epoch) => bookOf(epoch).note?.text,
    adoptCheckpoint(epoch, text) {
      const book = bookOf(epoch);
      const config = chain.config(epoch);
      if (config === undefined || book.note?.checkpoint.size === book.log.size) return;
      const opened = openCheckpoint(text, config, chain.meshId, crypto);
      if (!opened.ok) throw new MalformedBytes(`a checkpoint of epoch ${epoch} that does not verify: ${opened.reason}`);
      const { checkpoint } = opened;
      if (checkpoint.size === book.log.size && equalBytes(checkpoint.root, book.log.root()))
        book.note = { text, checkpoint };
    },
    prove(epoch, entry) {
      const { log: tree, note: signed } = bookOf(epoch);
      const index = tree.indexOf(entry);
      if (index === undefined || signed === undefined || index >= signed.checkpoint.size) return undefined;
      const { size } = signed.checkpoint;
      const place = { epoch, index, entry: tree.leaf(index)!, proof: tree.prove(index, size), checkpoint: signed.text };
      if (!tree.isClosed || size !== tree.size) return place;
      return { ...place, closing: { entry: tree.leaf(size - 1)!, proof: tree.prove(size - 1, size) } };
    },
    proveGrowth(epoch, size) {
      const { log: tree, note: signed } = bookOf(epoch);
      if (signed === undefined || size < 1 || size > signed.checkpoint.size) return undefined;
      return tree.proveGrowth(size, signed.checkpoint.size);
    },
    isBehind: (epoch) => bookOf(epoch).behindHeight >= bookOf(epoch).log.height,
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    async idle() {
      await writing;
    },
  };
}

function keyOf(epoch: number, height: number): string {
  return `batch/${String(epoch).padStart(10, '0')}/${String(height).padStart(10, '0')}`;
}
