// Law: a liar knows what its node knows and no more: its own key, its mesh, what it heard. It wraps the ports of its own World; its
// connections are real, and what it signs in its own name is genuine.
import { decodeFrameMessage, encodeFrameMessage, frameType } from '../../actors/consensus/index.ts';
import type { Network, NodeId, Random, World } from '../../actors/system/index.ts';
import { createEngine, type EngineInput, type EngineOutput } from '../../consensus/index.ts';
import { type LaneEntry, signEntry } from '../../protocols/lanes/index.ts';
import { type Genesis, meshIdOf } from '../../protocols/mesh/index.ts';
import {
  createHlc,
  encodeBody,
  encodeDirect,
  type Identity,
  MalformedBytes,
  maxBodyBytes,
  openEnvelope,
  publicKeyOf,
  readDirect,
  sealEnvelope,
} from '../../protocols/wire/index.ts';
import type { Life } from '../world/index.ts';

export interface Liar {
  readonly world: World;
  readonly life: Life;
  readonly identity: Identity;
  readonly others: readonly NodeId[];
  readonly genesis: Genesis;
  readonly meshId: Uint8Array;
  /** `id`'s name over this node's own key: what it signs verifies under nobody's key but the liar's. */
  impostor(id: NodeId): Identity;
  seal(to: NodeId, type: string, body: unknown, as?: Identity): Uint8Array;
  /** A direct message, which needs no signature. */
  direct(type: string, body: Uint8Array): Uint8Array;
  /** What a message is about, whoever signed it. */
  read(frame: Uint8Array): { readonly type: string; readonly body: Uint8Array } | undefined;
  /** The engine's bytes in a frame of epoch 0; undefined for anything else, other kits' noise included. */
  consensusIn(frame: Uint8Array): Uint8Array | undefined;
  laneEntry(as: Identity, place: Pick<LaneEntry, 'lane' | 'sequence' | 'previous'>, body: Uint8Array): LaneEntry;
}

export function createLiar(
  world: World,
  context: { readonly identity: Identity; readonly genesis: Genesis; readonly life: Life },
): Liar {
  const { identity, genesis, life } = context;
  const { crypto, clock } = world;
  const random = world.random.fork('liar/ids');
  const meshId = meshIdOf(genesis, crypto);
  const hlc = createHlc(clock);
  const read: Liar['read'] = (frame) => {
    const direct = readDirect(frame);
    if (direct !== undefined) return direct;
    const opened = openEnvelope(frame, { crypto: { sha256: () => new Uint8Array(32), verify: () => true }, meshId });
    return opened.ok ? opened.envelope : undefined;
  };
  return {
    world,
    life,
    identity,
    genesis,
    meshId,
    others: genesis.config.members.map(({ id }) => id).filter((id) => id !== identity.id),
    impostor: (id) => ({ id, publicKey: publicKeyOf(id), secretKey: identity.secretKey }),
    seal: (to, type, body, as = identity) =>
      sealEnvelope(
        { id: random.bytes(16), type, to, hlc: hlc.now(), ttlMs: 60_000, body: encodeBody(body, maxBodyBytes) },
        as,
        { crypto, meshId },
      ),
    direct: (type, body) => encodeDirect({ meshId, id: random.bytes(16), type, body }),
    read,
    consensusIn(frame) {
      const message = read(frame);
      if (message?.type !== frameType) return undefined;
      const said = ifWellFormed(() => decodeFrameMessage(message.body));
      return said?.epoch === 0 ? said.frame : undefined;
    },
    laneEntry: (as, place, body) => signEntry({ mesh: meshId, ...place, hlc: hlc.now(), body }, as, crypto),
  };
}

/** A second voice with the same key: the real engine with another judgement, which answers to nobody's log. */
export interface Voice {
  hear(from: NodeId, frame: Uint8Array): void;
  /** Takes up what this node's own engine proposes. */
  offer(payload: Uint8Array, input: Extract<EngineInput, { type: 'start' }>['subject']): void;
}

export interface VoiceOptions {
  readonly liar: Liar;
  readonly as: Identity;
  /** What it says of a payload. */
  readonly judges: boolean;
  readonly to: (peer: NodeId) => boolean;
  /** What it proposes where it leads and has nothing; nothing where undefined. */
  readonly nonsense: boolean;
}

export function createVoice({ liar, as, judges, to, nonsense }: VoiceOptions): Voice {
  const { world, genesis, meshId, life } = liar;
  const { config } = genesis;
  const engine = createEngine({
    self: as,
    meshId,
    config,
    crypto: world.crypto,
    timeouts: { baseMs: 300, maxMs: 5_000 },
  });
  const handle = (input: EngineInput): void => {
    for (const output of engine.handle(input)) perform(output);
  };
  const perform = (output: EngineOutput): void => {
    switch (output.type) {
      case 'send':
        for (const peer of output.to === 'all' ? world.network.peers() : [output.to]) {
          const message = { epoch: config.epoch, position: undefined, frame: output.frame };
          if (to(peer)) world.network.send(peer, liar.direct(frameType, encodeFrameMessage(message)));
        }
        return;
      case 'validate':
        return void handle({ type: 'validated', instance: output.instance, value: output.value, ok: judges });
      case 'wanted':
        if (nonsense)
          handle({ type: 'offer', instance: output.instance, payload: new Uint8Array(40).fill(output.round) });
        return;
      case 'timer':
        world.scheduler.at(world.clock.monotonicMs() + output.delayMs, () => {
          if (life.isAlive)
            handle({ type: 'timeout', instance: output.instance, kind: output.kind, round: output.round });
        });
        return;
    }
  };
  return {
    hear(from, frame) {
      const bytes = liar.consensusIn(frame);
      if (bytes !== undefined) handle({ type: 'frame', from, bytes });
    },
    offer: (payload, subject) => handle({ type: 'start', subject, payload }),
  };
}

/** `network` with every frame also shown to `hear`. */
export function listening(network: Network, hear: (from: NodeId, frame: Uint8Array) => void): Network['onFrame'] {
  return (handler) =>
    network.onFrame((from, frame) => {
      hear(from, frame);
      handler(from, frame);
    });
}

/** A way to lie: what a liar's node meets in place of `network`. */
export type Wrap = (network: Network, liar: Liar, random: Random) => Network;

/** Other kits of the same liar, and other liars, may have made noise of it. */
export function ifWellFormed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}
