// Law: what a node has decided it has decided after a restart too, whatever liars said besides and in whatever order the log tells it: of a
// decided instance a rewritten log does not hold what this node itself said.
import { describe, expect, test } from 'vitest';
import { hex, type Identity, utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { createEngine } from './engine.ts';
import type { Engine, EngineOutput } from './engine-types.ts';
import { epochViewOf, leaderOf } from './epoch.ts';
import { decodeFrame, FrameBuilder } from './frame.ts';
import {
  decodeEntry,
  encodeProposal,
  encodeVote,
  type InstanceId,
  instanceIdOf,
  noHash,
  type Subject,
  type Vote,
  valueIdOf,
} from './messages.ts';
import { defaultFaultBudget } from './quorum.ts';
import { HeldEntry, sealBatch } from './signed-entry.ts';
import { testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const identities = Array.from({ length: 4 }, (_, i) => testIdentity(i, crypto));
const [a, b, self, z] = identities as [Identity, Identity, Identity, Identity];
const mesh = testMesh(identities, defaultFaultBudget(4), crypto);
const epoch = epochViewOf(mesh.config, mesh.meshId, crypto);

interface Asked {
  readonly subject: Subject;
  readonly id: InstanceId;
}

/** A question that `a` leads. */
function ask(text: string): Asked {
  for (let i = 0; ; i++) {
    const subject: Subject = { domain: 'verdict', key: utf8.encode(`${text} ${i}`) };
    const id = instanceIdOf(epoch.scope, subject, crypto);
    if (leaderOf(id, epoch) === a.id) return { subject, id };
  }
}

function openEngine(): Engine {
  const timeouts = { baseMs: 100, maxMs: 1_000 };
  return createEngine({ self, config: mesh.config, meshId: mesh.meshId, crypto, timeouts });
}

const proposalOf = ({ id }: Asked, text: string): Uint8Array =>
  encodeProposal({
    instance: id,
    round: 0,
    value: valueIdOf(utf8.encode(text), crypto),
    polkaRound: -1,
    justificationHash: noHash,
  });

function prevoteOf(asked: Asked, text: string): Uint8Array {
  const proposalHash = hex.encode(crypto.sha256(proposalOf(asked, text)));
  const value = valueIdOf(utf8.encode(text), crypto);
  return encodeVote({ kind: 'prevote', instance: asked.id, round: 0, value, polkaRound: -1, proposalHash });
}

function precommitOf({ id }: Asked, text: string | null): Uint8Array {
  const value = text === null ? null : valueIdOf(utf8.encode(text), crypto);
  return encodeVote({ kind: 'precommit', instance: id, round: 0, value, polkaRound: -1, proposalHash: noHash });
}

/** `engine` hears a batch of `from`, and finds valid whatever is proposed in it. */
function hear(
  engine: Engine,
  from: Identity,
  entries: readonly Uint8Array[],
  payloads: readonly string[] = [],
  subjects: readonly Asked[] = [],
): EngineOutput[] {
  const outputs = hearOnly(engine, from, entries, payloads, subjects);
  return outputs.concat(outputs.flatMap((output) => (output.type === 'validate' ? approve(engine, output) : [])));
}

const approve = (engine: Engine, { instance, value }: Extract<EngineOutput, { type: 'validate' }>): EngineOutput[] =>
  engine.handle({ type: 'validated', instance, value, ok: true });

function hearOnly(
  engine: Engine,
  from: Identity,
  entries: readonly Uint8Array[],
  payloads: readonly string[],
  subjects: readonly Asked[],
): EngineOutput[] {
  const builder = new FrameBuilder();
  for (const { id, subject } of subjects) builder.subject(id, subject);
  const held = entries.map((entry) => new HeldEntry(entry, from.id));
  builder.batch(sealBatch(from, crypto, held));
  for (const text of payloads) builder.payload(valueIdOf(utf8.encode(text), crypto), utf8.encode(text));
  return builder.build().flatMap((bytes) => engine.handle({ type: 'frame', from: from.id, bytes }));
}

/** What this node says of its own in `outputs`. */
const saidIn = (outputs: readonly EngineOutput[], { id }: Asked): Vote[] =>
  outputs.flatMap((output) =>
    output.type === 'send'
      ? (decodeFrame(output.frame).batch?.entries ?? []).flatMap((bytes) => {
          const entry = decodeEntry(bytes);
          return entry.type === 'vote' && entry.vote.instance === id ? [entry.vote] : [];
        })
      : [],
  );

const decidedIn = (outputs: readonly EngineOutput[]): InstanceId[] => [
  ...new Set(outputs.flatMap((output) => (output.type === 'decided' ? [output.instance] : []))),
];

function restarted(engine: Engine): { engine: Engine; outputs: readonly EngineOutput[] } {
  const again = openEngine();
  again.handleAll(engine.snapshot().map((record) => ({ type: 'restore', record })));
  return { engine: again, outputs: again.handle({ type: 'resume' }) };
}

describe('a decision in a rewritten log stands', () => {
  test('where a liar it rests on said two other things besides, in a batch that the log has first', () => {
    const [other, asked] = [ask('other'), ask('asked')];
    const engine = openEngine();
    for (const { subject } of [other, asked]) engine.handle({ type: 'start', subject });
    const said = saidIn(engine.handle({ type: 'timeout', instance: asked.id, kind: 'propose', round: 0 }), asked);
    expect(said.map(({ value }) => value)).toEqual([null]);

    const outputs = [
      ...hear(engine, a, [proposalOf(asked, 'v'), prevoteOf(asked, 'v')], ['v']),
      ...hear(engine, b, [prevoteOf(asked, 'v')]),
      ...hear(engine, z, [prevoteOf(asked, 'v')]),
      ...hear(engine, a, [proposalOf(other, 'o'), prevoteOf(other, 'o')], ['o']),
      // The decision of the other instance rests on this very batch.
      ...hear(engine, z, [prevoteOf(asked, 'w'), prevoteOf(asked, 'x'), prevoteOf(other, 'o')]),
    ];
    expect(decidedIn(outputs).sort()).toEqual([other.id, asked.id].sort());
    const again = restarted(engine);
    expect(decidedIn(again.outputs).sort()).toEqual([other.id, asked.id].sort());
    expect(saidIn(again.outputs, asked)).toEqual([]);
  });

  test('where a liar it rests on precommitted something else before, whoever the log tells of first', () => {
    const [other, asked] = [ask('other'), ask('asked')];
    const engine = openEngine();
    for (const { subject } of [other, asked]) engine.handle({ type: 'start', subject });
    engine.handle({ type: 'timeout', instance: asked.id, kind: 'propose', round: 0 });
    const outputs = [
      ...hear(engine, a, [proposalOf(asked, 'v'), precommitOf(asked, 'v')], ['v']),
      ...hear(engine, b, [precommitOf(asked, 'v')]),
      ...hear(engine, a, [proposalOf(other, 'o'), prevoteOf(other, 'o')], ['o']),
      ...hear(engine, z, [precommitOf(asked, null), precommitOf(asked, 'v'), prevoteOf(other, 'o')]),
    ];
    expect(decidedIn(outputs).sort()).toEqual([other.id, asked.id].sort());
    const again = restarted(engine);
    expect(decidedIn(again.outputs).sort()).toEqual([other.id, asked.id].sort());
    expect(saidIn(again.outputs, asked)).toEqual([]);
  });
});

test('a log whose rewriting came to nothing still tells what this node said afterwards', () => {
  const asked = ask('asked');
  const said = [proposalOf(asked, 'v'), prevoteOf(asked, 'v')];
  const engine = openEngine();
  const outputs = hearOnly(engine, a, said, [], [asked]);
  // The disk has no room for it.
  expect(engine.snapshot().length).toBeGreaterThan(0);
  outputs.push(...engine.handle({ type: 'timeout', instance: asked.id, kind: 'propose', round: 0 }));
  expect(saidIn(outputs, asked).map(({ value }) => value)).toEqual([null]);
  const records = outputs.flatMap((output) => (output.type === 'persist' ? [output.record] : []));

  const again = openEngine();
  again.handleAll([...records.map((record) => ({ type: 'restore', record }) as const), { type: 'resume' }]);
  expect(saidIn(hear(again, a, said, ['v'], [asked]), asked)).toEqual([]);
  expect(again.liveCount).toBe(1);
});
