import { describe, expect, test } from 'vitest';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { Ballots } from './ballots.ts';
import { epochViewOf } from './epoch.ts';
import { encodeVote, noHash, type Vote } from './messages.ts';
import { defaultFaultBudget } from './quorum.ts';
import { soundRules } from './rules.ts';
import { HeldEntry, openBatch, type SignedEntry, sealBatch } from './signed-entry.ts';
import { testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const signer = testIdentity(1, crypto);
const vote = (round: number): Vote => ({
  kind: 'precommit',
  instance: 'ab'.repeat(32),
  round,
  value: 'cd'.repeat(32),
  polkaRound: -1,
  proposalHash: noHash,
});

/** A verified vote that came in a batch with another, and what it is when taken out. */
function held(): { readonly held: HeldEntry; readonly signed: SignedEntry } {
  const batch = sealBatch(
    signer,
    crypto,
    [0, 1].map((round) => new HeldEntry(encodeVote(vote(round)), signer.id)),
  );
  const [first] = openBatch(batch, crypto)!;
  return { held: first!, signed: first!.export() };
}

// Found by the simulator, seed 58: a certificate with one junk signature was kept by every node that held the real vote, and by no other.
describe('a node vouches for a vote it verified', () => {
  test('only with the proof it verified: the statement under other bytes is another matter', () => {
    const known = held();
    const identities = [0, 1, 2, 3].map((i) => testIdentity(i, crypto));
    const mesh = testMesh(identities, defaultFaultBudget(4), crypto);
    const ballots = new Ballots(epochViewOf(mesh.config, mesh.meshId, crypto), soundRules, 'verdict');
    ballots.add({ vote: vote(0), held: known.held }, 0, () => {});
    expect(ballots.isKnown(known.signed)).toBe(true);
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
    expect(ballots.isKnown({ ...known.signed, signature: flip(known.signed.signature) })).toBe(false);
    expect(ballots.isKnown({ ...known.signed, path: [] })).toBe(false);
    const [level] = known.signed.path;
    expect(ballots.isKnown({ ...known.signed, path: [{ ...level!, siblings: level!.siblings.map(flip) }] })).toBe(
      false,
    );
  });
});
