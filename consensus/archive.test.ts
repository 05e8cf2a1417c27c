import { expect, test } from 'vitest';
import { ByteWriter, hex, utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { Archive } from './archive.ts';
import { encodeCertificate } from './certificate.ts';
import { epochViewOf } from './epoch.ts';
import type { InstanceHost } from './instance-host.ts';
import { encodeVote, instanceIdOf, type Subject, valueIdOf } from './messages.ts';
import { defaultFaultBudget } from './quorum.ts';
import { Settlement } from './settlement.ts';
import { HeldEntry, openBatch, sealBatch } from './signed-entry.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { seededChance, testMesh } from './testing/sim.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const identities = Array.from({ length: 4 }, (_, i) => testIdentity(i, crypto));
const mesh = testMesh(identities, defaultFaultBudget(4), crypto);
const epoch = epochViewOf(mesh.config, mesh.meshId, crypto);
// A settlement asks its host for these two and, when it speaks, for more than this test makes it say.
const host = { epoch, crypto } as unknown as InstanceHost;

/** Decisions of several instances at once: each member's votes on all of them come in one batch, some of them taken out of it. */
function decide(first: number, count: number, payloadBytes: number): Settlement[] {
  const decisions = Array.from({ length: count }, (_, i) => {
    const subject: Subject = { domain: 'verdict', key: utf8.encode(`question ${first + i}`) };
    const payload = new Uint8Array(payloadBytes).fill(first + i);
    const instance = instanceIdOf(epoch.scope, subject, crypto);
    return { subject, payload, instance, value: valueIdOf(payload, crypto) };
  });
  const entries = decisions.map(({ instance, value }) => {
    const proposalHash = hex.encode(crypto.sha256(utf8.encode(`proposal of ${value}`)));
    return encodeVote({ kind: 'prevote', instance, round: 0, value, polkaRound: -1, proposalHash });
  });
  const opened = identities.slice(0, 3).map((identity) => {
    const own = entries.map((entry) => new HeldEntry(entry, identity.id));
    return openBatch(sealBatch(identity, crypto, own), crypto)!;
  });
  return decisions.map(({ subject, payload, instance, value }, i) => {
    const votes = opened.map((held) => held[i]!);
    if (i % 3 === 1) votes[0]!.detach();
    const decided = { kind: 'FAST', round: 0, value } as const;
    const settlement = new Settlement(instance, subject, host, decided, votes);
    const proof = encodeCertificate(settlement.certificate());
    const kept = i % 5 === 2 ? new Settlement(instance, subject, host, decided, proof) : settlement;
    kept.payload = payload;
    return kept;
  });
}

const shown = (settlement: Settlement): string =>
  new ByteWriter().bytes(encodeCertificate(settlement.certificate())).bytes(settlement.payload!).finish().toString();

test('what is archived comes back as it was, in order, and leaves nothing behind when it is evicted', () => {
  const chance = seededChance(7);
  const archive = new Archive(host);
  const expected = new Map<string, string>();
  const check = (): void => {
    expect(archive.size).toBe(expected.size);
    expect([...archive.all()].map(({ id }) => id)).toEqual([...expected.keys()]);
    for (const [id, text] of expected) {
      expect(archive.has(id)).toBe(true);
      expect(shown(archive.get(id)!)).toBe(text);
    }
  };
  const evictOldest = (): void => {
    const oldest = expected.keys().next().value;
    expect(archive.evict()).toBe(oldest);
    if (oldest === undefined) return;
    expected.delete(oldest);
    expect(archive.has(oldest)).toBe(false);
    expect(archive.get(oldest)).toBeUndefined();
  };
  for (let turn = 0; turn < 60; turn++) {
    // Now and then a payload that no chunk has room for.
    const payloadBytes = turn % 20 === 9 ? 256 * 1024 : Math.floor(chance.next() * 3_000);
    for (const settlement of decide(turn * 20, 1 + Math.floor(chance.next() * 20), payloadBytes)) {
      expected.set(settlement.id, shown(settlement));
      archive.add(settlement);
    }
    for (let left = Math.floor(chance.next() * 24); left > 0; left--) evictOldest();
    if (turn % 10 === 0) check();
  }
  check();
  expect(archive.sizeBytes).toBeGreaterThan(0);
  while (expected.size > 0) evictOldest();
  expect(archive.sizeBytes).toBe(0);
  evictOldest();
  // And begins anew.
  for (const settlement of decide(5_000, 10, 100)) {
    expected.set(settlement.id, shown(settlement));
    archive.add(settlement);
  }
  check();
});

test('who asked is counted across askings, as long as the decision is kept, though it is not kept awake for it', () => {
  const archive = new Archive(host);
  const settlements = decide(1, 300, 10);
  const [asked] = settlements;
  asked!.answers = new Map([['before', 1]]);
  for (const settlement of settlements) archive.add(settlement);
  const woken = archive.get(asked!.id)!;
  expect(archive.get(asked!.id)).toBe(woken);
  woken.answers!.set('after', 2);
  for (const { id } of settlements) archive.get(id);
  for (const { id } of settlements.slice(1)) archive.get(id);
  const again = archive.get(asked!.id)!;
  expect(again).not.toBe(woken);
  expect([...again.answers!]).toEqual([
    ['before', 1],
    ['after', 2],
  ]);
});
