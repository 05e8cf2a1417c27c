// Law: what is remembered changes nothing: every entry is read as what it says, whichever others have the same number.
import { expect, test } from 'vitest';
import { hex, MalformedBytes } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { EntryMemo } from './entry-memo.ts';
import { leafHashOf } from './entry-tree.ts';
import { decodeEntry, encodeProposal, encodeVote, noHash } from './messages.ts';

const crypto = createCrypto();
const hashOf = (text: string): string => hex.encode(crypto.sha256(new TextEncoder().encode(text)));

test('entries of one slot, of slots with one number and of others are each read as what they say, the second time too', () => {
  const memo = new EntryMemo(crypto);
  const instance = hashOf('an instance');
  // Instances that begin alike have one number.
  const alike = [instance, instance.slice(0, 8) + hashOf('another').slice(8)];
  const entries = [...alike, hashOf('far off')].flatMap((each) => [
    ...[0, 1, 256].flatMap((round) =>
      (['prevote', 'precommit'] as const).map((kind) => {
        const vote = { kind, instance: each, round, value: hashOf(`${round}`), polkaRound: -1 };
        return encodeVote({ ...vote, proposalHash: kind === 'prevote' ? hashOf('proposal') : noHash });
      }),
    ),
    ...['one', 'other'].map((value) =>
      encodeProposal({ instance: each, round: 0, value: hashOf(value), polkaRound: -1, justificationHash: noHash }),
    ),
  ]);
  for (const entry of [...entries, ...entries.toReversed()]) {
    const known = memo.recall(entry);
    expect(known.bytes).toEqual(entry);
    expect(known.entry).toEqual(decodeEntry(entry));
    expect(known.leafHash).toEqual(leafHashOf(entry, crypto));
  }
  // One array for all who say the same, also where it is part of a frame.
  const frame = new Uint8Array([1, 2, 3, ...entries[0]!, 4]);
  const view = frame.subarray(3, 3 + entries[0]!.length);
  const first = memo.recall(entries[0]!);
  expect(memo.recall(view, Buffer.from(frame.buffer)).bytes).toBe(first.bytes);
});

test('what is too short to be an entry is malformed, and nothing else', () => {
  const memo = new EntryMemo(crypto);
  for (let length = 0; length < 60; length++)
    expect(() => memo.recall(new Uint8Array(length).fill(length))).toThrow(MalformedBytes);
});
