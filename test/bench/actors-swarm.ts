// Law: a swarm of whole actor systems over one virtual network does the same, to the last message, whenever its seed is the same.
// Usage: node test/bench/actors-swarm.ts [nodes] [virtual seconds] [seed]
import {
  type ActorRef,
  createRandom,
  createSystem,
  defineActor,
  type Message,
  remoteOf,
  type Schema,
  type System,
} from '../../actors/system/index.ts';
import { virtualHub, virtualWorld } from '../../actors/system/testing/index.ts';

export interface SwarmOptions {
  readonly nodes: number;
  readonly virtualMs: number;
  readonly seed: number;
  readonly loss?: number;
}

export interface SwarmResult {
  /** Messages that actors handled. */
  readonly events: number;
  /** Of which came from other nodes. */
  readonly remote: number;
  readonly framesSent: number;
  /** 64 bits over (actor, message type, virtual time) of every event, in order. */
  readonly traceHash: string;
  readonly cpuSeconds: number;
  /** Events per CPU second in the tenth of the run that the machine disturbed least. */
  readonly bestRate: number;
}

/** Keys in each store; entries in one message of gossip; neighbours are at these distances on a ring. */
const keys = 16;
const entriesPerGossip = 8;
const distances = [1, 2, 5, 17];
const parts = 10;

type Entry = readonly [key: number, version: number];
type Gossip =
  | { readonly type: 'round' }
  | { readonly type: 'news'; readonly entries: readonly Entry[] }
  | { readonly type: 'changed'; readonly key: number; readonly version: number };
type Store = { readonly type: 'write' } | { readonly type: 'merge'; readonly key: number; readonly version: number };
type Prober = { readonly type: 'probe' } | { readonly type: 'ping'; readonly from: number } | { readonly type: 'pong' };

const eventCodes: Readonly<Record<string, number>> = {
  round: 1,
  news: 2,
  changed: 3,
  write: 4,
  merge: 5,
  probe: 6,
  ping: 7,
  pong: 8,
};

class Trace {
  events = 0;
  remote = 0;
  private low = 0x811c9dc5;
  private high = 0x9747b28c;

  add(actor: number, type: string, atMs: number): void {
    this.events++;
    const code = eventCodes[type]!;
    if (code === 2 || code >= 7) this.remote++;
    const word = Math.imul(actor, 0x9e3779b1) ^ Math.imul(code, 0x85ebca6b) ^ atMs;
    this.low = Math.imul(this.low ^ word, 0x01000193);
    this.high = Math.imul(this.high ^ (word >>> 7) ^ this.low, 0xc2b2ae35);
  }

  get hash(): string {
    return [this.high, this.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/** Checked as cheaply as a schema can. */
const typed = <M>(types: readonly string[]): Schema<M> => ({
  parse(input) {
    if (!types.includes((input as Message).type)) throw new TypeError('not for this actor');
    return input as M;
  },
});

function startNode(
  index: number,
  { system, peers, trace }: { readonly system: System; readonly peers: readonly number[]; readonly trace: Trace },
): void {
  const remote = remoteOf(system);
  const far = <M extends Message>(path: string): readonly ActorRef<M>[] =>
    peers.map((peer) => remote.lookup<M>(`n${peer}`, path));
  const prober = defineActor<Prober, readonly ActorRef<Prober>[]>({
    kind: 'prober',
    start(ctx) {
      ctx.after(ctx.random.below(100), { type: 'probe' });
      ctx.every(100, { type: 'probe' });
      return far('/prober');
    },
    receive(refs, message, ctx) {
      trace.add(index * 3, message.type, ctx.clock.monotonicMs());
      if (message.type === 'probe') refs[ctx.random.below(refs.length)]!.tell({ type: 'ping', from: peers.length });
      else if (message.type === 'ping') refs[ctx.random.below(refs.length)]!.tell({ type: 'pong' });
    },
    schema: typed(['ping', 'pong']),
  });
  const store = defineActor<Store, { readonly versions: number[]; gossip: ActorRef<Gossip> | undefined }>({
    kind: 'store',
    start(ctx) {
      ctx.after(ctx.random.below(500), { type: 'write' });
      ctx.every(500, { type: 'write' });
      return { versions: new Array<number>(keys).fill(0), gossip: undefined };
    },
    receive(state, message, ctx) {
      const nowMs = ctx.clock.monotonicMs();
      trace.add(index * 3 + 1, message.type, nowMs);
      state.gossip ??= gossipRef;
      if (message.type === 'write') {
        const key = ctx.random.below(keys);
        const version = ++state.versions[key]!;
        state.gossip.tell({ type: 'changed', key, version });
      } else if (message.version > state.versions[message.key]!) {
        state.versions[message.key] = message.version;
        state.gossip.tell({ type: 'changed', key: message.key, version: message.version });
      }
    },
  });
  const storeRef = system.spawn(store, undefined, { name: 'store' });
  const gossip = defineActor<Gossip, { readonly refs: readonly ActorRef<Gossip>[]; recent: Entry[] }>({
    kind: 'gossip',
    start(ctx) {
      ctx.after(ctx.random.below(100), { type: 'round' });
      ctx.every(100, { type: 'round' });
      return { refs: far('/gossip'), recent: [] };
    },
    receive(state, message, ctx) {
      trace.add(index * 3 + 2, message.type, ctx.clock.monotonicMs());
      if (message.type === 'changed') {
        state.recent.push([message.key, message.version]);
        if (state.recent.length > entriesPerGossip) state.recent.shift();
      } else if (message.type === 'news') {
        for (const [key, version] of message.entries) storeRef.tell({ type: 'merge', key, version });
      } else if (state.recent.length > 0) {
        state.refs[ctx.random.below(state.refs.length)]!.tell({ type: 'news', entries: state.recent });
      }
    },
    schema: typed(['news']),
  });
  const gossipRef = system.spawn(gossip, undefined, { name: 'gossip' });
  system.spawn(prober, undefined, { name: 'prober' });
}

export function runSwarm({ nodes, virtualMs, seed, loss = 0.05 }: SwarmOptions): SwarmResult {
  const world = virtualWorld(seed);
  const trace = new Trace();
  const near = distances.flatMap((distance) => [distance, nodes - distance]);
  const numbers = new Map(Array.from({ length: nodes }, (_, index) => [`n${index}`, index]));
  const hub = virtualHub(world, {
    seed,
    loss,
    latencyMs: { min: 1, max: 60 },
    connects: (a, b) => near.includes((numbers.get(a)! - numbers.get(b)! + nodes) % nodes),
  });
  const random = createRandom(seed);
  for (let index = 0; index < nodes; index++) {
    const name = `n${index}`;
    const system = createSystem(name, { ...world, random: random.fork(name) });
    remoteOf(system).attach(hub.open(name));
    const peers = [...new Set(near.map((distance) => (index + distance) % nodes))];
    startNode(index, { system, peers, trace });
  }
  let [cpuSeconds, bestRate] = [0, 0];
  for (let part = 0; part < parts; part++) {
    const [eventsBefore, before] = [trace.events, process.cpuUsage()];
    world.advanceSync(virtualMs / parts);
    const { user, system: kernel } = process.cpuUsage(before);
    const seconds = (user + kernel) / 1e6;
    cpuSeconds += seconds;
    bestRate = Math.max(bestRate, (trace.events - eventsBefore) / seconds);
  }
  return {
    events: trace.events,
    remote: trace.remote,
    framesSent: hub.framesSent,
    traceHash: trace.hash,
    cpuSeconds,
    bestRate,
  };
}

if (import.meta.main) {
  const [nodes = 1000, seconds = 60, seed = 7] = process.argv.slice(2).map(Number);
  for (const round of [1, 2]) {
    const { events, remote, framesSent, traceHash, cpuSeconds, bestRate } = runSwarm({
      nodes,
      virtualMs: seconds * 1000,
      seed,
    });
    const rate = events / cpuSeconds;
    console.log(
      `run ${round}: ${nodes} nodes × 3 actors, ${seconds} s virtual, seed ${seed}: ${events} events (${remote} from other nodes, ${framesSent} frames) in ${cpuSeconds.toFixed(2)} CPU s = ${(rate / 1e6).toFixed(2)} M/s (best tenth ${(bestRate / 1e6).toFixed(2)}), trace ${traceHash}`,
    );
  }
}
