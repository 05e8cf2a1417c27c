// Law: whatever a member hands over in place of frames of votes, the others decide as if it had said nothing, and say under its name what
// they refused. What it hands over of others counts as theirs and is charged to it.
import { afterEach, describe, expect, it } from 'vitest';
import { decodeFrameMessage, encodeFrameMessage, type FrameMessage, frameType } from '../../actors/consensus/index.ts';
import { encodeMeshEntry, meshLane } from '../../actors/epochs/index.ts';
import type { Crypto, Network, NodeId } from '../../actors/system/index.ts';
import { encodeVote, FrameBuilder, HeldEntry, noHash, sealBatch } from '../../consensus/forging/index.ts';
import { createEngine, decodeEntry, decodeFrame, maxFrameBytes } from '../../consensus/index.ts';
import {
  encodeBody,
  encodeDirect,
  hex,
  maxBodyBytes,
  openEnvelope,
  readDirect,
  sealEnvelope,
  utf8,
} from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, type InProcessOptions, planOf, task } from '../support/in-process-mesh.ts';

const honest = ['amber', 'birch', 'cedar'];
const liar = 'dune';
let mesh: InProcessMesh;
afterEach(() => mesh.end());

/** The liar's end of the wire, and what of consensus came in there, as it came. */
interface Tap {
  network: Network;
  readonly heard: { readonly from: NodeId; readonly frame: Uint8Array; readonly body: Uint8Array }[];
  /** What the liar's own node would have sent, unless it says false. */
  passes: (frame: Uint8Array) => boolean;
  onHeard: (from: NodeId, frame: Uint8Array) => void;
  serve: (from: NodeId, frame: Uint8Array) => Uint8Array | undefined;
}

async function start(options: Partial<InProcessOptions> = {}): Promise<Tap> {
  const tap: Omit<Tap, 'network'> & { network?: Network } = {
    heard: [],
    passes: () => true,
    onHeard: () => {},
    serve: () => undefined,
  };
  const wrap = (network: Network): Network => {
    tap.network = network;
    return {
      ...network,
      send: (to, frame, how) => (tap.passes(frame) ? network.send(to, frame, how) : true),
      onFrame: (handler) =>
        network.onFrame((from, frame) => {
          const direct = readDirect(frame);
          if (direct?.type === frameType) {
            tap.heard.push({ from, frame, body: direct.body });
            tap.onHeard(from, frame);
          }
          handler(from, frame);
        }),
      serve: (handler) => network.serve((from, frame) => tap.serve(from, frame) ?? handler(from, frame)),
    };
  };
  mesh = await InProcessMesh.start({ count: 4, network: { [liar]: wrap }, ...options });
  return tap as Tap;
}

let messages = 0;
function direct(body: Uint8Array, meshId = mesh.node(liar).composed.parts.chain.meshId): Uint8Array {
  const id = new Uint8Array(16).fill(255);
  new DataView(id.buffer).setUint32(0, messages++);
  return encodeDirect({ meshId, id, type: frameType, body });
}
const framed = (frame: Uint8Array, change: Partial<FrameMessage> = {}): Uint8Array =>
  direct(encodeFrameMessage({ epoch: 0, position: undefined, frame, ...change }));
const toAll = (tap: Tap, frame: Uint8Array): void => {
  for (const name of honest) tap.network.send(mesh.idOf(name), frame);
};

/** How often the named node refused something of the liar's, by reason; and of the others'. */
function refusedBy(name: string): { readonly liars: Record<string, number>; readonly others: string[] } {
  const { office, refusals } = mesh.node(name).composed.parts;
  const all = [...office.refusals(), ...refusals.list()];
  const liars = all.filter(({ from }) => from === mesh.idOf(liar));
  return {
    liars: Object.fromEntries(liars.map(({ reason, count }) => [reason, count])),
    // Of a member that was let go some still speak for a moment, and it of itself.
    others: all
      .filter(({ from, reason }) => from !== mesh.idOf(liar) && !['membership', 'stranger'].includes(reason))
      .map(({ from, reason, detail }) => `${from} ${reason} ${detail}`),
  };
}

async function expectCompleted(workflow: string): Promise<void> {
  expect(await mesh.ended(workflow, honest)).toEqual(honest.map(() => 'completed'));
  expect(mesh.crashes).toEqual([]);
  for (const name of honest) {
    expect([name, mesh.accused(name)]).toEqual([name, []]);
    expect([name, refusedBy(name).others]).toEqual([name, []]);
  }
}

/** Votes of the liar's about instances that nobody ever heard of, under its own genuine signature or a broken one. */
function nonsense(serial: number, count: number, isGenuine: boolean): Uint8Array {
  const identity = mesh.identityOf(liar);
  const builder = new FrameBuilder();
  const held = Array.from({ length: count }, (_, i) => {
    const instance = hex.encode(crypto.sha256(utf8.encode(`nothing ${serial} ${i}`)));
    const vote = { kind: 'prevote', instance, round: 0, value: null, polkaRound: -1, proposalHash: noHash } as const;
    return new HeldEntry(encodeVote(vote), identity.id);
  });
  const batch = sealBatch(identity, crypto, held);
  builder.batch(isGenuine ? batch : { ...batch, signature: batch.signature.with(5, batch.signature[5]! ^ 1) });
  return builder.build()[0]!;
}

describe('a member that speaks garbage', () => {
  it('cut, padded, oversized, unsigned, or of an epoch there is not, is refused under its name, and costs no result', async () => {
    const tap = await start();
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
    const genuine = tap.heard.find(({ body }) => decodeFrameMessage(body).position !== undefined)!;
    const { frame } = decodeFrameMessage(genuine.body);
    const step = Math.ceil(genuine.body.length / 60);
    for (let length = 0; length < genuine.body.length; length += step) {
      toAll(tap, direct(genuine.body.subarray(0, length)));
      if (length < frame.length) toAll(tap, framed(frame.subarray(0, length)));
    }
    toAll(tap, direct(new Uint8Array([...genuine.body, 0])));
    toAll(tap, framed(new Uint8Array([...frame, 0])));
    toAll(tap, framed(new Uint8Array(maxFrameBytes + 1)));
    for (let i = 0; i < 50; i++) toAll(tap, framed(mesh.time.random.bytes(i * 20)));
    toAll(tap, framed(nonsense(0, 3, false)));
    toAll(tap, framed(frame, { epoch: 4_000_000_000 }));
    const workflow = await mesh.open('birch', planOf([task('two')]));
    await expectCompleted(workflow);
    for (const name of honest) {
      const { liars } = refusedBy(name);
      expect(liars.malformed).toBeGreaterThan(50);
      expect(liars.consensus).toBeGreaterThan(50);
      expect(liars.epoch).toBe(1);
    }
  });

  it('from another mesh, or said in another epoch and labelled anew, counts nowhere', async () => {
    const tap = await start({ count: 5 });
    const { chain } = mesh.node(liar).composed.parts;
    const elsewhere = new Uint8Array(32).fill(9);
    const engine = createEngine({
      self: mesh.identityOf(liar),
      meshId: elsewhere,
      config: chain.current,
      crypto,
      timeouts: { baseMs: 300, maxMs: 5_000 },
    });
    const said = Array.from({ length: 200 }, (_, i) =>
      engine.handle({
        type: 'start',
        subject: { domain: 'model', key: utf8.encode(`elsewhere ${i}`) },
        payload: utf8.encode('x'),
      }),
    )
      .flat()
      .flatMap((output) => (output.type === 'send' ? [output.frame] : []));
    expect(said.length).toBeGreaterThan(3);
    for (const frame of said) {
      toAll(tap, framed(frame));
      toAll(tap, direct(encodeFrameMessage({ epoch: 0, position: undefined, frame }), elsewhere));
    }
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
    for (const name of honest) {
      const { liars } = refusedBy(name);
      expect(liars.misaddressed).toBe(said.length);
      expect(liars.consensus).toBeGreaterThanOrEqual(said.length);
    }
    // The mesh goes on without elm, in another epoch.
    for (const name of [...honest, liar])
      await mesh.say(name, meshLane, encodeMeshEntry({ kind: 'amend', epoch: 0, node: mesh.idOf('elm'), weight: 0 }));
    const epochOf = (name: string): number => mesh.node(name).composed.parts.chain.current.epoch;
    await mesh.until('epoch 1', () => [...honest, liar].every((name) => epochOf(name) === 1));
    await mesh.time.advance(2_000);
    const before = honest.map((name) => refusedBy(name).liars.consensus ?? 0);
    const old = tap.heard.filter(({ body }) => decodeFrameMessage(body).epoch === 0);
    for (const { body } of old) toAll(tap, framed(decodeFrameMessage(body).frame, { epoch: 1 }));
    await mesh.time.advance(2_000);
    const { workflow, entry } = mesh.opening(planOf([task('one')]), 'in the epoch after', 1);
    await mesh.say('birch', 'workflow', entry);
    await expectCompleted(workflow);
    honest.forEach((name, i) => {
      expect(refusedBy(name).liars.consensus! - before[i]!).toBeGreaterThan(3);
    });
  });
});

describe('a member that speaks for others', () => {
  it('hands on their frames as they are: the votes count as theirs, and what else it makes of it is its own', async () => {
    const tap = await start();
    // The liar's own node is mute in consensus; birch hears the other two, and they it, through the liar alone.
    tap.passes = (frame) => readDirect(frame)?.type !== frameType;
    mesh.disconnect('amber', 'birch');
    mesh.disconnect('cedar', 'birch');
    let carried = 0;
    tap.onHeard = (from, frame) => {
      const to = from === mesh.idOf('birch') ? ['amber', 'cedar'] : ['birch'];
      for (const name of to) if (tap.network.send(mesh.idOf(name), frame)) carried++;
    };
    const workflow = await mesh.open('amber', planOf([task('one'), task('two', { after: ['one'] })]));
    await expectCompleted(workflow);
    expect(carried).toBeGreaterThan(4);
    for (const name of honest) expect([name, refusedBy(name).liars.consensus]).toEqual([name, undefined]);
    // Whoever was spoken for starts again: nobody has a word of its against it.
    await mesh.stopNode('birch');
    await mesh.startNode('birch');
    await expectCompleted(await mesh.open('birch', planOf([task('three')]), 'after the start'));
  });

  it('in their names, under its own key, is refused, and nobody is held to what it said', async () => {
    const tap = await start();
    const identity = mesh.identityOf(liar);
    const met = new Set<string>();
    tap.onHeard = (_, heard) => {
      const { frame } = decodeFrameMessage(readDirect(heard)!.body);
      for (const entry of decodeFrame(frame).batch?.entries ?? []) {
        const said = decodeEntry(entry);
        const { instance } = said.type === 'vote' ? said.vote : said.proposal;
        if (met.has(instance)) continue;
        met.add(instance);
        for (const id of honest.map((name) => mesh.idOf(name))) {
          const vote = {
            kind: 'prevote',
            instance,
            round: 0,
            value: null,
            polkaRound: -1,
            proposalHash: noHash,
          } as const;
          const held = new HeldEntry(encodeVote(vote), id);
          const batch = sealBatch({ ...identity, id }, crypto, [held]);
          const [inBatch, relayed] = [new FrameBuilder(), new FrameBuilder()];
          inBatch.batch(batch);
          relayed.relay(held.export());
          for (const builder of [inBatch, relayed]) toAll(tap, framed(builder.build()[0]!));
        }
      }
    };
    await expectCompleted(await mesh.open('amber', planOf([task('one'), task('two', { after: ['one'] })])));
    expect(met.size).toBeGreaterThan(1);
    for (const name of honest) expect(refusedBy(name).liars.consensus).toBeGreaterThan(2 * met.size);
  });

  it('and lies about how far their logs went keeps none of them from voting', async () => {
    const tap = await start();
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
    let lies = 0;
    tap.serve = (from, frame) => {
      const opened = openEnvelope(frame, { crypto, meshId: mesh.node(liar).composed.parts.chain.meshId });
      if (!opened.ok || opened.envelope.type !== 'consensus.last-seen') return undefined;
      lies++;
      const position = { sequence: 1_000_000, hash: new Uint8Array(32), seal: mesh.time.random.bytes(32) };
      return sealEnvelope(
        {
          id: mesh.time.random.bytes(16),
          type: 'consensus.last-seen.reply',
          to: from,
          re: opened.envelope.id,
          hlc: opened.envelope.hlc,
          ttlMs: 60_000,
          body: encodeBody({ position }, maxBodyBytes),
        },
        mesh.identityOf(liar),
        { crypto, meshId: mesh.node(liar).composed.parts.chain.meshId },
      );
    };
    await mesh.stopNode('amber');
    await mesh.startNode('amber');
    await expectCompleted(await mesh.open('amber', planOf([task('two')]), 'after the start'));
    expect(lies).toBeGreaterThan(0);
  });
});

describe('a member that floods', () => {
  it('fills no memory of one that is not ready to hear: what exceeds its own queue is dropped under its name', async () => {
    const tap = await start();
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
    // Amber starts alone with the liar, and does not hear consensus before it knows that its log is its last word.
    for (const name of honest) await mesh.stopNode(name);
    await mesh.startNode('amber');
    await mesh.time.advance(2_000);
    const large = framed(new Uint8Array(500_000));
    for (let i = 0; i < 40; i++) {
      const frame = large.slice();
      new DataView(frame.buffer).setUint32(51, i);
      expect(tap.network.send(mesh.idOf('amber'), frame)).toBe(true);
      await mesh.time.advance(1);
    }
    // 4 MiB are eight of them.
    expect(refusedBy('amber').liars).toEqual({ consensus: 40 - 8 });
    for (const name of ['birch', 'cedar']) await mesh.startNode(name);
    await expectCompleted(await mesh.open('amber', planOf([task('two')]), 'after the flood'));
  });

  it('costs the others no more than one that is silent: they decide in the same virtual time, hear little of it, and name it', async () => {
    const counted = { checks: 0 };
    const counting: Crypto = {
      ...crypto,
      verify(key, message, signature) {
        counted.checks++;
        return crypto.verify(key, message, signature);
      },
    };
    const measured = async (floods: boolean): Promise<{ tookMs: number; checks: number; sent: number }> => {
      const tap = await start({ crypto: counting });
      // What its own node would say waits behind its flood: as good as nothing.
      tap.passes = (frame) => readDirect(frame)?.type !== frameType;
      await expectCompleted(await mesh.open('amber', planOf([task('warm-up')])));
      const storm = Array.from({ length: 64 }, (_, serial) => framed(nonsense(serial, 20, false)));
      const before = { ...counted };
      const startMs = mesh.time.clock.monotonicMs();
      let sent = 0;
      let serial = 0;
      const flood = (): void => {
        // As many as the buffers take: each of them is a message of its own.
        for (let i = 0; i < 25; i++) {
          const frame = storm[serial++ % storm.length]!.slice();
          new DataView(frame.buffer).setUint32(51, serial);
          for (const name of honest) sent += Number(tap.network.send(mesh.idOf(name), frame));
        }
        mesh.time.scheduler.at(mesh.time.clock.monotonicMs() + 10, flood);
      };
      if (floods) flood();
      for (let i = 0; i < 12; i++)
        await expectCompleted(await mesh.open(honest[i % 3]!, planOf([task('one')]), `under the flood ${i}`));
      const tookMs = mesh.time.clock.monotonicMs() - startMs;
      const result = { tookMs, checks: counted.checks - before.checks, sent };
      if (floods) for (const name of honest) expect(refusedBy(name).liars.consensus).toBeGreaterThan(20);
      await mesh.end();
      return result;
    };
    const quiet = await measured(false);
    const flooded = await measured(true);
    console.log(
      `twelve workflows in ${quiet.tookMs} ms and ${quiet.checks} checks; under ${flooded.sent} hostile frames in ${flooded.tookMs} ms and ${flooded.checks} checks`,
    );
    expect(flooded.sent).toBeGreaterThan(3_000);
    expect(flooded.tookMs).toBeLessThanOrEqual(quiet.tookMs + 100);
    expect(flooded.checks - quiet.checks).toBeLessThan(flooded.sent / 10);
    mesh = await InProcessMesh.start({ count: 1 });
  });
});
