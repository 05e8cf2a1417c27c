// Law: the view says who seems to be there; nothing that must be right rests on it. A connection that drops makes a node not live at once,
// a detector's suspicion does the same for one that is connected and silent, and only a decided config takes a vote away.
import { z } from 'zod';
import {
  createDetector,
  createRecordBook,
  type Detector,
  type DetectorInput,
  pick,
  swimSchema,
} from '../../protocols/membership/index.ts';
import { workersOf } from '../../protocols/mesh/index.ts';
import { defineMessage, utf8 } from '../../protocols/wire/index.ts';
import type { Parts, Presence, View } from '../parts/index.ts';
import { type ActorDef, type Context, defineActor, type NodeId } from '../system/index.ts';

export type MembershipMessage =
  | { readonly type: 'input'; readonly input: DetectorInput }
  | { readonly type: 'tick' }
  | { readonly type: 'presence'; readonly from: NodeId; readonly presence: Presence }
  | { readonly type: 'announce'; readonly to: NodeId | undefined }
  | { readonly type: 'announced'; readonly to: NodeId | undefined; readonly presence: Presence }
  | { readonly type: 'epoch' };

export interface MembershipArgs {
  readonly parts: Parts;
  readonly view: MutableView;
  /** What this node says of itself, asked afresh for every announcement. */
  readonly describe: () => Promise<Presence>;
  /** Where it can be dialed. */
  readonly addresses: () => readonly string[];
  /** Attempts it runs at once. */
  readonly capacity: number;
}

interface MembershipState extends MembershipArgs {
  readonly detector: Detector;
  /** The last word on this node, encoded; undefined until it has described itself. */
  announced: string | undefined;
  readonly leave: readonly (() => void)[];
}

const swim = defineMessage('membership.swim', swimSchema);
const presence = defineMessage(
  'membership.presence',
  z.strictObject({
    name: z.string().max(64),
    site: z.string().max(64),
    skills: z.array(z.string().max(64)).max(256),
    addresses: z.array(z.string().max(256)).max(32),
    socket: z.string().max(256),
    version: z.string().max(64),
    load: z.number().nonnegative().max(1e6),
    dataSets: z
      .array(z.strictObject({ name: z.string().max(64), columns: z.array(z.string().max(255)).max(512) }))
      .max(64),
  }),
);
const announcePeriodMs = 3_000;
/** Of peers told again what they were told when they came: a lost message mends in a few periods, and the cost does not grow with the mesh. */
const remindedPeers = { member: 3, watcher: 1 } as const;
/** What of a list a record has room for: it is limited as a whole, and a record that cannot be signed would keep the node from starting. */
const listMaxBytes = 1_500;

function upTo(texts: readonly string[], countMax: number): string[] {
  let bytes = 0;
  return texts.slice(0, countMax).filter((text) => {
    const sizeBytes = 2 + utf8.encode(text).length;
    if (sizeBytes > 256 || bytes + sizeBytes > listMaxBytes) return false;
    bytes += sizeBytes;
    return true;
  });
}

export const membershipActor: ActorDef<MembershipMessage, MembershipState, MembershipArgs> = defineActor({
  kind: 'membership',
  mailbox: { capacity: 8_192, overflow: 'dropOldest' },
  start(ctx, args) {
    const { parts, view } = args;
    const { world, identity, chain, office } = parts;
    const own = chain.node(identity.id);
    const detector = createDetector({
      self: identity.id,
      random: world.random.fork('membership'),
      book: createRecordBook({ crypto: world.crypto, identity, meshId: chain.meshId }),
      content: {
        name: own?.name ?? 'observer',
        site: own?.site ?? 'observer',
        skills: upTo(
          parts.manifests.map(({ name }) => name),
          64,
        ),
        modelFamilies: own === undefined || own.modelFamily === 'none' ? [] : [own.modelFamily],
        addresses: upTo(args.addresses(), 16),
        capacity: args.capacity,
        load: 0,
      },
      incarnation: Math.floor(world.clock.wallMs()),
      accepts: (id) => chain.node(id) !== undefined,
      nowMs: world.clock.monotonicMs(),
    });
    const leave = [
      office.on(
        swim,
        (message, { from }) => void ctx.self.tell({ type: 'input', input: { kind: 'message', from, message } }),
      ),
      office.on(presence, (body, { from }) => void ctx.self.tell({ type: 'presence', from, presence: body })),
      world.network.onPeer(({ node, up }) => {
        view.connected(node, up);
        ctx.self.tell({ type: 'input', input: { kind: 'peer', node, up } });
        if (up) ctx.self.tell({ type: 'announce', to: node });
      }),
      chain.onAppend(() => void ctx.self.tell({ type: 'epoch' })),
    ];
    const state: MembershipState = { ...args, detector, announced: undefined, leave };
    ctx.self.tell({ type: 'epoch' });
    for (const node of world.network.peers()) {
      view.connected(node, true);
      ctx.self.tell({ type: 'input', input: { kind: 'peer', node, up: true } });
    }
    ctx.every(announcePeriodMs, { type: 'announce', to: undefined }, 'announce');
    ctx.self.tell({ type: 'announce', to: undefined });
    schedule(state, ctx);
    return state;
  },
  receive(state, message, ctx) {
    const { parts, view } = state;
    switch (message.type) {
      case 'tick':
        return feed(state, { kind: 'tick' }, ctx);
      case 'input':
        return feed(state, message.input, ctx);
      case 'epoch':
        return feed(
          state,
          {
            kind: 'expect',
            nodes: [...parts.chain.current.members, ...workersOf(parts.chain.current)]
              .map(({ id }) => id)
              .filter((id) => id !== parts.identity.id),
          },
          ctx,
        );
      case 'presence':
        view.heard(message.from, message.presence);
        return;
      case 'announce':
        ctx.pipe(
          state.describe,
          (described) => ({ type: 'announced', to: message.to, presence: described }),
          (error) => {
            parts.world.log('warn', 'presence not told', { error: error.message });
            return { type: 'tick' };
          },
        );
        return;
      case 'announced':
        view.heard(parts.identity.id, message.presence);
        for (const node of message.to === undefined ? audience(state, message.presence) : [message.to])
          parts.office.send(node, presence, message.presence);
        return;
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});

/** Who is to hear now what this node says of itself: everyone where it is new, else a few. */
function audience(state: MembershipState, said: Presence): readonly NodeId[] {
  const { world, chain, identity } = state.parts;
  const peers = [...world.network.peers()];
  const encoded = JSON.stringify(said);
  const isNew = encoded !== state.announced;
  state.announced = encoded;
  if (isNew) return peers;
  return pick(peers, chain.isMember(identity.id) ? remindedPeers.member : remindedPeers.watcher, world.random);
}

function feed(state: MembershipState, input: DetectorInput, ctx: Context<MembershipMessage>): void {
  const { parts, view, detector } = state;
  for (const output of detector.handle(input, parts.world.clock.monotonicMs())) {
    switch (output.kind) {
      case 'send':
        parts.office.send(output.to, swim, output.message, { everyPath: output.everyPath });
        break;
      case 'refused':
        parts.refusals.add(output.from, 'membership', output.reason);
        break;
      case 'changed':
        view.judged(output.node, output.to);
        if (output.to === 'dead' && output.from !== 'dead')
          parts.world.log('warn', 'member believed dead', {
            node: output.node,
            name: parts.chain.nameOf(output.node),
            leaving: output.record?.leaving === true,
          });
        break;
    }
  }
  schedule(state, ctx);
}

function schedule(state: MembershipState, ctx: Context<MembershipMessage>): void {
  ctx.after(Math.max(1, state.detector.nextMs - state.parts.world.clock.monotonicMs()), { type: 'tick' }, 'tick');
}

/** The view, with the hooks through which the membership actor keeps it. */
export interface MutableView extends View {
  connected(id: NodeId, up: boolean): void;
  judged(id: NodeId, state: 'alive' | 'suspect' | 'dead' | 'unknown'): void;
  heard(id: NodeId, presence: Presence): void;
}

/** Members and observers whose word of themselves is kept. */
const presencesMax = 1_024;

export function createView(self: NodeId): MutableView {
  const connections = new Set<NodeId>();
  const states = new Map<NodeId, 'alive' | 'suspect' | 'dead' | 'unknown'>();
  const presences = new Map<NodeId, Presence>();
  const handlers = new Set<() => void>();
  const changed = (): void => {
    for (const handler of [...handlers]) handler();
  };
  const isLive = (id: NodeId): boolean => {
    const state = states.get(id);
    return id === self || (connections.has(id) && state !== 'suspect' && state !== 'dead');
  };
  const updating = (id: NodeId, update: () => void): void => {
    const before = isLive(id);
    update();
    if (isLive(id) !== before) changed();
  };
  return {
    isLive,
    state: (id) => (id === self ? 'alive' : (states.get(id) ?? 'unknown')),
    presence: (id) => presences.get(id),
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    connected: (id, up) => updating(id, () => (up ? connections.add(id) : connections.delete(id))),
    judged: (id, state) => updating(id, () => states.set(id, state)),
    heard(id, presence) {
      const isNew = !presences.has(id);
      if (isNew && presences.size >= presencesMax) return;
      presences.set(id, presence);
      if (isNew) changed();
    },
  };
}
