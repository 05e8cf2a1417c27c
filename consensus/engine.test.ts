import { describe, expect, test } from 'vitest';
import { MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { createEngine } from './engine.ts';
import type { EngineLimits, EngineOutput } from './engine-types.ts';
import { decodeFrame, FrameBuilder } from './frame.ts';
import { encodeProposal, encodeVote, maxPayloadBytes, noHash, type Subject, valueIdOf } from './messages.ts';
import { fastDelayMs } from './pacer.ts';
import { defaultFaultBudget, type FaultBudget } from './quorum.ts';
import { HeldEntry, sealBatch } from './signed-entry.ts';
import { Sim, type SimOptions, seededChance, testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const meshOf = (n: number, budget: FaultBudget = defaultFaultBudget(n)) =>
  testMesh(
    Array.from({ length: n }, (_, i) => testIdentity(i, crypto)),
    budget,
    crypto,
  );
const subject = (text: string): Subject => ({ domain: 'verdict', key: utf8.encode(text) });
const payload = (text: string): Uint8Array => utf8.encode(`payload ${text}`);
const simOf = (n: number, options: Partial<SimOptions> = {}, budget?: FaultBudget) =>
  new Sim({ mesh: meshOf(n, budget), crypto, ...options });

const delayMs = 10;

describe('the good case', () => {
  const waitMs = fastDelayMs({ baseMs: 100, maxMs: 2_000 });
  // The leader's own prevote travels with its proposal: (n − 1) + (n − 1)² frames where the fast path decides alone. Where it does not, the
  // second vote is said after a wait.
  for (const [n, down, latest, waitedMs, messages] of [
    [4, 0, 2, 0, 12],
    [4, 1, 2, 0, 9],
    [5, 0, 2, 0, 20],
    [6, 0, 2, 0, 30],
    [6, 1, 2, 0, 25],
    [6, 2, 3, waitMs, 40],
    [7, 0, 2, 0, 42],
    [7, 1, 2, 0, 36],
    [7, 2, 3, waitMs, 60],
    [3, 0, 2, 0, 6],
    [3, 1, 2, 0, 4],
    [1, 0, 0, 0, 0],
  ] as const) {
    const waited = waitedMs > 0 ? ' and the wait for those who are down' : '';
    test(`n = ${n} with ${down} down decides everywhere within ${latest} one-way delays${waited}, in ${messages} messages`, () => {
      const sim = simOf(n);
      const about = subject('task');
      const id = sim.nodes[0]!.engine.instanceId(about);
      const leader = sim.nodes.findIndex(({ identity }) => identity.id === sim.nodes[0]!.engine.leader(id, 0));
      const others = sim.nodes.map(({ index }) => index).filter((index) => index !== leader);
      for (const index of others.slice(0, down)) sim.crash(index);
      sim.start(leader, about, payload('a'));
      const up = sim.nodes.filter((node) => node.isUp);
      sim.run(5_000);
      expect(Math.max(...up.map((node) => node.decided.get(id)?.atMs ?? Number.POSITIVE_INFINITY))).toBe(
        latest * delayMs + waitedMs,
      );
      expect(sim.violations()).toEqual([]);
      expect(sim.refusals).toEqual([]);
      expect(sim.messageCount).toBe(messages);
    });
  }
});

describe('taking part', () => {
  const options = (n: number, self: number, limits = {}) => {
    const { identities, config, meshId } = meshOf(n);
    return { self: identities[self]!, config, meshId, crypto, timeouts: { baseMs: 100, maxMs: 1000 }, limits };
  };
  const sends = (outputs: readonly EngineOutput[]) =>
    outputs.flatMap((output) => (output.type === 'send' ? [output] : []));

  test('a member that nobody told of an instance joins it through a frame and votes', () => {
    const sim = simOf(4);
    const about = subject('heard of');
    const id = sim.nodes[0]!.engine.instanceId(about);
    const leader = sim.nodes.findIndex(({ identity }) => identity.id === sim.nodes[0]!.engine.leader(id, 0));
    sim.start(leader, about, payload('x'));
    sim.run(1000);
    expect(sim.joins).toEqual([id, id, id]);
    expect(sim.nodes.every((node) => node.decided.get(id)?.value === sim.nodes[0]!.decided.get(id)?.value)).toBe(true);
  });

  test('one member alone can bring an instance to a decision though the first leader never answers', () => {
    const sim = simOf(4);
    const about = subject('leader is down');
    const id = sim.nodes[0]!.engine.instanceId(about);
    const order = [0, 1, 2, 3].map((round) =>
      sim.nodes.findIndex(({ identity }) => identity.id === sim.nodes[0]!.engine.leader(id, round)),
    );
    sim.crash(order[0]!);
    sim.start(order[2]!, about, payload('mine'));
    expect(sim.run(5_000, () => order.slice(1).every((i) => sim.nodes[i]!.decided.has(id)))).toBe(true);
    expect(sim.nodes[order[1]!]!.decided.get(id)?.payload).toEqual(payload('mine'));
  });

  test('a leader that nobody gave a payload says so, and proposes what it is then offered', () => {
    const engine = createEngine(options(1, 0));
    const about = subject('wanted');
    const instance = engine.instanceId(about);
    expect(engine.handle({ type: 'start', subject: about })).toContainEqual({
      type: 'wanted',
      instance,
      subject: about,
      round: 0,
    });
    expect(engine.handle({ type: 'offer', instance, payload: payload('late') })).toContainEqual(
      expect.objectContaining({ type: 'decided', payload: payload('late') }),
    );
    expect(engine.liveCount).toBe(0);
  });

  test('what was said is on record before it is sent, one record and one signature however many instances speak', () => {
    const sim = simOf(4);
    const id = (i: number) => sim.nodes[0]!.engine.instanceId(subject(`many ${i}`));
    const led = Array.from({ length: 200 }, (_, i) => i).filter(
      (i) => sim.nodes[0]!.engine.leader(id(i), 0) === sim.nodes[0]!.identity.id,
    );
    const engine = createEngine(options(4, 0));
    const outputs = engine.handleAll(
      led.map((i) => ({ type: 'start', subject: subject(`many ${i}`), payload: payload(`${i}`) })),
    );
    expect(outputs.map(({ type }) => type).slice(0, 3)).toEqual(['persist', 'send', 'timer']);
    expect(sends(outputs)).toHaveLength(1);
    expect(decodeFrame(sends(outputs)[0]!.frame).batch?.entries).toHaveLength(2 * led.length);
    expect(led.length).toBeGreaterThan(30);
  });

  test('an observer follows to the decision and says nothing', () => {
    const sim = simOf(4);
    const { config, meshId } = sim.options.mesh;
    const observer = createEngine({ self: undefined, config, meshId, crypto, timeouts: { baseMs: 100, maxMs: 1000 } });
    const seen: EngineOutput[] = [];
    sim.onSend = (from, bytes) =>
      seen.push(...observer.handle({ type: 'frame', from: sim.nodes[from]!.identity.id, bytes }));
    const about = subject('watched');
    for (const index of [0, 1, 2, 3]) sim.start(index, about, payload(`${index}`));
    sim.run(1000);
    expect(seen.filter(({ type }) => type === 'decided')).toHaveLength(1);
    expect(seen.filter(({ type }) => type === 'persist').length).toBe(1);
    expect(sends(seen)).toEqual([]);
  });

  test('a suspected leader is not waited for', () => {
    const about = subject('suspected');
    const probe = createEngine(options(4, 0));
    const leader = probe.leader(probe.instanceId(about), 0);
    const self = leader === options(4, 0).self.id ? 1 : 0;
    const engine = createEngine(options(4, self));
    engine.handle({ type: 'start', subject: about });
    const voted = (outputs: readonly EngineOutput[]) => outputs.some(({ type }) => type === 'persist');
    expect(voted(engine.handle({ type: 'suspect', node: options(4, self).self.id }))).toBe(false);
    expect(voted(engine.handle({ type: 'suspect', node: leader }))).toBe(true);
    const timers = engine
      .handle({ type: 'start', subject: subject('suspected too') })
      .filter((output) => output.type === 'timer' && output.kind === 'propose');
    expect(timers).toEqual([
      expect.objectContaining({
        delayMs: engine.leader(engine.instanceId(subject('suspected too')), 0) === leader ? 25 : 100,
      }),
    ]);
  });

  test('payloads as large as they may be are decided, and larger ones are refused where they are offered', () => {
    const sim = simOf(4);
    const big = new Uint8Array(maxPayloadBytes).fill(7);
    for (const index of [0, 1, 2, 3]) sim.start(index, subject('big'), big);
    const id = sim.nodes[0]!.engine.instanceId(subject('big'));
    expect(
      sim.run(1000, () => sim.nodes.every((node) => node.decided.get(id)?.payload.length === maxPayloadBytes)),
    ).toBe(true);
    expect(() =>
      createEngine(options(4, 0)).handle({
        type: 'start',
        subject: subject('bigger'),
        payload: new Uint8Array(maxPayloadBytes + 1),
      }),
    ).toThrow(RangeError);
  });
});

describe('coming back', () => {
  test('a node that restarts repeats its own bytes and signs nothing again', () => {
    const sim = simOf(4, { delivers: (from) => from !== 0 });
    const about = subject('restart');
    const id = sim.nodes[0]!.engine.instanceId(about);
    for (const index of [0, 1]) sim.start(index, about, payload(`${index}`));
    sim.run(350);
    const before = new Map([...sim.said].map(([slot, texts]) => [slot, [...texts]]));
    sim.crash(0);
    sim.restart(0);
    sim.run(360);
    for (const [slot, texts] of before) expect([...sim.said.get(slot)!]).toEqual(texts);
    expect(before.size).toBeGreaterThan(0);
    expect(sim.nodes[0]!.decided.has(id) || sim.nodes[0]!.engine.liveCount === 1).toBe(true);
  });

  test('a late joiner asks and gets the certificate and the payload', () => {
    const sim = simOf(4);
    const about = subject('late');
    const id = sim.nodes[0]!.engine.instanceId(about);
    sim.crash(3);
    for (const index of [0, 1, 2]) sim.start(index, about, payload(`${index}`));
    sim.run(2_000);
    sim.restart(3);
    sim.start(3, about);
    expect(sim.run(4_000, () => sim.nodes[3]!.decided.has(id))).toBe(true);
    expect(sim.nodes[3]!.decided.get(id)!.value).toBe(sim.nodes[0]!.decided.get(id)!.value);
  });

  test('a decision is repeated after a restart, and a rewritten log brings back the same engine', () => {
    const sim = simOf(4);
    const about = [subject('one'), subject('two')];
    for (const index of [0, 1, 2, 3]) sim.start(index, about[0]!, payload('one'));
    sim.run(500);
    sim.crash(2);
    sim.crash(3);
    for (const index of [0, 1]) sim.start(index, about[1]!, payload(`two of ${index}`));
    sim.run(1_500);
    const node = sim.nodes[0]!;
    const { config, meshId } = sim.options.mesh;
    const reborn = (records: readonly Uint8Array[]) => {
      const engine = createEngine({
        self: node.identity,
        config,
        meshId,
        crypto,
        timeouts: { baseMs: 100, maxMs: 2000 },
      });
      expect(engine.handleAll(records.map((record) => ({ type: 'restore', record })))).toEqual([]);
      return { engine, outputs: engine.handle({ type: 'resume' }) };
    };
    const fromLog = reborn(node.durable);
    const fromSnapshot = reborn(node.engine.snapshot());
    for (const { outputs, engine } of [fromLog, fromSnapshot]) {
      expect(outputs.filter(({ type }) => type === 'decided')).toHaveLength(1);
      expect(outputs.filter(({ type }) => type === 'persist')).toEqual([]);
      expect(engine.liveCount).toBe(1);
    }
    const said = ({ outputs }: typeof fromLog) => sends_(outputs).map((frame) => Buffer.from(frame).toString('hex'));
    expect(said(fromSnapshot)).toEqual(said(fromLog));
    expect(said(fromLog).length).toBeGreaterThan(0);
  });

  test('a decision needs no write of its own, and is on record by the time nothing more could be said', () => {
    const sim = simOf(4);
    const about = subject('written late');
    const id = sim.nodes[0]!.engine.instanceId(about);
    for (const index of [0, 1, 2, 3]) sim.start(index, about, payload(`${index}`));
    expect(sim.run(1_000, () => sim.nodes.every((node) => node.decided.has(id)))).toBe(true);
    const value = sim.nodes[0]!.decided.get(id)!.value;
    // Each made its statements in one call; what it decided on came after it.
    for (const node of sim.nodes) expect(node.durable).toHaveLength(1);
    // All of them lose what they only heard, at once, and find the same decision again.
    for (const { index } of sim.nodes) sim.crash(index);
    for (const node of sim.nodes) node.decided.clear();
    for (const { index } of sim.nodes) sim.restart(index);
    expect(sim.run(3_000, () => sim.nodes.every((node) => node.decided.get(id)?.value === value))).toBe(true);
    // Once its timers have come to nothing, a node knows by itself.
    sim.run(6_000);
    for (const { index } of sim.nodes) sim.crash(index);
    sim.nodes[2]!.decided.clear();
    sim.restart(2);
    expect(sim.nodes[2]!.decided.get(id)?.value).toBe(value);
    expect(sim.violations()).toEqual([]);
  });

  test('records of another epoch, and records that are damaged, are not mistaken for this one', () => {
    const sim = simOf(4);
    for (const index of [0, 1, 2, 3]) sim.start(index, subject('old'), payload('old'));
    sim.run(500);
    const { identities, config, meshId } = sim.options.mesh;
    const next = createEngine({
      self: identities[0]!,
      config: { ...config, epoch: 1 },
      meshId,
      crypto,
      timeouts: { baseMs: 100, maxMs: 1000 },
    });
    next.handleAll(sim.nodes[0]!.durable.map((record) => ({ type: 'restore', record })));
    expect(next.handle({ type: 'resume' })).toEqual([]);
    expect(next.liveCount).toBe(0);
    expect(() => next.handle({ type: 'restore', record: sim.nodes[0]!.durable[0]!.subarray(9) })).toThrow(
      MalformedBytes,
    );
  });

  const sends_ = (outputs: readonly EngineOutput[]) =>
    outputs.flatMap((output) => (output.type === 'send' ? [output.frame] : []));
});

describe('bounds', () => {
  const { identities, config, meshId } = meshOf(4);
  const engineWith = (limits: Partial<EngineLimits>) =>
    createEngine({ self: identities[0]!, config, meshId, crypto, timeouts: { baseMs: 100, maxMs: 1000 }, limits });
  const frameOf = (build: (builder: FrameBuilder) => void): Uint8Array => {
    const builder = new FrameBuilder();
    build(builder);
    return builder.build()[0]!;
  };
  const nilVote = (instance: string, round: number) => {
    const vote = encodeVote({ kind: 'prevote', instance, round, value: null, polkaRound: -1, proposalHash: noHash });
    return new HeldEntry(vote, identities[1]!.id);
  };

  test('a member that introduces instance after instance is stopped, and the others are not', () => {
    const engine = engineWith({ joinedPerPeer: 5 });
    const introduce = (from: number, i: number) =>
      engine.handle({
        type: 'frame',
        from: identities[from]!.id,
        bytes: frameOf((b) => b.subject(engine.instanceId(subject(`${from} ${i}`)), subject(`${from} ${i}`))),
      });
    for (let i = 0; i < 5; i++) expect(introduce(1, i).some(({ type }) => type === 'joined')).toBe(true);
    expect(introduce(1, 5)).toEqual([
      { type: 'refused', from: identities[1]!.id, reason: expect.stringContaining('introduced 5 instances') },
    ]);
    expect(introduce(2, 0).some(({ type }) => type === 'joined')).toBe(true);
    // Starting one of them here takes it off that member's account.
    engine.handle({ type: 'start', subject: subject('1 0') });
    expect(introduce(1, 6).some(({ type }) => type === 'joined')).toBe(true);
  });

  test('a stranger to the mesh introduces nothing', () => {
    const engine = engineWith({});
    const stranger = testIdentity(9, crypto);
    const frame = frameOf((b) => b.subject(engine.instanceId(subject('s')), subject('s')));
    expect(engine.handle({ type: 'frame', from: stranger.id, bytes: frame })).toEqual([
      { type: 'refused', from: stranger.id, reason: 'only a member may introduce an instance' },
    ]);
    const held = new HeldEntry(nilVote('ab'.repeat(32), 0).entry, stranger.id);
    const batch = sealBatch(stranger, crypto, [held]);
    expect(engine.handle({ type: 'frame', from: stranger.id, bytes: frameOf((b) => b.batch(batch)) })).toEqual([
      { type: 'refused', from: stranger.id, reason: expect.stringContaining('is not a member') },
    ]);
    expect(engine.liveCount).toBe(0);
  });

  test('statements about unknown instances are kept up to a bound per member, and what is too many is attributed', () => {
    const engine = engineWith({ strangersPerMember: 10 });
    const held = Array.from({ length: 12 }, (_, i) => nilVote(`${i}`.padStart(64, '0'), 0));
    const batch = sealBatch(identities[1]!, crypto, held);
    const outputs = engine.handle({ type: 'frame', from: identities[1]!.id, bytes: frameOf((b) => b.batch(batch)) });
    expect(outputs).toHaveLength(2);
    expect(outputs[0]).toMatchObject({ type: 'refused', from: identities[1]!.id });
    expect(engine.liveCount).toBe(0);
  });

  test('one member far ahead drags nobody along, two of four do, and neither fills the memory', () => {
    const engine = engineWith({});
    const about = subject('far');
    const id = engine.instanceId(about);
    engine.handle({ type: 'start', subject: about });
    const rounds = Array.from({ length: 500 }, (_, i) => nilVote(id, 1000 + i));
    const flood = sealBatch(identities[1]!, crypto, rounds);
    expect(
      engine
        .handle({ type: 'frame', from: identities[1]!.id, bytes: frameOf((b) => b.batch(flood)) })
        .filter(({ type }) => type === 'timer'),
    ).toEqual([]);
    const second = new HeldEntry(nilVote(id, 1200).entry, identities[2]!.id);
    const helper = sealBatch(identities[2]!, crypto, [second]);
    const outputs = engine.handle({ type: 'frame', from: identities[2]!.id, bytes: frameOf((b) => b.batch(helper)) });
    expect(outputs).toContainEqual(
      expect.objectContaining({ type: 'timer', kind: 'propose', round: 1200, delayMs: 1000 }),
    );
    // On its way out of round 0 it left the one report it owes.
    expect(outputs[0]?.type).toBe('persist');
  });

  test('a peer that asks without end is answered only so often', () => {
    const engine = createEngine({
      self: identities[0]!,
      config: { ...config, members: config.members.filter(({ id }) => id === identities[0]!.id), f: 0, c: 0, p: 0 },
      meshId,
      crypto,
      timeouts: { baseMs: 100, maxMs: 1000 },
      limits: { answersPerPeer: 3 },
    });
    const about = subject('asked');
    engine.handle({ type: 'start', subject: about, payload: payload('p') });
    const ask = () =>
      engine.handle({
        type: 'frame',
        from: identities[3]!.id,
        bytes: frameOf((b) => b.sync({ instance: engine.instanceId(about), round: 0, wants: [] })),
      });
    for (let i = 0; i < 3; i++)
      expect(ask()).toEqual([expect.objectContaining({ type: 'send', to: identities[3]!.id })]);
    expect(ask()).toEqual([expect.objectContaining({ type: 'refused', from: identities[3]!.id })]);
  });

  test('what was decided before its payload was here is delivered when this node itself comes to it', () => {
    const engine = engineWith({});
    const about = subject('late');
    const instance = engine.instanceId(about);
    engine.handle({ type: 'start', subject: about });
    const value = valueIdOf(payload('p'), crypto);
    const proposalHash = 'ab'.repeat(32);
    const entry = encodeVote({ kind: 'prevote', instance, round: 0, value, polkaRound: -1, proposalHash });
    for (const { id, ...keys } of identities.slice(1)) {
      const batch = sealBatch({ id, ...keys }, crypto, [new HeldEntry(entry, id)]);
      engine.handle({ type: 'frame', from: id, bytes: frameOf((b) => b.batch(batch)) });
    }
    engine.handle({ type: 'timeout', instance, kind: 'fast', round: 0 });
    expect(engine.liveCount).toBe(0);
    const decided = expect.objectContaining({ type: 'decided', instance, payload: payload('p') });
    expect(engine.handle({ type: 'offer', instance, payload: payload('p') })).toContainEqual(decided);
  });

  test('a payload that a liar hands over as a justification is still waited for', () => {
    const engine = engineWith({});
    const isLed = (about: Subject): boolean => engine.leader(engine.instanceId(about), 0) !== identities[0]!.id;
    const about = ['1', '2', '3', '4', '5', '6', '7', '8'].map(subject).find(isLed)!;
    const instance = engine.instanceId(about);
    const leader = identities.find(({ id }) => id === engine.leader(instance, 0))!;
    const [bytes, value] = [payload('p'), valueIdOf(payload('p'), crypto)];
    engine.handle({ type: 'start', subject: about });
    const entry = encodeProposal({ instance, round: 0, value, polkaRound: -1, justificationHash: noHash });
    const batch = sealBatch(leader, crypto, [new HeldEntry(entry, leader.id)]);
    const hear = (build: (b: FrameBuilder) => void) =>
      engine.handle({ type: 'frame', from: leader.id, bytes: frameOf(build) });
    hear((b) => b.batch(batch));
    engine.handle({ type: 'timeout', instance, kind: 'resend', round: 0 });
    hear((b) => b.justification(value, bytes));
    expect(hear((b) => b.payload(value, bytes))).toContainEqual(expect.objectContaining({ type: 'validate', value }));
  });

  test('a member’s old words that others bring again and again take no answers from it', () => {
    const sim = new Sim({
      mesh: { identities, config, meshId },
      crypto,
      limits: { settledWithVotes: 0, answersPerPeer: 3 },
    });
    const about = subject('decided');
    for (const { index } of sim.nodes) sim.start(index, about, payload('p'));
    expect(sim.run(5_000, () => sim.nodes.every(({ decided }) => decided.size === 1))).toBe(true);
    const { engine } = sim.nodes[0]!;
    const id = engine.instanceId(about);
    const [behind, liar] = [identities[1]!, identities[3]!];
    const old = new HeldEntry(nilVote(id, 0).entry, behind.id);
    const bytes = frameOf((b) => b.batch(sealBatch(behind, crypto, [old])));
    for (let i = 0; i < 10; i++) expect(engine.handle({ type: 'frame', from: liar.id, bytes })).toEqual([]);
    const ask = frameOf((b) => b.sync({ instance: id, round: 0, wants: [] }));
    const answer = expect.objectContaining({ type: 'send', to: behind.id });
    expect(engine.handle({ type: 'frame', from: behind.id, bytes: ask })).toEqual([answer]);
    // Its own mouth shows that it is there.
    expect(engine.handle({ type: 'frame', from: behind.id, bytes })).toEqual([answer]);
  });

  test('garbage is refused, counted and harmless', () => {
    const engine = engineWith({});
    const chance = seededChance(7);
    const good = frameOf((b) => b.subject(engine.instanceId(subject('g')), subject('g')));
    for (let i = 0; i < 300; i++) {
      const bytes =
        i % 2 === 0
          ? Uint8Array.from({ length: i }, () => Math.floor(chance.next() * 256))
          : good.map((byte, at) => (at === i % good.length ? byte ^ (1 << (i % 8)) : byte));
      for (const output of engine.handle({ type: 'frame', from: identities[1]!.id, bytes }))
        expect(output).toMatchObject({ type: 'refused', from: identities[1]!.id });
    }
    expect(engine.liveCount).toBe(0);
  });

  test('of many decided instances the oldest are remembered as decided only, across a rewritten log too, and never voted in again', () => {
    const one = { ...config, members: config.members.filter(({ id }) => id === identities[0]!.id), f: 0, c: 0, p: 0 };
    const open = () =>
      createEngine({
        self: identities[0]!,
        config: one,
        meshId,
        crypto,
        timeouts: { baseMs: 100, maxMs: 1000 },
        limits: { settledWithVotes: 2, closedBytes: 2000 },
      });
    const engine = open();
    for (let i = 0; i < 20; i++) engine.handle({ type: 'start', subject: subject(`${i}`), payload: payload(`${i}`) });
    const ask = (i: number) =>
      engine.handle({
        type: 'frame',
        from: identities[3]!.id,
        bytes: frameOf((b) => b.sync({ instance: engine.instanceId(subject(`${i}`)), round: 0, wants: [] })),
      });
    // The newest with their votes, some more as certificates, the oldest not at all.
    expect(ask(19)).toEqual([expect.objectContaining({ type: 'send' })]);
    expect(ask(17)).toEqual([expect.objectContaining({ type: 'send' })]);
    expect(ask(0)).toEqual([]);
    const again = open();
    again.handleAll(engine.snapshot().map((record) => ({ type: 'restore', record })));
    again.handle({ type: 'resume' });
    for (const each of [engine, again]) {
      expect(each.liveCount).toBe(0);
      expect(each.handle({ type: 'start', subject: subject('0'), payload: payload('other') })).toEqual([]);
      expect(each.handle({ type: 'start', subject: subject('17'), payload: payload('other') })).toEqual([
        expect.objectContaining({ type: 'decided', payload: payload('17') }),
      ]);
    }
  });
});
