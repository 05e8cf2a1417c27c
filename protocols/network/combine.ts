// Law: a node with several transports is one peer to each other node: up while any path to it is, sent to on the first path that is up. A
// publication is handled once however many paths bring it, and is handed on to peers that only another path reaches.
import type { Crypto, Network, NodeId, PeerEvent } from '../../actors/system/index.ts';
import { hex, utf8 } from '../wire/index.ts';
import { closedError, unreachable } from './port.ts';
import type { FrameHandler } from './topics.ts';

/** Publications remembered to recognise their copies on other paths. */
const rememberedMax = 8_192;

/** `paths` in order of preference, all of the same node; the first limit that is smaller applies to all. Closing it closes them. */
export function combineNetworks(paths: readonly Network[], crypto: Pick<Crypto, 'sha256'>): Network {
  const [first] = paths;
  if (first === undefined) throw new RangeError('a combined network needs at least one path');
  const { self } = first;
  if (paths.some((path) => path.self !== self)) throw new RangeError('the paths belong to different nodes');
  const live = new Map<NodeId, Set<Network>>();
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  let closed = false;

  const announce = (event: PeerEvent): void => {
    for (const handler of [...peerHandlers]) handler(event);
  };
  for (const path of paths) {
    const note = (node: NodeId): boolean => {
      const on = live.get(node) ?? new Set();
      live.set(node, on.add(path));
      return on.size === 1;
    };
    path.onPeer(({ node, up }) => {
      if (up) {
        if (note(node)) announce({ node, up });
        return;
      }
      const on = live.get(node);
      if (on?.delete(path) !== true || on.size > 0) return;
      live.delete(node);
      announce({ node, up });
    });
    for (const node of path.peers()) note(node);
  }
  const pathTo = (node: NodeId): Network | undefined => {
    const on = live.get(node);
    return on === undefined ? undefined : paths.find((path) => on.has(path));
  };
  /** Paths to peers that none of `covered`, nor one before it, reaches; in order of preference. */
  const further = (covered: readonly Network[]): Network[] => {
    const used = [...covered];
    const added: Network[] = [];
    for (const path of paths) {
      if (used.includes(path)) continue;
      if (!path.peers().some((node) => !used.some((other) => live.get(node)?.has(other) === true))) continue;
      used.push(path);
      added.push(path);
    }
    return added;
  };

  /** How often each peer brought a publication on each path; our own count as brought for ever. */
  const brought = new Map<string, Map<string, number>>();
  const nameOf = (topic: string, frame: Uint8Array): string =>
    hex.encode(crypto.sha256(utf8.encode(topic), Uint8Array.of(0), frame));
  const remember = (id: string, counts: Map<string, number>): void => {
    brought.delete(id);
    brought.set(id, counts);
    if (brought.size > rememberedMax) brought.delete(brought.keys().next().value!);
  };
  /** One may be repeated on purpose: as often as one peer brings it on one path, it is new. Copies by other ways are not. */
  const isNew = (path: Network, from: NodeId, topic: string, frame: Uint8Array): boolean => {
    const id = nameOf(topic, frame);
    const counts = brought.get(id) ?? new Map<string, number>();
    const way = `${paths.indexOf(path)}|${from}`;
    const before = Math.max(0, ...counts.values());
    counts.set(way, (counts.get(way) ?? 0) + 1);
    remember(id, counts);
    return counts.get(way)! > before;
  };
  const topics = new Map<string, { readonly handlers: Set<FrameHandler>; readonly leave: () => void }>();

  const onEach = (attach: (path: Network) => () => void): (() => void) => {
    const leave = paths.map(attach);
    return () => {
      for (const stop of leave) stop();
    };
  };

  return {
    self,
    maxFrameBytes: Math.min(...paths.map((path) => path.maxFrameBytes)),
    peers: () => [...live.keys()].sort(),
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    send(to, frame, options) {
      const on = options?.everyPath === true ? live.get(to) : undefined;
      // The first path asks for the checks that need no peer.
      if (on === undefined) return (pathTo(to) ?? first).send(to, frame);
      return paths.filter((path) => on.has(path)).reduce((taken, path) => path.send(to, frame) || taken, false);
    },
    onFrame: (handler) => onEach((path) => path.onFrame(handler)),
    request: (to, frame, options) => (pathTo(to) ?? first).request(to, frame, options),
    serve: (handler) => onEach((path) => path.serve(handler)),
    publish(topic, frame) {
      const ways = further([]);
      for (const path of ways.length === 0 ? [first] : ways) path.publish(topic, frame);
      if (!closed && paths.length > 1) remember(nameOf(topic, frame), new Map([['', Number.POSITIVE_INFINITY]]));
    },
    subscribe(topic, handler) {
      let joined = topics.get(topic);
      if (joined === undefined) {
        const handlers = new Set<FrameHandler>();
        const leave = onEach((path) =>
          path.subscribe(topic, (from, frame) => {
            if (!isNew(path, from, topic, frame)) return;
            for (const other of further([path])) other.publish(topic, frame);
            for (const handle of [...handlers]) handle(from, frame);
          }),
        );
        joined = { handlers, leave };
        topics.set(topic, joined);
      }
      const { handlers, leave } = joined;
      handlers.add(handler);
      return () => {
        if (!handlers.delete(handler) || handlers.size > 0) return;
        leave();
        topics.delete(topic);
      };
    },
    async *pull(from, resource, offsetBytes) {
      const path = pathTo(from);
      if (path === undefined) throw closed ? closedError(self) : unreachable(from);
      yield* path.pull(from, resource, offsetBytes);
    },
    provide: (handler) => onEach((path) => path.provide(handler)),
    async close() {
      closed = true;
      await Promise.all(paths.map((path) => path.close()));
    },
  };
}
