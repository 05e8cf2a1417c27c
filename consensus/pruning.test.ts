import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { createEngine } from './engine.ts';
import type { EngineOutput } from './engine-types.ts';
import { decodeFrame, FrameBuilder } from './frame.ts';
import { decodeEntry, encodeProposal, encodeVote, noHash, type Subject, valueIdOf } from './messages.ts';
import { defaultFaultBudget } from './quorum.ts';
import { HeldEntry, sealBatch } from './signed-entry.ts';
import { Sim, testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const identities = Array.from({ length: 4 }, (_, i) => testIdentity(i, crypto));
const mesh = testMesh(identities, defaultFaultBudget(4), crypto);
const subject = (text: string): Subject => ({ domain: 'verdict', key: utf8.encode(text) });
const payload = (text: string): Uint8Array => utf8.encode(`payload ${text}`);
const hardlyAny = { settledWithVotes: 1, closedBytes: 1 };

describe('an instance that is pruned', () => {
  test('is never voted in again: not for its leader’s other proposal, nor for its votes, nor after a restart from the rewritten log', () => {
    const sim = new Sim({ mesh, crypto, limits: hardlyAny, rewriteAfter: 4 });
    const about = subject('victim');
    const id = sim.nodes[0]!.engine.instanceId(about);
    const liar = sim.nodes.findIndex(({ identity }) => identity.id === sim.nodes[0]!.engine.leader(id, 0));
    const honest = sim.nodes.filter(({ index }) => index !== liar);
    sim.start(liar, about, payload('first'));
    sim.run(200);
    expect(sim.nodes.every((node) => node.decided.has(id))).toBe(true);
    for (let i = 0; i < 8; i++) {
      for (const { index } of sim.nodes) sim.start(index, subject(`later ${i}`), payload(`${i}`));
      sim.run(400 + 200 * i);
    }
    sim.run(10_000);
    expect(honest.map(({ rewrites }) => rewrites > 0)).toEqual([true, true, true]);

    const other = payload('second');
    const value = valueIdOf(other, crypto);
    const proposal = { instance: id, round: 0, value, polkaRound: -1, justificationHash: noHash } as const;
    const signed = (entry: Uint8Array): HeldEntry => new HeldEntry(entry, identities[liar]!.id);
    const proposed = signed(encodeProposal(proposal));
    const proposalHash = Buffer.from(crypto.sha256(proposed.entry)).toString('hex');
    const vote = { kind: 'prevote', instance: id, round: 0, value, polkaRound: -1, proposalHash } as const;
    const statements = [proposed, signed(encodeVote(vote))];
    const builder = new FrameBuilder();
    builder.subject(id, about);
    builder.batch(sealBatch(sim.nodes[liar]!.identity, crypto, statements));
    builder.payload(value, other);
    const before = sim.votes.length;
    const attack = (): void => {
      for (const { index } of honest)
        for (const frame of builder.build()) {
          sim.inject(identities[liar]!.id, index, frame);
          sim.start(index, about, other);
        }
    };
    attack();
    sim.run(sim.nowMs + 10_000);
    for (const { index } of honest) sim.crash(index);
    for (const { index } of honest) sim.restart(index);
    attack();
    sim.run(sim.nowMs + 10_000);
    // The liar's own second prevote, and nothing of anybody else.
    expect(sim.votes.slice(before).map(({ signer }) => signer)).toEqual([identities[liar]!.id]);
    expect(sim.violations([liar])).toEqual([]);
  });

  test('that is under way is not pruned: the rewritten log holds every statement, and they are repeated byte by byte', () => {
    // Nobody finds valid what another proposes, and one is down: round after round is spoken in, and none decides.
    let isValid = false;
    const sim = new Sim({ mesh, crypto, limits: hardlyAny, rewriteAfter: 0, isValid: () => isValid });
    sim.crash(3);
    const up = [0, 1, 2];
    for (const index of up) for (const text of ['a', 'b']) sim.start(index, subject(text), payload(`${index}`));
    for (let life = 1; life <= 5; life++) {
      sim.run(life * 700);
      for (const index of up) sim.crash(index);
      for (const index of up) {
        sim.restart(index);
        for (const text of ['a', 'b']) sim.start(index, subject(text), payload(`other ${index} of life ${life}`));
      }
    }
    expect(Math.max(...sim.votes.map(({ vote }) => vote.round))).toBeGreaterThan(2);
    expect(sim.nodes.map((node) => node.decided.size)).toEqual([0, 0, 0, 0]);
    expect(sim.violations()).toEqual([]);
    isValid = true;
    sim.restart(3);
    sim.run(120_000, () => sim.nodes.every((node) => node.decided.size === 2));
    expect(sim.nodes.map((node) => node.decided.size)).toEqual([2, 2, 2, 2]);
    expect(sim.violations()).toEqual([]);
  });
});

describe('a rewritten log brings back what others said and a node rests on', () => {
  /** What a node says first after a restart from these records, whatever frames it is in: others learn from it what it rests on. */
  const saysAfter = (records: readonly Uint8Array[], node: Sim['nodes'][number]): string[] => {
    const timeouts = { baseMs: 100, maxMs: 2_000 };
    const engine = createEngine({ self: node.identity, config: mesh.config, meshId: mesh.meshId, crypto, timeouts });
    engine.handleAll(records.map((record) => ({ type: 'restore', record })));
    return engine
      .handle({ type: 'resume' })
      .flatMap((output) => (output.type === 'send' ? [decodeFrame(output.frame)] : []))
      .flatMap(({ relayed, certificates, payloads, justifications }) => [
        ...relayed.map(({ signer, entry }) => `${signer} ${Buffer.from(entry).toString('hex')}`),
        ...[...certificates, ...payloads, ...justifications].map((bytes) => Buffer.from(bytes).toString('hex')),
      ])
      .sort();
  };
  const isProposed = (frame: Uint8Array): boolean => decodeFrame(frame).payloads.length > 0;
  const precommits = (frame: Uint8Array): boolean => {
    const { batch, relayed } = decodeFrame(frame);
    return [...(batch?.entries ?? []), ...relayed.map(({ entry }) => entry)].some((bytes) => {
      const entry = decodeEntry(bytes);
      return entry.type === 'vote' && entry.vote.kind === 'precommit' && entry.vote.value !== null;
    });
  };

  for (const [name, delivers] of [
    ['the reports of round 0', (frame: Uint8Array) => !isProposed(frame)],
    [
      'the polka of its valid value',
      (frame: Uint8Array, nowMs: number) => !(nowMs < 100 ? isProposed(frame) : precommits(frame)),
    ],
  ] as const)
    test(name, () => {
      const sim = new Sim({ mesh, crypto, delivers: (_from, _to, frame, nowMs) => delivers(frame, nowMs) });
      sim.crash(
        sim.nodes.findIndex(
          ({ identity }) =>
            identity.id === sim.nodes[0]!.engine.leader(sim.nodes[0]!.engine.instanceId(subject('a')), 0),
        ),
      );
      for (const { index } of sim.nodes) sim.start(index, subject('a'), payload(`${index}`));
      sim.run(1_500);
      for (const node of sim.nodes.filter(({ isUp }) => isUp)) {
        const fromLog = saysAfter(node.durable, node);
        expect(fromLog.length).toBeGreaterThan(3);
        expect(saysAfter(node.engine.snapshot(), node)).toEqual(fromLog);
      }
    });
});

describe('what is remembered of what was pruned', () => {
  const alone = { ...mesh.config, members: mesh.config.members.slice(0, 1), f: 0, c: 0, p: 0 };
  const self = identities.find(({ id }) => id === alone.members[0]!.id)!;
  const open = (forgotten: number) =>
    createEngine({
      self,
      config: alone,
      meshId: mesh.meshId,
      crypto,
      timeouts: { baseMs: 100, maxMs: 1000 },
      limits: { ...hardlyAny, forgotten },
    });
  const decided = (outputs: readonly EngineOutput[]): number => outputs.filter(({ type }) => type === 'decided').length;

  test('has a bound: with that many, no task is decided any more, but the log goes on and the next epoch can be decided', () => {
    const engine = open(100);
    let count = 0;
    for (let i = 0; i < 200; i++)
      count += decided(engine.handle({ type: 'start', subject: subject(`${i}`), payload: payload(`${i}`) }));
    expect(count).toBeGreaterThanOrEqual(100);
    expect(count).toBeLessThan(105);
    for (const domain of ['log', 'config'] as const)
      expect(
        decided(engine.handle({ type: 'start', subject: { domain, key: utf8.encode('x') }, payload: payload('x') })),
      ).toBe(1);
    const again = open(100);
    again.handleAll([...engine.snapshot().map((record) => ({ type: 'restore', record }) as const), { type: 'resume' }]);
    expect(decided(again.handle({ type: 'start', subject: subject('one more'), payload: payload('x') }))).toBe(0);
    expect(again.handle({ type: 'start', subject: subject('0'), payload: payload('other') })).toEqual([]);
  });

  test('costs a rewritten log 16 bytes an instance, and no instance is in it twice', () => {
    const engine = open(1_000_000);
    const sizes = [1_000, 2_000].map((count) => {
      for (let i = count - 1_000; i < count; i++)
        engine.handle({ type: 'start', subject: subject(`${i}`.padStart(4, '0')), payload: payload('same') });
      return engine.snapshot().reduce((sum, { length }) => sum + length, 0);
    });
    expect(sizes[1]! - sizes[0]!).toBe(16_000);
  });
});
