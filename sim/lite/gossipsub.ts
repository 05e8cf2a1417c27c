// Law: gossipsub as its specification says, v1.0 and v1.1 without peer scores, one topic, agents that are numbers: what the transport below
// the Network port does, modelled, so that it can be held against the published runs of another simulator.
import { createRandom, type Random } from '../../actors/system/index.ts';
import { createDraws, type EventQueue } from '../world/index.ts';
import { createLightWorld } from './engine.ts';
import { createPairLatency, type PairLatency } from './latency.ts';
import { createRows, type Rows } from './rows.ts';

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

/** A span of a node's log goes in one word: where it begins and ends. */
const messagesMax = 0x7fff;

export function runGossipsub(options: GossipsubOptions): GossipsubResult {
  const { seed, nodes, messages, version, dials = 20, sources = 5 } = options;
  const { publishEveryMs = 1_000, firstPublishMs = 10_000, lingerMs = 10_000 } = options;
  if (messages > messagesMax) throw new RangeError(`${messages} messages: at most ${messagesMax} in a run`);
  const virtualMs = firstPublishMs + messages * publishEveryMs + lingerMs;
  const world = createLightWorld(options.queue);
  const random = createRandom(seed).fork('gossipsub');
  const latencyUs = createPairLatency(createDraws(seed, 'gossipsub'), options.latency ?? publishedLatency);
  const sent = new Float64Array(kinds.connect + 1);

  const peers = createRows(nodes, 32);
  const mesh = createRows(nodes, 16);
  /** What each node took, in order, and how many of its heartbeats had gone by then; before `offeredFrom` it is too old to be offered. */
  const log = new Uint16Array(nodes * messages);
  const logBeats = new Int32Array(nodes * messages);
  const logEnd = new Int32Array(nodes);
  const offeredFrom = new Int32Array(nodes);
  const beats = new Int32Array(nodes);
  const seen = new Uint8Array(nodes * messages);
  const publishedUs = new Float64Array(messages);
  const latenciesMs = new Float32Array(nodes * messages);
  let delivered = 0;
  let latencyCount = 0;
  /** Lists under way that are no span of a log, by the word that stands for them. */
  const lists: (readonly number[])[] = [];
  const freeLists: number[] = [];
  /** By node: the number of the latest look in which it was seen to be in the mesh of whoever looked. */
  const marks = new Int32Array(nodes);
  let looks = 0;
  /** What a look found. */
  let found = new Int32Array(64);

  const send = (kind: number, from: number, to: number, word: number): void => {
    const n = sent[kind]!;
    sent[kind] = n + 1;
    world.after(latencyUs(from, to, n), kind, from, to, word);
  };
  const keep = (items: readonly number[]): number => {
    const word = freeLists.pop() ?? lists.length;
    lists[word] = items;
    return word;
  };
  const read = (word: number): readonly number[] => {
    freeLists.push(word);
    return lists[word]!;
  };

  const connect = (node: number, others: readonly number[]): void => {
    for (const other of others) {
      if (other === node || peers.has(node, other)) continue;
      peers.push(node, other);
      send(kinds.connect, node, other, 0);
    }
  };

  /** Puts the peers of `node` that are not in its mesh into `found`, in the order in which they came; returns how many. */
  const lookOutside = (node: number): number => {
    const mark = ++looks;
    const { data: own, stride: ownStride } = mesh;
    for (let at = node * ownStride, end = at + mesh.counts[node]!; at < end; at++) marks[own[at]!] = mark;
    const { data: all, stride } = peers;
    const count = peers.counts[node]!;
    if (count > found.length) found = new Int32Array(2 * count);
    let outside = 0;
    for (let at = node * stride, end = at + count; at < end; at++) {
      const peer = all[at]!;
      if (marks[peer] !== mark) found[outside++] = peer;
    }
    return outside;
  };

  /** `hops` are whom it goes to: the mesh, or with flood publishing a source's every peer. */
  const deliver = (node: number, from: number, message: number, hops: Rows): void => {
    const at = node * messages + message;
    if (seen[at] === 1) return;
    seen[at] = 1;
    delivered++;
    const logAt = node * messages + logEnd[node]!++;
    log[logAt] = message;
    logBeats[logAt] = beats[node]!;
    if (from === driver) publishedUs[message] = world.nowUs;
    else latenciesMs[latencyCount++] = (world.nowUs - publishedUs[message]!) / 1_000;
    const { data, stride } = hops;
    for (let hopAt = node * stride, end = hopAt + hops.counts[node]!; hopAt < end; hopAt++)
      if (data[hopAt] !== from) send(kinds.message, node, data[hopAt]!, message);
  };

  const keepMesh = (node: number): void => {
    const size = mesh.counts[node]!;
    if (size < degree.low) {
      const outside = lookOutside(node);
      const chosen = pick(found, outside, degree.wanted - size, random);
      for (let i = 0; i < chosen; i++) {
        mesh.push(node, found[i]!);
        send(kinds.graft, node, found[i]!, 0);
      }
    } else if (size > degree.high) {
      const own = mesh.data.slice(node * mesh.stride, node * mesh.stride + size);
      const dropped = pick(own, size, size - degree.wanted, random);
      for (let i = 0; i < dropped; i++) mesh.remove(node, own[i]!);
      for (let i = 0; i < dropped; i++) send(kinds.prune, node, own[i]!, keep(exchangedWith(node, own[i]!)));
    }
  };

  /** Whom a pruned peer may turn to instead. */
  const exchangedWith = (node: number, peer: number): readonly number[] => {
    if (version === '1.0') return [];
    const begin = node * peers.stride;
    const others = peers.data.slice(begin, begin + peers.counts[node]!).filter((other) => other !== peer);
    return [...others.subarray(0, pick(others, others.length, exchangedPeers, random))];
  };

  const gossip = (node: number): void => {
    const end = logEnd[node]!;
    let begin = offeredFrom[node]!;
    const oldest = beats[node]! - gossipWindows;
    while (begin < end && logBeats[node * messages + begin]! < oldest) begin++;
    offeredFrom[node] = begin;
    if (begin === end) return;
    const outside = lookOutside(node);
    let wanted = degree.gossip as number;
    if (version === '1.1') {
      let drawn = 0;
      for (let i = 0; i < outside; i++) if (random.chance(gossipFactor)) drawn++;
      wanted = Math.max(wanted, drawn);
    }
    const chosen = pick(found, outside, wanted, random);
    for (let i = 0; i < chosen; i++) send(kinds.ihave, node, found[i]!, (end << 16) | begin);
  };

  const handle = (kind: number, from: number, to: number, word: number): void => {
    switch (kind) {
      case kinds.message:
        deliver(to, from, word, mesh);
        return;
      case kinds.ihave: {
        let wanted: number[] | undefined;
        const base = from * messages;
        for (let at = base + (word & 0xffff), end = base + (word >> 16); at < end; at++)
          if (seen[to * messages + log[at]!] === 0) {
            wanted ??= [];
            wanted.push(log[at]!);
          }
        if (wanted !== undefined) send(kinds.iwant, to, from, keep(wanted));
        return;
      }
      case kinds.iwant:
        for (const message of read(word)) send(kinds.message, to, from, message);
        return;
      case kinds.graft:
        if (!mesh.has(to, from)) mesh.push(to, from);
        return;
      case kinds.prune: {
        const others = read(word);
        mesh.remove(to, from);
        connect(to, others);
        return;
      }
      case kinds.connect:
        if (!peers.has(to, from)) peers.push(to, from);
        return;
      case kinds.publish:
        deliver(to, driver, word, version === '1.1' ? peers : mesh);
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
  const publishers = Int32Array.from({ length: nodes }, (_, node) => node);
  const publisherCount = pick(publishers, nodes, sources, random);
  for (let message = 0; message < messages; message++) {
    const source = publishers[random.below(publisherCount)]!;
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

/** Brings `wanted` different ones of the first `count` items to the front, in random order; all where there are fewer. Returns how many. */
function pick(items: Int32Array, count: number, wanted: number, random: Random): number {
  const chosen = Math.min(wanted, count);
  for (let i = 0; i < chosen; i++) {
    const j = i + random.below(count - i);
    const other = items[j]!;
    items[j] = items[i]!;
    items[i] = other;
  }
  return chosen;
}
