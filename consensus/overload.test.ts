// Law: a member that floods slows nobody but itself, and what it makes the others hold is bounded and refused under its name.
import { describe, expect, it } from 'vitest';
import { compareText, createIdentity, type Identity, utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { createEngine } from './engine.ts';
import type { Engine, EngineInput, EngineLimits } from './engine-types.ts';
import { epochViewOf, leaderOrder } from './epoch.ts';
import { FrameBuilder } from './frame.ts';
import { InputQueue, type QueueLimits } from './input-queue.ts';
import { encodeProposal, encodeVote, instanceIdOf, noHash, type Subject, valueIdOf } from './messages.ts';
import { HeldEntry, sealBatch } from './signed-entry.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { testMesh } from './testing/sim.ts';

const counted = { checks: 0, hashes: 0 };
const plain = createFastCrypto(createCrypto().sha256);
const crypto: typeof plain = {
  ...plain,
  sha256: (...parts) => {
    counted.hashes++;
    return plain.sha256(...parts);
  },
  verify: (...signed) => {
    counted.checks++;
    return plain.verify(...signed);
  },
};
const identities = Array.from({ length: 4 }, (_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1))).sort(
  (a, b) => compareText(a.id, b.id),
);
const mesh = testMesh(identities, { f: 1, c: 0, p: 1 }, crypto);
const scope = epochViewOf(mesh.config, mesh.meshId, crypto).scope;
const flooder: Identity = identities[3]!;

/** An instance that `leader` leads. */
function subjectLedBy(leader: Identity, name: string): Subject {
  for (let i = 0; ; i++) {
    const subject: Subject = { domain: 'verdict', key: utf8.encode(`${name} ${i}`) };
    const [first] = leaderOrder(
      instanceIdOf(scope, subject, crypto),
      identities.map(({ id }) => id),
    );
    if (first === leader.id) return subject;
  }
}

function frameOf(
  build: (builder: FrameBuilder, sign: (entry: Uint8Array) => void) => void,
  as = flooder,
): Uint8Array[] {
  const builder = new FrameBuilder();
  const held: HeldEntry[] = [];
  build(builder, (entry) => void held.push(new HeldEntry(entry, as.id)));
  if (held.length > 0) builder.batch(sealBatch(as, crypto, held));
  return builder.build();
}

/** Votes about instances that nobody ever heard of. */
const nonsense = (count: number, from: number, as = flooder): Uint8Array[] =>
  frameOf((_, sign) => {
    for (let i = 0; i < count; i++) {
      const instance = valueIdOf(utf8.encode(`nothing ${from + i}`), crypto);
      sign(encodeVote({ kind: 'prevote', instance, round: 0, value: null, polkaRound: -1, proposalHash: noHash }));
    }
  }, as);

/** A proposal that holds back nothing but its end: the others keep it and never decide on it. */
function proposal(subject: Subject, payload: Uint8Array): Uint8Array[] {
  return frameOf((builder, sign) => {
    const instance = instanceIdOf(scope, subject, crypto);
    const value = valueIdOf(payload, crypto);
    builder.subject(instance, subject);
    builder.payload(value, payload);
    sign(encodeProposal({ instance, round: 0, value, polkaRound: -1, justificationHash: noHash }));
  });
}

interface Member {
  readonly identity: Identity;
  readonly engine: Engine;
  readonly queue: InputQueue;
  decided: number;
}

/** What three honest members decide in `turns` calls each, while the fourth sends `flood(turn)` to each of them before every call. */
function decisions(turns: number, flood: (turn: number) => Uint8Array[], limits?: QueueLimits): number {
  const members: Member[] = identities.slice(0, 3).map((identity) => ({
    identity,
    engine: engineOf(identity),
    queue: new InputQueue(limits),
    decided: 0,
  }));
  let serial = 0;
  const start = (member: Member): void => {
    const subject = subjectLedBy(member.identity, `work ${serial++}`);
    member.queue.push({ type: 'start', subject, payload: utf8.encode(`payload ${serial}`) });
  };
  for (const member of members) for (let i = 0; i < 4; i++) start(member);
  for (let turn = 0; turn < turns; turn++) {
    for (const member of members) {
      for (const bytes of flood(turn)) member.queue.push({ type: 'frame', from: flooder.id, bytes });
      for (const output of member.engine.handleAll(member.queue.take())) {
        if (output.type === 'send') {
          for (const other of members)
            if (other !== member && (output.to === 'all' || output.to === other.identity.id))
              other.queue.push({ type: 'frame', from: member.identity.id, bytes: output.frame });
        } else if (output.type === 'validate') {
          member.queue.push({ type: 'validated', instance: output.instance, value: output.value, ok: true });
        } else if (output.type === 'refused') {
          member.queue.refused(output.from);
        } else if (output.type === 'decided') {
          member.decided++;
          if (member.engine.leader(output.instance, 0) === member.identity.id) start(member);
        }
      }
    }
  }
  return members.reduce((sum, { decided }) => sum + decided, 0);
}

function engineOf(self: Identity, limits: Partial<EngineLimits> = {}): Engine {
  const { meshId, config } = mesh;
  return createEngine({ self, meshId, config, crypto, timeouts: { baseMs: 100, maxMs: 2_000 }, limits });
}

describe('a member that floods', () => {
  const turns = 24;
  const storms = Array.from({ length: 4 }, (_, turn) =>
    Array.from({ length: 8 }, (_, i) => nonsense(500, turn * 4_000 + i * 500)).flat(),
  );
  const storm = (turn: number): Uint8Array[] => storms[turn % storms.length]!;

  it('does not slow the others: they decide as much in as many calls, and spend little on what it says', () => {
    const measured = (
      flood: (turn: number) => Uint8Array[],
      limits?: QueueLimits,
    ): { decided: number; checks: number; hashes: number } => {
      const before = { ...counted };
      const decided = decisions(turns, flood, limits);
      return { decided, checks: counted.checks - before.checks, hashes: counted.hashes - before.hashes };
    };
    const quiet = measured(() => []);
    const flooded = measured(storm);
    // One queue for all, long enough for everything: what fairness is worth.
    const unfair = measured(storm, { peerBytes: 1 << 30, quantumBytes: 1 << 30, callBytes: 1 << 30 });
    console.log(
      `decided ${quiet.decided} / ${flooded.decided} / ${unfair.decided} without a flood, with one, and with one heard in full; hashed ${quiet.hashes} / ${flooded.hashes} / ${unfair.hashes}, signatures checked ${quiet.checks} / ${flooded.checks} / ${unfair.checks}`,
    );
    expect(quiet.decided).toBeGreaterThan(100);
    expect(flooded.decided / quiet.decided).toBeGreaterThanOrEqual(0.95);
    // Counts, not times. Each member checks one frame of the flooder's per call at most, and stops hashing what it is refused for.
    expect(flooded.checks - quiet.checks).toBeLessThanOrEqual(3 * turns);
    expect(flooded.hashes - quiet.hashes).toBeLessThan((unfair.hashes - quiet.hashes) / 10);
  });

  it('waits behind itself: its own queue is bounded and what exceeds it is dropped, and nobody else’s is', () => {
    const queue = new InputQueue({ peerBytes: 10_000, quantumBytes: 4_000, callBytes: 8_000 });
    const frame = (from: string, size: number): EngineInput => ({ type: 'frame', from, bytes: new Uint8Array(size) });
    const kept = Array.from({ length: 50 }, () => queue.push(frame('loud', 1_000))).filter(Boolean).length;
    expect(kept).toBe(4);
    expect(queue.push(frame('calm', 1_000))).toBe(true);
    expect(queue.push({ type: 'resume' })).toBe(true);
    const first = queue.take();
    expect(first.filter((input) => input.type === 'frame' && input.from === 'calm')).toHaveLength(1);
    expect(first.filter(({ type }) => type === 'resume')).toHaveLength(1);
    let calls = 1;
    while (!queue.isEmpty) {
      expect(queue.take().length).toBeGreaterThan(0);
      calls++;
    }
    expect(calls).toBeLessThanOrEqual(2);
  });

  it('a frame larger than any quantum still gets through, alone or beside others, in order', () => {
    const queue = new InputQueue({ peerBytes: 10_000_000, quantumBytes: 4_000, callBytes: 8_000 });
    const sizes = [900_000, 10, 20];
    for (const size of sizes) queue.push({ type: 'frame', from: 'large', bytes: new Uint8Array(size) });
    const seen: number[] = [];
    for (let call = 0; call < 1_000 && !queue.isEmpty; call++) {
      queue.push({ type: 'frame', from: 'small', bytes: new Uint8Array(100) });
      const taken = queue.take();
      expect(taken.some((input) => input.type === 'frame' && input.from === 'small')).toBe(true);
      for (const input of taken) if (input.type === 'frame' && input.from === 'large') seen.push(input.bytes.length);
      if (seen.length === sizes.length) break;
    }
    expect(seen).toEqual(sizes);
  });

  it('holds no more than its share of undecided payloads at the others, and is named for what exceeds it', () => {
    const payloadBytesPerMember = 10_000;
    const engine = engineOf(identities[0]!, { payloadBytesPerMember });
    const feed = (leader: Identity, bytes: readonly Uint8Array[]): { asked: number; refused: number } => {
      const outputs = bytes.flatMap((frame) => engine.handle({ type: 'frame', from: leader.id, bytes: frame }));
      return {
        asked: outputs.filter(({ type }) => type === 'validate').length,
        refused: outputs.filter((output) => output.type === 'refused' && output.from === leader.id).length,
      };
    };
    const results = Array.from({ length: 20 }, (_, i) =>
      feed(flooder, proposal(subjectLedBy(flooder, `flood ${i}`), new Uint8Array(2_000).fill(i))),
    );
    expect(results.reduce((sum, { asked }) => sum + asked, 0)).toBe(5);
    expect(results.reduce((sum, { refused }) => sum + refused, 0)).toBe(15);
  });

  it('what it says of instances nobody heard of is bounded, and so is how many it brings up', () => {
    const engine = engineOf(identities[0]!, { strangersPerMember: 100, joinedPerPeer: 10 });
    const outputs = nonsense(2_000, 0).flatMap((bytes) => engine.handle({ type: 'frame', from: flooder.id, bytes }));
    expect(outputs.filter(({ type }) => type === 'refused').length).toBe(157);
    for (let i = 0; i < 50; i++)
      for (const bytes of proposal(subjectLedBy(flooder, `many ${i}`), utf8.encode(`many ${i}`)))
        engine.handle({ type: 'frame', from: flooder.id, bytes });
    expect(engine.liveCount).toBe(10);
  });

  it('pushes nothing out that another said, with the other’s own old words: what it brings counts as brought by it', () => {
    const [here, victim] = identities as [Identity, Identity, Identity, Identity];
    const engine = engineOf(here, { strangersPerMember: 100 });
    const feed = (from: Identity, frames: readonly Uint8Array[]): number =>
      frames
        .flatMap((bytes) => engine.handle({ type: 'frame', from: from.id, bytes }))
        .filter((output) => output.type === 'refused' && output.from === from.id).length;
    const subject = subjectLedBy(victim, 'early');
    const instance = instanceIdOf(scope, subject, crypto);
    const payload = utf8.encode('early');
    const value = valueIdOf(payload, crypto);
    // The victim's words come before anybody has said what they are about.
    const early = frameOf(
      (_, sign) => sign(encodeProposal({ instance, round: 0, value, polkaRound: -1, justificationHash: noHash })),
      victim,
    );
    expect(feed(victim, early)).toBe(0);
    // As they came, and one by one.
    const old = nonsense(400, 0, victim);
    expect(feed(flooder, old)).toBeGreaterThan(0);
    const entries = Array.from({ length: 150 }, (_, i) => {
      const unknown = valueIdOf(utf8.encode(`old ${i}`), crypto);
      const vote = { kind: 'prevote', instance: unknown, round: 0, value: null, polkaRound: -1 } as const;
      return new HeldEntry(encodeVote({ ...vote, proposalHash: noHash }), victim.id);
    });
    sealBatch(victim, crypto, entries);
    const relayed = frameOf((builder) => {
      for (const held of entries) builder.relay(held.export());
    });
    expect(feed(flooder, relayed)).toBeGreaterThan(0);
    // One that is no member has no room here: there may be any number of them.
    expect(feed({ ...flooder, id: 'an observer' }, relayed)).toBe(entries.length);
    const outputs = engine.handle({ type: 'start', subject });
    for (const bytes of frameOf((builder) => builder.payload(value, payload), victim))
      outputs.push(...engine.handle({ type: 'frame', from: victim.id, bytes }));
    // The proposal was kept: its payload is asked about.
    expect(outputs.filter(({ type }) => type === 'validate')).toHaveLength(1);
  });

  it('is heard by the way or after a rest once it was refused too often, until it behaves; an oversized word of its own waits longest', () => {
    const queue = new InputQueue({ peerBytes: 1 << 20, quantumBytes: 64 * 1024, callBytes: 256 * 1024 });
    const frame = (from: string, size = 10): EngineInput => ({ type: 'frame', from, bytes: new Uint8Array(size) });
    queue.push(frame('loud'));
    expect(queue.isUrgent).toBe(true);
    expect(queue.take()).toHaveLength(1);
    for (let i = 0; i < 3; i++) queue.refused('loud');
    queue.push(frame('loud'));
    // Three times may happen to anybody.
    expect(queue.isUrgent).toBe(true);
    queue.refused('loud');
    queue.refused('loud');
    expect([queue.isUrgent, queue.isEmpty]).toEqual([false, false]);
    queue.push({ type: 'resume' });
    expect([queue.isUrgent, queue.hasOwn]).toEqual([true, true]);
    expect(queue.takeOwn()).toEqual([{ type: 'resume' }]);
    expect([queue.isUrgent, queue.isEmpty]).toEqual([false, false]);
    queue.push(frame('calm'));
    expect(queue.isUrgent).toBe(true);
    expect(queue.take()).toHaveLength(2);
    queue.push(frame('loud', 100_000));
    let calls = 0;
    while (!queue.isEmpty) {
      calls++;
      queue.take();
    }
    // At a 32nd of its share, a little more with each call: not at once, and not never.
    expect(calls).toBeGreaterThan(10);
    for (let i = 0; i < 256; i++) queue.take();
    queue.push(frame('loud', 100_000));
    expect(queue.isUrgent).toBe(true);
    expect(queue.take()).toHaveLength(1);
  });
});
