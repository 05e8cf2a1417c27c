// Law: frames take as long, and get lost as often, as the seed says, and those that arrive do so in order per pair and session; a cut
// loses what was under way. Nothing happens but through the virtual world's agenda.
import { createRandom, type Network, NetworkError, type NodeId, type PeerEvent } from '../index.ts';
import type { VirtualWorld } from './virtual-world.ts';

export type VirtualNetwork = Pick<
  Network,
  'self' | 'peers' | 'onPeer' | 'send' | 'onFrame' | 'maxFrameBytes' | 'close'
>;

export interface VirtualNetworkOptions {
  readonly seed?: number;
  /** Each frame takes a whole number of milliseconds in between, both included. Default 1 to 1. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** The part of the frames that gets lost, 0 to 1. */
  readonly loss?: number;
  /** Pairs with a connection; all where absent. */
  readonly connects?: (a: NodeId, b: NodeId) => boolean;
  /** Bytes under way per pair and direction; beyond them `send` is refused. Default 8 MiB. */
  readonly maxOutboundBytes?: number;
}

export interface VirtualHub {
  /** Connected to every other open node that no partition keeps apart. */
  open(self: NodeId): VirtualNetwork;
  /** Only nodes of one list reach each other from now on; nodes in none are alone. */
  partition(...sides: readonly (readonly NodeId[])[]): void;
  heal(): void;
  setLoss(loss: number): void;
  readonly framesSent: number;
}

interface Node {
  readonly self: NodeId;
  readonly links: Map<NodeId, Link>;
  frames: readonly ((from: NodeId, frame: Uint8Array) => void)[];
  readonly events: Set<(event: PeerEvent) => void>;
}

interface Link {
  open: boolean;
  lastArrivalMs: number;
  bytes: number;
  /** Under way, oldest first: they arrive in this order. */
  readonly queue: Uint8Array[];
  /** Hands over the oldest. */
  readonly arrive: () => void;
}

const maxFrameBytes = 1 << 20;

function linkTo(target: Node, from: NodeId): Link {
  const link: Link = {
    open: true,
    lastArrivalMs: 0,
    bytes: 0,
    queue: [],
    arrive() {
      const frame = link.queue.shift()!;
      link.bytes -= frame.length;
      if (link.open) for (const handler of target.frames) handler(from, frame);
    },
  };
  return link;
}

export function virtualHub(world: VirtualWorld, options: VirtualNetworkOptions = {}): VirtualHub {
  const { latencyMs = { min: 1, max: 1 }, connects = () => true, maxOutboundBytes = 8 << 20 } = options;
  const random = createRandom(options.seed ?? 1);
  const nodes = new Map<NodeId, Node>();
  let loss = options.loss ?? 0;
  let sideOf: ReadonlyMap<NodeId, number> | undefined;
  let framesSent = 0;

  const reaches = (a: NodeId, b: NodeId): boolean =>
    a !== b && connects(a, b) && (sideOf === undefined || (sideOf.has(a) && sideOf.get(a) === sideOf.get(b)));

  const announce = (node: Node, event: PeerEvent): void => {
    for (const handler of [...node.events]) handler(event);
  };

  const cut = (a: Node, b: Node): void => {
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const link = node.links.get(other.self);
      if (link === undefined) continue;
      link.open = false;
      node.links.delete(other.self);
      announce(node, { node: other.self, up: false });
    }
  };

  /** Connects what may be connected and cuts what may not. */
  const settle = (): void => {
    const all = [...nodes.values()];
    for (const [index, a] of all.entries()) {
      for (const b of all.slice(index + 1)) {
        const wanted = reaches(a.self, b.self);
        if (a.links.has(b.self) === wanted) continue;
        if (!wanted) {
          cut(a, b);
          continue;
        }
        a.links.set(b.self, linkTo(b, a.self));
        b.links.set(a.self, linkTo(a, b.self));
        announce(a, { node: b.self, up: true });
        announce(b, { node: a.self, up: true });
      }
    }
  };

  const connectNew = (node: Node): void => {
    for (const other of nodes.values()) {
      if (!reaches(node.self, other.self)) continue;
      node.links.set(other.self, linkTo(other, node.self));
      other.links.set(node.self, linkTo(node, other.self));
      announce(other, { node: node.self, up: true });
    }
  };

  return {
    open(self) {
      if (nodes.has(self)) throw new Error(`${self} is on the hub already`);
      const node: Node = { self, links: new Map(), frames: [], events: new Set() };
      nodes.set(self, node);
      connectNew(node);
      return {
        self,
        maxFrameBytes,
        peers: () => [...node.links.keys()],
        onPeer(handler) {
          node.events.add(handler);
          return () => void node.events.delete(handler);
        },
        onFrame(handler) {
          node.frames = [...node.frames, handler];
          return () => {
            node.frames = node.frames.filter((other) => other !== handler);
          };
        },
        send(to, frame) {
          if (frame.length > maxFrameBytes) throw new NetworkError('too_large', `a frame of ${frame.length} bytes`);
          const link = node.links.get(to);
          if (link === undefined || link.bytes + frame.length > maxOutboundBytes) return false;
          framesSent++;
          const spanMs = latencyMs.max - latencyMs.min;
          const tookMs = latencyMs.min + (spanMs > 0 ? random.below(spanMs + 1) : 0);
          if (loss > 0 && random.chance(loss)) return true;
          // A slow frame holds up those behind it, as in any stream.
          link.lastArrivalMs = Math.max(link.lastArrivalMs, world.clock.monotonicMs() + tookMs);
          link.bytes += frame.length;
          link.queue.push(frame);
          world.scheduler.at(link.lastArrivalMs, link.arrive);
          return true;
        },
        async close() {
          nodes.delete(self);
          for (const peer of [...node.links.keys()]) {
            const other = nodes.get(peer);
            if (other !== undefined) cut(node, other);
          }
          node.frames = [];
          node.events.clear();
        },
      };
    },
    partition(...sides) {
      sideOf = new Map(sides.flatMap((side, index) => side.map((node) => [node, index] as const)));
      settle();
    },
    heal() {
      sideOf = undefined;
      settle();
    },
    setLoss(next) {
      loss = next;
    },
    get framesSent() {
      return framesSent;
    },
  };
}
