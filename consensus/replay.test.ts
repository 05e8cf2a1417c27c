import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { createEngine } from './engine.ts';
import { epochViewOf } from './epoch.ts';
import { decodeFrame, FrameBuilder } from './frame.ts';
import { encodeVote, type InstanceId, instanceIdOf, noHash } from './messages.ts';
import { HeldEntry, sealBatch } from './signed-entry.ts';
import { Stage } from './testing/stage.ts';

const crypto = createCrypto();
const honest = ['a', 'b', 'c'] as const;

describe('replay', () => {
  /** The instance of the same question where one thing about it is another. */
  const elsewhere: Readonly<Record<string, (stage: Stage) => InstanceId>> = {
    'another instance': (stage) =>
      stage.sim.nodes[0]!.engine.instanceId({ ...stage.subject, key: utf8.encode('other') }),
    'another domain': (stage) => stage.sim.nodes[0]!.engine.instanceId({ ...stage.subject, domain: 'model' }),
    'another mesh': (stage) => foreignId(stage, crypto.sha256(utf8.encode('other')), {}),
    'another epoch': (stage) => foreignId(stage, stage.mesh.meshId, { epoch: 1 }),
    'another config of the same epoch': (stage) => foreignId(stage, stage.mesh.meshId, { p: 0 }),
  };
  const foreignId = (stage: Stage, meshId: Uint8Array, change: { epoch?: number; p?: number }): InstanceId =>
    instanceIdOf(epochViewOf({ ...stage.mesh.config, ...change }, meshId, crypto).scope, stage.subject, crypto);
  /** a has proposed and prevoted, and hears nobody but z. */
  const alone = (): Stage => {
    const stage = new Stage({ crypto, order: ['a', 'b', 'c', 'z'] });
    stage.arrives = () => false;
    for (const role of honest) stage.start(role, role === 'a' ? 'v' : `own of ${role}`);
    stage.run(5);
    return stage;
  };

  test.each(Object.entries(elsewhere))('votes of %s count for nothing', (_name, idOf) => {
    const stage = alone();
    const voted = stage.heard('a', 'prevote', 0);
    const proposalHash = Buffer.from(crypto.sha256(stage.heard('a', 'proposal', 0).entry)).toString('hex');
    const prevotes = (instance: InstanceId) =>
      stage.mesh.identities.slice(1).map((identity) => {
        const vote = {
          kind: 'prevote',
          instance,
          round: 0,
          value: stage.value('v'),
          polkaRound: -1,
          proposalHash,
        } as const;
        const held = new HeldEntry(encodeVote(vote), identity.id);
        sealBatch(identity, crypto, [held]);
        return held.export();
      });
    // The same words by all the others: with a's own vote they would decide, were they of its instance.
    stage.tell(['a'], prevotes(idOf(stage)));
    stage.run(50);
    expect(stage.decided('a')).toBeUndefined();
    // What is missing is the instance and nothing else.
    const own = prevotes(stage.id);
    expect(own[0]!.entry).toEqual(voted.entry);
    stage.tell(['a'], own);
    stage.run(60);
    expect(stage.decided('a')).toBe('v');
  });

  test.each(Object.entries(elsewhere))(
    'the name of %s does not pass for this one: it is refused and not taken part in',
    (_name, idOf) => {
      const stage = alone();
      const builder = new FrameBuilder();
      builder.subject(idOf(stage), stage.subject);
      const joins = stage.sim.joins.length;
      for (const frame of builder.build()) stage.sim.inject(stage.z.id, 0, frame);
      expect(stage.sim.joins).toHaveLength(joins);
      expect(stage.sim.refusals.at(-1)).toEqual({
        node: 0,
        from: stage.z.id,
        reason: 'speaks of an instance of another mesh, epoch or config',
      });
    },
  );

  test('a prevote does not pass for a precommit, nor a vote of one round for one of another', () => {
    const stage = alone();
    const texts = new Set<string>();
    for (const kind of ['prevote', 'precommit'] as const)
      for (const round of [0, 1])
        for (const value of [null, stage.value('v')])
          texts.add(
            Buffer.from(
              encodeVote({ kind, instance: stage.id, round, value, polkaRound: -1, proposalHash: noHash }),
            ).toString('hex'),
          );
    expect(texts.size).toBe(8);
    const signed = stage.vote('prevote', 0, stage.value('v'));
    const other = encodeVote({
      kind: 'precommit',
      instance: stage.id,
      round: 0,
      value: stage.value('v'),
      polkaRound: -1,
      proposalHash: noHash,
    });
    stage.tell(['a'], [{ ...signed, entry: other }]);
    expect(stage.sim.refusals.at(-1)?.reason).toMatch(/does not verify/);
  });

  test('a certificate of another mesh, epoch or config is refused with the reason, and proves nothing', () => {
    const stage = new Stage({ crypto, order: ['a', 'b', 'c', 'z'] });
    stage.start('a', 'v');
    stage.run(100);
    const { certificate } = stage.sim.nodes[0]!.decided.get(stage.id)!;
    const { config, identities } = stage.mesh;
    for (const [foreign, meshId] of [
      [config, crypto.sha256(utf8.encode('other'))],
      [{ ...config, epoch: 1 }, stage.mesh.meshId],
      [{ ...config, p: 0 }, stage.mesh.meshId],
    ] as const) {
      const engine = createEngine({
        self: identities[0],
        meshId,
        config: foreign,
        crypto,
        timeouts: { baseMs: 100, maxMs: 1000 },
      });
      const other = createEngine({
        self: identities[1],
        meshId: stage.mesh.meshId,
        config,
        crypto,
        timeouts: { baseMs: 100, maxMs: 1000 },
      });
      other.handle({ type: 'start', subject: certificate.subject });
      const builder = new FrameBuilder();
      builder.certificate('decided', stageCertificate(stage));
      const outputs = engine.handle({ type: 'frame', from: identities[1]!.id, bytes: builder.build()[0]! });
      expect(outputs).toEqual([
        {
          type: 'refused',
          from: identities[1]!.id,
          reason: expect.stringContaining('a certificate that proves nothing'),
        },
      ]);
    }
  });
});

function stageCertificate(stage: Stage): Uint8Array {
  const asked = stage.sim.nodes[0]!.engine.handle({ type: 'frame', from: stage.idOf('b'), bytes: syncFrame(stage) });
  const sent = asked.find((output) => output.type === 'send');
  if (sent?.type !== 'send') throw new Error('no answer to a sync');
  return decodeFrame(sent.frame).certificates[0]!;
}

function syncFrame(stage: Stage): Uint8Array {
  const builder = new FrameBuilder();
  builder.sync({ instance: stage.id, round: 0, wants: [] });
  return builder.build()[0]!;
}
