// Law: gossipsub as its specification says, v1.0 and v1.1 without peer scores, one topic, agents that are numbers: what the transport below
// the Network port does, modelled, so that it can be held against the published runs of another simulator.
import { createRandom, type Random } from '../../actors/system/index.ts';
import { createDraws, type EventQueue } from '../world/index.ts';
import { createLightWorld } from './engine.ts';
import { createPairLatency, type PairLatency } from './latency.ts';

export interface GossipsubOptions {
  readonly seed: number;
  readonly version: '1.0' | '1.1';
  readonly nodes: number;
  readonly messages: number;
  /** How many other nodes each node connects to at the start. */
  readonly dials?: number;
  readonly sources?: number;
  readonly publishEveryMs?: number;
  readonly firstPublishMs?: number;
  /** How long the run goes on after the last publication's second. */
  readonly lingerMs?: number;
  readonly latency?: PairLatency;
  readonly queue?: EventQueue;
}

export interface GossipsubResult {
  readonly virtualMs: number;
  readonly events: number;
  readonly digest: string;
  readonly sent: { readonly [kind in SentKind]: number };
  /** Of nodes × messages, those that arrived. */
  readonly delivered: number;
  /** Milliseconds from the source's own delivery, of every other delivery. */
  readonly latenciesMs: Float32Array;
}

type SentKind = 'message' | 'ihave' | 'iwant' | 'graft' | 'prune' | 'connect';

const kinds = { message: 0, ihave: 1, iwant: 2, graft: 3, prune: 4, connect: 5, publish: 6, heartbeat: 7 } as const;

/** The parameters of the published runs. */
const degree = { wanted: 6, low: 4, high: 12, gossip: 6 } as const;
const heartbeatUs = 1_000_000;
const gossipWindows = 3;
const gossipFactor = 0.25;
const exchangedPeers = 16;
const publishedLatency: PairLatency = { minUs: 10_000, maxUs: 150_000, jitterShare: 0.1 };
/** What sends the publications in: no node's number. */
const driver = -1;

interface Recent {
  readonly message: number;
  /** How many heartbeats of this node had gone by. */
  readonly beat: number;
}

export function runGossipsub(options: GossipsubOptions): GossipsubResult {
  const { seed, nodes, messages, version, dials = 20, sources = 5 } = options;
  const { publishEveryMs = 1_000, firstPublishMs = 10_000, lingerMs = 10_000 } = options;
  const virtualMs = firstPublishMs + messages * publishEveryMs + lingerMs;
  const world = createLightWorld(options.queue);
  const random = createRandom(seed).fork('gossipsub');
  const latencyUs = createPairLatency(createDraws(seed, 'gossipsub'), options.latency ?? publishedLatency);
  const sent = new Float64Array(kinds.connect + 1);

  const peers: number[][] = Array.from({ length: nodes }, () => []);
  const mesh: number[][] = Array.from({ length: nodes }, () => []);
  const recent: Recent[][] = Array.from({ length: nodes }, () => []);
  const beats = new Int32Array(nodes);
  const seen = new Uint8Array(nodes * messages);
  const publishedUs = new Float64Array(messages);
  const latenciesMs = new Float32Array(nodes * messages);
  let delivered = 0;
  let latencyCount = 0;
  /** Lists under way, by the word that stands for them; a list is freed by its last reader. */
  const lists: { readonly items: readonly number[]; readers: number }[] = [];
  const freeLists: number[] = [];

  const send = (kind: number, from: number, to: number, word: number): void => {
    const n = sent[kind]!;
    sent[kind] = n + 1;
    world.after(latencyUs(from, to, n), kind, from, to, word);
  };
  const keep = (items: readonly number[], readers: number): number => {
    const word = freeLists.pop() ?? lists.length;
    lists[word] = { items, readers };
    return word;
  };
  const read = (word: number): readonly number[] => {
    const list = lists[word]!;
    if (--list.readers === 0) freeLists.push(word);
    return list.items;
  };

  const connect = (node: number, others: readonly number[]): void => {
    const own = peers[node]!;
    for (const other of others) {
      if (other === node || own.includes(other)) continue;
      own.push(other);
      send(kinds.connect, node, other, 0);
    }
  };

  /** `hops` are whom it goes to: the mesh, or with flood publishing a source's every peer. */
  const deliver = (node: number, from: number, message: number, hops: readonly number[]): void => {
    const at = node * messages + message;
    if (seen[at] === 1) return;
    seen[at] = 1;
    delivered++;
    recent[node]!.push({ message, beat: beats[node]! });
    if (from === driver) publishedUs[message] = world.nowUs;
    else latenciesMs[latencyCount++] = (world.nowUs - publishedUs[message]!) / 1_000;
    for (const hop of hops) if (hop !== from) send(kinds.message, node, hop, message);
  };

  const keepMesh = (node: number): void => {
    const own = mesh[node]!;
    if (own.length < degree.low) {
      const candidates = peers[node]!.filter((peer) => !own.includes(peer));
      for (const peer of pick(candidates, degree.wanted - own.length, random)) {
        own.push(peer);
        send(kinds.graft, node, peer, 0);
      }
    } else if (own.length > degree.high) {
      const dropped = pick([...own], own.length - degree.wanted, random);
      mesh[node] = own.filter((peer) => !dropped.includes(peer));
      for (const peer of dropped) {
        const others = version === '1.0' ? [] : peers[node]!.filter((other) => other !== peer);
        send(kinds.prune, node, peer, keep(pick(others, exchangedPeers, random), 1));
      }
    }
  };

  const gossip = (node: number): void => {
    const kept = recent[node]!.filter(({ beat }) => beat >= beats[node]! - gossipWindows);
    recent[node] = kept;
    if (kept.length === 0) return;
    const own = mesh[node]!;
    const candidates = peers[node]!.filter((peer) => !own.includes(peer));
    let wanted = degree.gossip as number;
    if (version === '1.1') {
      let drawn = 0;
      for (let i = 0; i < candidates.length; i++) if (random.chance(gossipFactor)) drawn++;
      wanted = Math.max(wanted, drawn);
    }
    const chosen = pick(candidates, wanted, random);
    if (chosen.length === 0) return;
    const word = keep(
      kept.map(({ message }) => message),
      chosen.length,
    );
    for (const peer of chosen) send(kinds.ihave, node, peer, word);
  };

  const handle = (kind: number, from: number, to: number, word: number): void => {
    switch (kind) {
      case kinds.message:
        deliver(to, from, word, mesh[to]!);
        return;
      case kinds.ihave: {
        const wanted = read(word).filter((message) => seen[to * messages + message] === 0);
        if (wanted.length > 0) send(kinds.iwant, to, from, keep(wanted, 1));
        return;
      }
      case kinds.iwant:
        for (const message of read(word)) send(kinds.message, to, from, message);
        return;
      case kinds.graft:
        if (!mesh[to]!.includes(from)) mesh[to]!.push(from);
        return;
      case kinds.prune: {
        const others = read(word);
        mesh[to] = mesh[to]!.filter((peer) => peer !== from);
        connect(to, others);
        return;
      }
      case kinds.connect:
        if (!peers[to]!.includes(from)) peers[to]!.push(from);
        return;
      case kinds.publish:
        deliver(to, driver, word, version === '1.1' ? peers[to]! : mesh[to]!);
        return;
      case kinds.heartbeat:
        keepMesh(to);
        beats[to]!++;
        gossip(to);
        world.after(heartbeatUs, kinds.heartbeat, to, to, 0);
        return;
    }
  };

  for (let node = 0; node < nodes; node++) {
    const others = new Set<number>();
    while (others.size < Math.min(dials, nodes - 1)) {
      const other = random.below(nodes);
      if (other !== node) others.add(other);
    }
    connect(node, [...others]);
    world.after(heartbeatUs + random.below(heartbeatUs), kinds.heartbeat, node, node, 0);
  }
  const publishers = pick(
    Array.from({ length: nodes }, (_, node) => node),
    sources,
    random,
  );
  for (let message = 0; message < messages; message++) {
    const source = publishers[random.below(publishers.length)]!;
    world.after((firstPublishMs + message * publishEveryMs) * 1_000, kinds.publish, driver, source, message);
  }
  world.run(virtualMs * 1_000, handle);

  const { message, ihave, iwant, graft, prune, connect: connected } = kinds;
  return {
    virtualMs,
    events: world.count,
    digest: world.digest(),
    sent: {
      message: sent[message]!,
      ihave: sent[ihave]!,
      iwant: sent[iwant]!,
      graft: sent[graft]!,
      prune: sent[prune]!,
      connect: sent[connected]!,
    },
    delivered,
    latenciesMs: latenciesMs.subarray(0, latencyCount),
  };
}

/** `count` different items in random order, all where there are fewer. Reorders `items`. */
function pick(items: number[], count: number, random: Random): number[] {
  const wanted = Math.min(count, items.length);
  for (let i = 0; i < wanted; i++) {
    const j = i + random.below(items.length - i);
    const other = items[j]!;
    items[j] = items[i]!;
    items[i] = other;
  }
  items.length = wanted;
  return items;
}
