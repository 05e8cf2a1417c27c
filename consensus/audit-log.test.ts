// Law: what is in the log can be shown with the checkpoint alone, and nothing else can; a checkpoint is text that others' tools read.
import { describe, expect, it } from 'vitest';
import { createIdentity, utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import {
  type AuditBatch,
  type AuditEntry,
  AuditLog,
  auditOrigin,
  closingEntry,
  cosignerKeys,
  decodeAuditBatch,
  encodeAuditBatch,
  encodeAuditEntry,
  hasGrown,
  isLogged,
  openCheckpoint,
} from './audit-log.ts';
import {
  checkpointText,
  cosign,
  isSignedBy,
  type NoteSignature,
  parseCheckpoint,
  parseNote,
  renderNote,
  signNote,
} from './note.ts';
import { testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const identities = Array.from({ length: 4 }, (_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1)));
const mesh = testMesh(identities, { f: 1, c: 0, p: 1 }, crypto);
const entry = (text: string, kind: AuditEntry['kind'] = 'verdict'): AuditEntry => ({
  kind,
  key: utf8.encode(text),
  digest: Buffer.from(crypto.sha256(utf8.encode(text))).toString('hex'),
});

function logOf(...batches: readonly (readonly string[])[]): AuditLog {
  const log = new AuditLog(0, crypto);
  for (const texts of batches) log.apply(log.nextBatch(texts.map((text) => entry(text)))!);
  return log;
}

describe('signed notes', () => {
  // The example of golang.org/x/mod/sumdb/note and c2sp.org/signed-note.
  const skey = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const line =
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
  const secretKey = new Uint8Array(skey);
  const peter = { name: 'PeterNeumann', publicKey: crypto.publicKey(secretKey), secretKey };

  it('signs the published example byte for byte, and verifies it', () => {
    const note = renderNote({ text, signatures: [signNote(text, peter, crypto)] });
    expect(note).toBe(`${text}\n${line}`);
    const parsed = parseNote(note);
    expect(parsed.text).toBe(text);
    expect(isSignedBy(parsed.text, parsed.signatures[0]!, peter, crypto)).toBe(true);
    expect(isSignedBy(`${parsed.text}!`, parsed.signatures[0]!, peter, crypto)).toBe(false);
    expect(isSignedBy(parsed.text, parsed.signatures[0]!, { ...peter, name: 'EnochRoot' }, crypto)).toBe(false);
  });

  it('refuses notes that the format does not allow', () => {
    for (const bad of [
      '',
      text,
      `${text}\n`,
      `${text}\n${line.trimEnd()}`,
      `${text}\n— PeterNeumann AAAA\n`,
      `${text}\n${line}\n`,
    ])
      expect(() => parseNote(bad), JSON.stringify(bad)).toThrow();
    expect(() => parseNote(`a\tb\n\n${line}`)).toThrow();
  });

  it('a cosignature carries its time under the signature, and is no plain signature', () => {
    const made = cosign(text, peter, 1_679_315_147, crypto);
    expect(isSignedBy(text, made, peter, crypto)).toBe(true);
    const later = made.signature.slice();
    later[7]! ^= 1;
    expect(isSignedBy(text, { ...made, signature: later }, peter, crypto)).toBe(false);
    expect(isSignedBy(text, { ...made, signature: made.signature.slice(8) }, peter, crypto)).toBe(false);
  });

  it('reads the checkpoint of the published cosignature example', () => {
    const body = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const checkpoint = parseCheckpoint(body);
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 });
    expect(checkpointText(checkpoint)).toBe(body);
    for (const bad of ['a\n01\nAAAA\n', 'a\n-1\nAAAA\n', 'a\n1\nAAAA\n', '\n1\n\n'])
      expect(() => parseCheckpoint(bad)).toThrow();
  });
});

describe('the audit log of an epoch', () => {
  it('shows every entry under every checkpoint that came after it, and shows nothing else', () => {
    const log = logOf(['a', 'b', 'c'], ['d'], ['e', 'f', 'g', 'h']);
    for (let size = 1; size <= log.size; size++) {
      const checkpoint = { origin: 'x', size, root: log.root(size) };
      for (let index = 0; index < size; index++) {
        const proof = log.prove(index, size);
        expect(isLogged(log.leaf(index)!, index, checkpoint, proof, crypto)).toBe(true);
        expect(isLogged(encodeAuditEntry(entry('never'), 0), index, checkpoint, proof, crypto)).toBe(false);
        if (size > 1) expect(isLogged(log.leaf(index)!, (index + 1) % size, checkpoint, proof, crypto)).toBe(false);
      }
    }
  });

  it('shows that every checkpoint extends every earlier one, and no other history', () => {
    const log = logOf(['a', 'b', 'c'], ['d'], ['e', 'f', 'g', 'h']);
    const other = logOf(['a', 'b', 'x'], ['d'], ['e', 'f', 'g', 'h']);
    const at = (of: AuditLog, size: number) => ({ origin: 'x', size, root: of.root(size) });
    for (let older = 1; older <= log.size; older++)
      for (let newer = older; newer <= log.size; newer++) {
        const proof = log.proveGrowth(older, newer);
        expect(hasGrown(at(log, older), at(log, newer), proof, crypto)).toBe(true);
        expect(hasGrown({ ...at(log, older), origin: 'y' }, at(log, newer), proof, crypto)).toBe(false);
        if (older > 2) expect(hasGrown(at(other, older), at(log, newer), proof, crypto)).toBe(false);
        if (newer > older) expect(hasGrown(at(log, newer), at(log, older), proof, crypto)).toBe(false);
      }
    expect(() => log.proveGrowth(1, log.size + 1)).toThrow(RangeError);
    expect(() => log.proveGrowth(0)).toThrow(RangeError);
  });

  it('takes nothing more once it is closed, and closes alone', () => {
    const log = logOf(['a', 'b']);
    const close = closingEntry({ ...mesh.config, epoch: 1 }, crypto);
    const batch = log.nextBatch([close])!;
    const known = (): boolean => true;
    expect(log.judge({ ...batch, entries: [close] }, known)).toEqual({ ok: true });
    const mixed = log.nextBatch([close, entry('z')])!;
    expect(() => decodeAuditBatch(encodeAuditBatch(mixed))).toThrow(/stands alone/);
    expect(log.isClosed).toBe(false);
    log.apply(batch);
    expect(log.isClosed).toBe(true);
    expect(log.nextBatch([entry('late')])).toBeUndefined();
    const late = { epoch: 0, height: log.height, sizeBefore: log.size, entries: [entry('late')] };
    expect(log.judge(late, known)).toMatchObject({ ok: false, reason: expect.stringMatching(/closed/) });
    expect(() => log.apply(late)).toThrow();
  });

  it('is the same tree on every node, whatever the order in which they learned of things', () => {
    const one = logOf(['c', 'a', 'b'], ['d']);
    const two = logOf(['b', 'c', 'a'], ['d']);
    expect(one.root()).toEqual(two.root());
    expect(logOf(['a', 'b', 'c', 'd']).root()).toEqual(one.root());
  });

  it('a batch has one encoding, sorted, without repetition, of one epoch', () => {
    const log = logOf(['a']);
    const batch = log.nextBatch([entry('z'), entry('a'), entry('b', 'evidence')])!;
    expect(batch).toMatchObject({ height: 1, sizeBefore: 1 });
    expect(batch.entries).toHaveLength(2);
    const bytes = encodeAuditBatch(batch);
    expect(decodeAuditBatch(bytes)).toEqual(batch);
    const bad = (changed: Partial<AuditBatch>): Uint8Array => encodeAuditBatch({ ...batch, ...changed });
    expect(() => decodeAuditBatch(bad({ entries: [...batch.entries].reverse() }))).toThrow();
    expect(() => decodeAuditBatch(bad({ entries: [batch.entries[0]!, batch.entries[0]!] }))).toThrow();
    expect(() => decodeAuditBatch(bad({ entries: [] }))).toThrow();
    expect(() => decodeAuditBatch(bytes.subarray(1))).toThrow();
  });

  it('a member votes only for the next batch, of things it saw, that are not in the log yet', () => {
    const log = logOf(['a']);
    const known = (): boolean => true;
    const next = log.nextBatch([entry('b')])!;
    expect(log.judge(next, known)).toEqual({ ok: true });
    expect(log.judge(next, () => false)).toBe('unknown');
    expect(log.judge({ ...next, height: 2 }, known)).toBe('unknown');
    expect(log.judge({ ...next, height: 0 }, known)).toMatchObject({ ok: false });
    expect(log.judge({ ...next, sizeBefore: 2 }, known)).toMatchObject({ ok: false });
    expect(log.judge({ ...next, entries: [entry('a')] }, known)).toMatchObject({ ok: false });
    expect(() => log.apply({ ...next, height: 2 })).toThrow();
  });

  it('a checkpoint holds with cosigners of quorum weight, each counted once, all of them members', () => {
    const log = logOf(['a', 'b']);
    const { config, meshId } = mesh;
    const text = checkpointText({ origin: auditOrigin(meshId, 0), size: log.size, root: log.root() });
    const keys = cosignerKeys(config).map((key) => ({
      ...key,
      secretKey: identities.find(({ publicKey }) => Buffer.compare(publicKey, key.publicKey) === 0)!.secretKey,
    }));
    const lines = keys.map((key) => cosign(text, key, 1_000, crypto));
    const open = (signatures: readonly NoteSignature[], of = text): boolean =>
      openCheckpoint(renderNote({ text: of, signatures }), config, meshId, crypto).ok;
    expect(open(lines.slice(0, 3))).toBe(true);
    expect(open(lines.slice(1, 3))).toBe(false);
    expect(open([lines[0]!, lines[0]!, lines[1]!])).toBe(false);
    const stranger = createIdentity(crypto, new Uint8Array(32).fill(9));
    const foreign = { name: keys[2]!.name, publicKey: stranger.publicKey, secretKey: stranger.secretKey };
    expect(open([lines[0]!, lines[1]!, cosign(text, foreign, 1_000, crypto)])).toBe(false);
    expect(open(lines, text.replace('\n2\n', '\n3\n'))).toBe(false);
    expect(openCheckpoint(renderNote({ text, signatures: lines }), { ...config, epoch: 1 }, meshId, crypto).ok).toBe(
      false,
    );
  });
});
