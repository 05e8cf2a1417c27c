import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { maxBatchEntries } from './entry-tree.ts';
import { decodeFrame, encodeFrame, FrameBuilder, maxFrameBytes } from './frame.ts';
import { decodeEntry, encodeProposal, encodeVote, noHash } from './messages.ts';
import {
  HeldEntry,
  openBatch,
  readSignedEntry,
  sealBatch,
  verifySignedEntry,
  writeSignedEntry,
} from './signed-entry.ts';

const crypto = createCrypto();
const identity = testIdentity(0, crypto);
const entries = (count: number) =>
  Array.from({ length: count }, (_, i) => new HeldEntry(utf8.encode(`entry ${i}`), identity.id));

describe('a batch of entries under one signature', () => {
  test('gives each entry a proof that stands alone, for every size of tree', () => {
    for (const count of [1, 2, 3, 4, 5, 15, 16, 17, 31, 255, 256, 257, 300]) {
      const held = entries(count);
      const batch = sealBatch(identity, crypto, held);
      const opened = openBatch(batch, crypto)!;
      for (let i = 0; i < count; i += Math.max(1, Math.floor(count / 20))) {
        const signed = opened[i]!.export();
        expect(signed).toEqual(held[i]!.export());
        expect(4 ** signed.path.length).toBeGreaterThanOrEqual(count);
        expect(count === 1 || 4 ** (signed.path.length - 1) < count).toBe(true);
        const writer = new ByteWriter();
        writeSignedEntry(writer, signed);
        expect(verifySignedEntry(readSignedEntry(new ByteReader(writer.finish())), crypto)).toBe(true);
        expect(verifySignedEntry({ ...signed, entry: utf8.encode('entry x') }, crypto)).toBe(false);
        expect(verifySignedEntry({ ...signed, signer: testIdentity(1, crypto).id }, crypto)).toBe(false);
      }
    }
  });

  test('proves an entry only at its place and with all of its path', () => {
    const held = entries(40);
    sealBatch(identity, crypto, held);
    const signed = held[20]!.export();
    const [low, ...high] = signed.path as [(typeof signed.path)[0], ...typeof signed.path];
    expect(verifySignedEntry({ ...signed, path: [low] }, crypto)).toBe(false);
    expect(verifySignedEntry({ ...signed, path: [{ ...low, position: low.position + 1 }, ...high] }, crypto)).toBe(
      false,
    );
    expect(verifySignedEntry({ ...signed, path: [{ ...low, siblings: low.siblings.slice(1) }, ...high] }, crypto)).toBe(
      false,
    );
    expect(verifySignedEntry({ ...signed, path: [{ position: 99, siblings: [] }, ...high] }, crypto)).toBe(false);
    // An inner node, offered as an entry with the rest of the path, does not pass: leaves and nodes are hashed apart.
    const node = Buffer.concat([
      ...low.siblings.slice(0, low.position),
      crypto.sha256(Uint8Array.of(0), signed.entry),
      ...low.siblings.slice(low.position),
    ]);
    expect(verifySignedEntry({ ...signed, entry: new Uint8Array(node), path: high }, crypto)).toBe(false);
  });

  test('is refused with a flipped entry or signature, without entries, and with too many', () => {
    const batch = sealBatch(identity, crypto, entries(5));
    expect(openBatch({ ...batch, entries: [...batch.entries.slice(1), batch.entries[0]!] }, crypto)).toBeUndefined();
    expect(
      openBatch({ ...batch, signature: batch.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }, crypto),
    ).toBeUndefined();
    expect(() => openBatch({ ...batch, entries: [] }, crypto)).toThrow(MalformedBytes);
    expect(() => sealBatch(identity, crypto, entries(maxBatchEntries + 1))).toThrow(MalformedBytes);
  });

  test('an own entry cannot be shown before it is sealed', () => {
    expect(() => entries(1)[0]!.export()).toThrow('after its batch was sealed');
  });
});

describe('entries', () => {
  const instance = 'ab'.repeat(32);
  const vote = {
    kind: 'prevote',
    instance,
    round: 3,
    value: 'cd'.repeat(32),
    polkaRound: 2,
    proposalHash: 'ef'.repeat(32),
  } as const;
  const nil = { kind: 'precommit', instance, round: 0, value: null, polkaRound: -1, proposalHash: noHash } as const;
  const proposal = { instance, round: 1, value: 'cd'.repeat(32), polkaRound: 0, justificationHash: 'ef'.repeat(32) };

  test('have one encoding each, and votes are no proposals', () => {
    expect(decodeEntry(encodeVote(vote))).toEqual({ type: 'vote', vote });
    expect(decodeEntry(encodeVote(nil))).toEqual({ type: 'vote', vote: nil });
    expect(decodeEntry(encodeProposal(proposal))).toEqual({ type: 'proposal', proposal });
    expect(
      new Set(
        [encodeVote(vote), encodeVote({ ...vote, kind: 'precommit' }), encodeVote({ ...vote, round: 4 })].map((bytes) =>
          Buffer.from(bytes).toString('hex'),
        ),
      ).size,
    ).toBe(3);
  });

  test('that nobody could have meant are malformed', () => {
    for (const bad of [
      encodeVote({ ...nil, polkaRound: 0 }),
      encodeVote({ ...nil, proposalHash: 'ef'.repeat(32) }),
      encodeVote({ ...vote, kind: 'precommit' }),
      encodeVote({ ...vote, polkaRound: 3 }),
      encodeVote({ ...vote, polkaRound: -2 }),
      encodeVote({ ...vote, round: 2_000_000 }),
      encodeProposal({ ...proposal, polkaRound: 1 }),
      encodeProposal({ ...proposal, round: 0, polkaRound: -1 }),
      encodeProposal({ ...proposal, justificationHash: noHash }),
      encodeVote(vote).subarray(0, 50),
      new Uint8Array([...encodeVote(vote), 0]),
      new ByteWriter('parley/other/1').finish(),
    ]) {
      expect(() => decodeEntry(bad)).toThrow(MalformedBytes);
    }
    const nilWithValue = encodeVote({ ...vote, kind: 'precommit', polkaRound: -1, proposalHash: noHash });
    nilWithValue[nilWithValue.length - 69] = 0;
    expect(() => decodeEntry(nilWithValue)).toThrow('a vote for nil carries a value');
  });
});

describe('a frame', () => {
  test('carries everything once and in frames that fit', () => {
    const builder = new FrameBuilder();
    builder.batch(sealBatch(identity, crypto, entries(3)));
    const subject = { domain: 'verdict', key: utf8.encode('k') } as const;
    for (let i = 0; i < 12; i++) {
      const payload = new Uint8Array(200 * 1024).fill(i);
      builder.payload(String(i), payload);
      builder.payload(String(i), payload);
      builder.subject(String(i % 3).repeat(64), subject);
    }
    const frames = builder.build();
    expect(frames.every((frame) => frame.length <= maxFrameBytes)).toBe(true);
    const decoded = frames.map((frame) => decodeFrame(frame));
    expect(decoded.flatMap((frame) => frame.payloads)).toHaveLength(12);
    expect(decoded.flatMap((frame) => frame.subjects)).toHaveLength(3);
    expect(decoded.filter((frame) => frame.batch !== undefined)).toHaveLength(1);
    expect(new FrameBuilder().build()).toEqual([]);
    for (const frame of frames) expect(encodeFrame(decodeFrame(frame))).toEqual(frame);
  });

  test('that is malformed is refused, whatever is wrong with it', () => {
    const builder = new FrameBuilder();
    builder.batch(sealBatch(identity, crypto, entries(2)));
    builder.sync({ instance: 'ab'.repeat(32), round: 1, wants: ['cd'.repeat(32)] });
    const [frame] = builder.build() as [Uint8Array];
    for (let length = 0; length < frame.length; length += 5)
      expect(() => decodeFrame(frame.subarray(0, length))).toThrow(MalformedBytes);
    expect(() => decodeFrame(new Uint8Array([...frame, 0]))).toThrow(MalformedBytes);
    expect(() => decodeFrame(new Uint8Array(maxFrameBytes + 1))).toThrow(MalformedBytes);
  });
});
