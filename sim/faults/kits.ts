// Law: each kit is one way to lie. Kits stack: each wraps the network that the one before left.

import { encodeFrameMessage, frameType } from '../../actors/consensus/index.ts';
import type { NodeId, Random } from '../../actors/system/index.ts';
import { decodeWorkflowEntry, encodeWorkflowEntry, workflowLane } from '../../actors/workflow/index.ts';
import {
  decodeAuditBatch,
  decodeDecision,
  decodeFrame,
  encodeAuditBatch,
  encodeDecision,
  isRefusal,
} from '../../consensus/index.ts';
import { encodeEntry, entryHash, type LaneEntry } from '../../protocols/lanes/index.ts';
import { decodeBody, hex } from '../../protocols/wire/index.ts';
import type { Disguise } from '../node.ts';
import type { Troubles } from '../sandbox.ts';
import { laneEntriesIn, laneKits } from './kits-lanes.ts';
import { createLiar, createVoice, ifWellFormed, type Liar, listening, type Wrap } from './liar.ts';
import type { Kit } from './plan.ts';

/** Every so often, as long as the node lives. */
function repeatedly(liar: Liar, periodMs: number, act: () => void): void {
  const { scheduler, clock } = liar.world;
  const again = (): void => {
    act();
    scheduler.at(clock.monotonicMs() + periodMs, again);
  };
  scheduler.at(clock.monotonicMs() + periodMs, again);
}

const heardMax = 100;

/** What the others lie by: a sandbox, or a second machine. */
const wordless = ['wrong-result', 'moody-model', 'twins'] as const satisfies readonly Kit[];
type Wordless = (typeof wordless)[number];
const isWordless = (kit: Kit): kit is Wordless => (wordless as readonly Kit[]).includes(kit);

const wraps: Readonly<Record<Exclude<Kit, Wordless>, Wrap>> = {
  /** Some peers are told the truth, all are told nil, and where it leads, nonsense. */
  equivocate(network, liar, random) {
    const spared = new Set(liar.others.filter(() => random.chance(0.5)));
    const voice = createVoice({
      liar: { ...liar, world: { ...liar.world, network } },
      as: liar.identity,
      judges: false,
      to: () => true,
      nonsense: true,
    });
    return {
      ...network,
      onFrame: listening(network, (from, frame) => voice.hear(from, frame)),
      send(to, frame) {
        voice.hear(liar.identity.id, frame);
        return !spared.has(to) && liar.read(frame)?.type === frameType ? true : network.send(to, frame);
      },
    };
  },

  /** Two engines, each true to its half of the peers, which propose two decisions that are both borne out; for the audit log, one that is not. */
  'two-faced'(network, liar, random) {
    const half = new Set(liar.others.filter(() => random.chance(0.5)));
    const inner = { ...liar, world: { ...liar.world, network } };
    const faces = [true, false].map((side) =>
      createVoice({
        liar: inner,
        as: liar.identity,
        judges: true,
        to: (peer) => half.has(peer) === side,
        nonsense: false,
      }),
    );
    const offered = new Set<string>();
    const takeUp = (bytes: Uint8Array): void => {
      const frame = ifWellFormed(() => decodeFrame(bytes));
      if (frame === undefined) return;
      for (const payload of frame.payloads) {
        const name = hex.encode(liar.world.crypto.sha256(payload));
        if (offered.has(name)) continue;
        offered.add(name);
        const other = otherDecision(payload, liar);
        for (const introduced of frame.subjects) {
          faces[0]!.offer(payload, introduced.subject);
          faces[1]!.offer(other, introduced.subject);
        }
      }
    };
    return {
      ...network,
      onFrame: listening(network, (from, frame) => faces[half.has(from) ? 0 : 1]!.hear(from, frame)),
      send(to, frame) {
        const bytes = liar.consensusIn(frame);
        if (bytes === undefined) return network.send(to, frame);
        takeUp(bytes);
        return true;
      },
    };
  },

  /** Says nothing of some kinds to some peers, and answers some requests of some never. */
  withhold(network, liar, random) {
    const victims = new Set(liar.others.filter(() => random.chance(0.6)));
    const kinds = [frameType, 'lane.entries', 'lane.frontier', 'membership.swim'].filter(() => random.chance(0.6));
    const never = new Promise<never>(() => {});
    return {
      ...network,
      send: (to, frame) =>
        victims.has(to) && kinds.includes(liar.read(frame)?.type ?? '') ? true : network.send(to, frame),
      serve: (handler) => network.serve((from, frame) => (victims.has(from) ? never : handler(from, frame))),
      provide: (handler) =>
        network.provide((from, resource, offsetBytes) =>
          victims.has(from)
            ? { [Symbol.asyncIterator]: () => ({ next: () => never }) }
            : handler(from, resource, offsetBytes),
        ),
    };
  },

  /** Noise, noise in genuine envelopes of genuine types, its own frames with a bit flipped, and payloads that are not what they are called. */
  garbage(network, liar, random) {
    const types = [
      'lane.entries',
      'lane.frontier',
      'membership.swim',
      'membership.presence',
      'task.offer',
      'no.such.type',
    ];
    let last: Uint8Array = new Uint8Array(100);
    const noise = (to: NodeId): Uint8Array => {
      switch (random.below(4)) {
        case 0:
          return random.bytes(1 + random.below(400));
        case 1: {
          const message = { epoch: random.below(3), position: undefined, frame: random.bytes(120) };
          return liar.direct(frameType, random.chance(0.5) ? random.bytes(60) : encodeFrameMessage(message));
        }
        case 2:
          return liar.seal(to, types[random.below(types.length)]!, {
            epoch: random.below(3),
            bytes: random.bytes(120),
            entries: [random.bytes(90)],
            items: [],
            more: random.chance(0.5),
          });
        default: {
          const broken = last.slice();
          const at = random.below(broken.length);
          broken[at] = broken[at]! ^ (1 << random.below(8));
          return broken;
        }
      }
    };
    repeatedly(liar, 60, () => {
      const peers = network.peers();
      if (peers.length === 0) return;
      const to = peers[random.below(peers.length)]!;
      network.send(to, noise(to));
      if (random.chance(0.2)) network.request(to, noise(to), { timeoutMs: 500 }).catch(() => {});
    });
    return {
      ...network,
      send(to, frame) {
        last = frame;
        return network.send(to, random.chance(0.15) ? noise(to) : frame);
      },
      serve: (handler) =>
        network.serve(async (from, frame) => (random.chance(0.3) ? random.bytes(200) : handler(from, frame))),
      provide: (handler) =>
        network.provide((from, resource, offsetBytes) => {
          const source = handler(from, resource, offsetBytes);
          return source === undefined || random.chance(0.5) ? source : flipped(source);
        }),
    };
  },

  /** Votes, messages and log entries in the name of every other member. */
  forge(network, liar, random) {
    const inner = { ...liar, world: { ...liar.world, network } };
    const voices = liar.others.map((id) =>
      createVoice({ liar: inner, as: liar.impostor(id), judges: false, to: () => true, nonsense: true }),
    );
    const heads = new Map<NodeId, LaneEntry>();
    let workflow: string | undefined;
    repeatedly(liar, 250, () => {
      const peers = network.peers();
      if (peers.length === 0 || workflow === undefined) return;
      const id = liar.others[random.below(liar.others.length)]!;
      const head = heads.get(id);
      const place = {
        lane: workflowLane,
        sequence: (head?.sequence ?? 0) + 1,
        previous: head === undefined ? new Uint8Array(32) : entryHash(head, liar.world.crypto),
      };
      const entry = encodeEntry(
        liar.laneEntry(
          liar.impostor(id),
          place,
          encodeWorkflowEntry({ kind: 'cancelled', workflow, reason: 'forged', atMs: 1 }),
        ),
      );
      const to = peers[random.below(peers.length)]!;
      network.send(
        to,
        liar.seal(
          to,
          'lane.entries',
          { entries: [entry], more: false },
          random.chance(0.5) ? liar.identity : liar.impostor(id),
        ),
      );
    });
    return {
      ...network,
      onFrame: listening(network, (from, frame) => {
        for (const voice of voices) voice.hear(from, frame);
        for (const entry of laneEntriesIn(frame, liar)) {
          if (entry.lane !== workflowLane) continue;
          if (entry.sequence > (heads.get(entry.author)?.sequence ?? 0)) heads.set(entry.author, entry);
          workflow = decodeWorkflowEntry(entry.body).workflow;
        }
      }),
      send(to, frame) {
        for (const voice of voices) voice.hear(liar.identity.id, frame);
        return network.send(to, frame);
      },
    };
  },

  /** What it heard or said before, again: to whoever, as it was or in its own name. */
  replay(network, liar, random) {
    const heard: Uint8Array[] = [];
    const keep = (frame: Uint8Array): void => {
      if (heard.length < heardMax) heard.push(frame);
      else heard[random.below(heardMax)] = frame;
    };
    repeatedly(liar, 80, () => {
      const peers = network.peers();
      if (peers.length === 0 || heard.length === 0) return;
      const to = peers[random.below(peers.length)]!;
      const frame = heard[random.below(heard.length)]!;
      const read = random.chance(0.6) ? liar.read(frame) : undefined;
      const body = read === undefined ? undefined : ifWellFormed(() => decodeBody(read.body));
      network.send(to, body === undefined ? frame : liar.seal(to, read!.type, body));
    });
    return {
      ...network,
      onFrame: listening(network, (_, frame) => keep(frame)),
      send(to, frame) {
        keep(frame);
        return network.send(to, frame);
      },
    };
  },

  ...laneKits,
};

async function* flipped(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of source) yield chunk.map((byte) => byte ^ 1);
}

/** The same decision with one attestation less, where it holds without; else the same. Of a batch for the audit log: a decision nobody made. */
function otherDecision(payload: Uint8Array, liar: Liar): Uint8Array {
  const batch = ifWellFormed(() => decodeAuditBatch(payload));
  if (batch !== undefined) {
    const madeUp = {
      kind: 'verdict',
      key: new Uint8Array(32),
      digest: hex.encode(liar.world.crypto.sha256(payload)),
    } as const;
    return encodeAuditBatch({ ...batch, entries: [madeUp] });
  }
  const decision = ifWellFormed(() => decodeDecision(payload, liar.world.crypto));
  if (decision === undefined) return payload;
  if (isRefusal(decision)) return encodeDecision({ ...decision, refused: decision.refused.slice(1) });
  if (decision.kind === 'REASSIGN') return encodeDecision({ ...decision, expired: decision.expired.slice(1) });
  return decision.dissent.length > 0
    ? encodeDecision({ ...decision, dissent: [] })
    : encodeDecision({ ...decision, attestations: decision.attestations.slice(1) });
}

const lies: readonly Troubles['lie'][] = ['own', 'together', 'failure', 'absurd'];

/** How a node with these kits meets its World. `troubles` are its sandbox's. */
export function disguiseOf(chosen: readonly Kit[], random: Random, troubles: Troubles): Disguise {
  if (chosen.includes('wrong-result')) troubles.lie = lies[random.below(lies.length)]!;
  if (chosen.includes('moody-model')) troubles.lie = 'moody';
  return {
    wrap(world, context) {
      const liar = createLiar(world, context);
      let { network } = world;
      for (const kit of chosen)
        if (!isWordless(kit)) network = wraps[kit](network, liar, random.fork(`${kit}/${context.life.number}`));
      return { ...world, network };
    },
  };
}
