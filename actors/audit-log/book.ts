// Law: the book holds what the members decided to log and what they are still to log, epoch by epoch. A batch enters it only with the
// certificate that decided it; what a node votes to log is only what it saw happen. Workflows never wait for it.
import {
  type AuditBatch,
  type AuditEntry,
  auditKey,
  type Certificate,
  closingEntry,
  configKey,
  decodeAuditBatch,
  decodeCertificate,
  decodeEvidence,
  encodeAuditEntry,
  encodeCertificate,
  valueIdOf,
  verifyCertificate,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, equalBytes, hex, type Identity, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Question } from '../consensus/index.ts';
import type { Clock, Crypto, KeyValue, Log } from '../system/index.ts';
import type { AuditBook, CertifiedBatch } from './book-contract.ts';
import { createCosigning } from './cosigning.ts';
import { type EpochBook, emptyEpochBook } from './epoch-book.ts';

const pendingMax = 50_000;
/** Six kinds against each of 256 members, and no more. */
const shownMax = 1_536;
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
      book = emptyEpochBook(epoch, crypto);
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

  const cosigning = createCosigning({ chain, crypto, clock, identity, bookOf });

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
    ...cosigning,
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
