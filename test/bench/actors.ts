// Law: figures are CPU nanoseconds per operation (process.cpuUsage, helper threads included), the best of several rounds after a
// warm-up, with everything the runtime does switched on. Run it alone: `node --expose-gc test/bench/actors.ts`.
import {
  type ActorRef,
  ask,
  createRandom,
  createSystem,
  defineActor,
  type Message,
  type ReplyTo,
  type System,
  type SystemWorld,
  type TraceContext,
} from '../../actors/system/index.ts';

const realWorld: SystemWorld = {
  clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  random: createRandom(1),
  scheduler: {
    defer: (drain) => queueMicrotask(drain),
    yield: (drain) => void setImmediate(drain),
    at(atMs, fire) {
      const timer = setTimeout(fire, Math.max(0, atMs - performance.now()));
      return () => clearTimeout(timer);
    },
  },
  log: () => {},
};

interface Hop extends Message {
  readonly type: 'hop';
  readonly left: number;
}

interface Wire {
  next: ActorRef<Hop>;
  readonly done: () => void;
}

const hopper = defineActor<Hop, Wire, Wire>({
  kind: 'hopper',
  start: (_ctx, wire) => wire,
  receive(wire, message) {
    if (message.left === 0) wire.done();
    else wire.next.tell({ type: 'hop', left: message.left - 1 });
  },
});

const sink = defineActor<Hop, { left: number; done: () => void }, { left: number; done: () => void }>({
  kind: 'sink',
  mailbox: { capacity: 4_000_000, overflow: 'reject' },
  start: (_ctx, state) => state,
  receive(state) {
    if (--state.left === 0) state.done();
  },
});

interface Get extends Message {
  readonly type: 'get';
  readonly replyTo: ReplyTo<number>;
}
const answerer = defineActor<Get, number>({
  kind: 'answerer',
  start: () => 1,
  receive: (state, message) => message.replyTo.send(state),
});
const idler = defineActor<Message, null>({ kind: 'idler', start: () => null, receive: () => undefined });

const count = 2_000_000;
type Bench = (system: System) => Promise<number>;

/** `actors` in a ring, `tokens` going round at once. */
const ring =
  (actors: number, tokens: number, trace?: TraceContext): Bench =>
  async (system) => {
    let finished = 0;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (++finished === tokens) resolve();
      };
      const wires = Array.from({ length: actors }, (): Wire => ({ next: undefined as never, done }));
      const refs = wires.map((wire) => system.spawn(hopper, wire));
      for (const [index, wire] of wires.entries()) wire.next = refs[(index + 1) % actors]!;
      for (let token = 0; token < tokens; token++)
        refs[Math.floor((token * actors) / tokens)]!.tell({ type: 'hop', left: count / tokens }, trace);
    });
    return count;
  };

const flood: Bench = async (system) => {
  const messages = 1_000_000;
  await new Promise<void>((done) => {
    const ref = system.spawn(sink, { left: messages, done });
    for (let sent = 0; sent < messages; sent++) ref.tell({ type: 'hop', left: 0 });
  });
  return messages;
};

const fanInBounded: Bench = async (system) => {
  const rounds = 20_000;
  const perRound = 100;
  let ref: ActorRef<Hop> | undefined;
  await new Promise<void>((done) => {
    ref = system.spawn(sink, { left: rounds * perRound, done });
    let round = 0;
    const send = (): void => {
      for (let sent = 0; sent < perRound; sent++) ref!.tell({ type: 'hop', left: 0 });
      if (++round < rounds) queueMicrotask(send);
    };
    send();
  });
  return rounds * perRound;
};

const spawnFirst: Bench = async (system) => {
  const actors = 100_000;
  await new Promise<void>((resolve) => {
    let left = actors;
    const done = (): void => {
      if (--left === 0) resolve();
    };
    for (let index = 0; index < actors; index++)
      system.spawn(hopper, { next: undefined as never, done }).tell({ type: 'hop', left: 0 });
  });
  return actors;
};

const asking: Bench = async (system) => {
  const ref = system.spawn(answerer, undefined);
  const asks = 300_000;
  for (let done = 0; done < asks; done++) await ask(system, ref, { type: 'get' }, { timeoutMs: 5000 });
  return asks;
};

async function measure(name: string, bench: Bench): Promise<void> {
  const figures: number[] = [];
  for (let round = 0; round < 6; round++) {
    const system = createSystem(`bench-${round}`, realWorld);
    const before = process.cpuUsage();
    const operations = await bench(system);
    const { user, system: kernel } = process.cpuUsage(before);
    if (round > 0) figures.push(((user + kernel) * 1000) / operations);
    await system.shutdown();
  }
  figures.sort((a, b) => a - b);
  const median = figures[Math.floor(figures.length / 2)]!;
  console.log(
    `${name.padEnd(34)} ${figures[0]!.toFixed(0).padStart(6)} ns best ${median.toFixed(0).padStart(6)} ns median`,
  );
}

async function idleMemory(): Promise<void> {
  const system = createSystem('memory', realWorld);
  const actors = 100_000;
  const collect = globalThis.gc ?? (() => {});
  collect();
  const before = process.memoryUsage().heapUsed;
  const refs: ActorRef<Message>[] = new Array(actors);
  for (let index = 0; index < actors; index++) refs[index] = system.spawn(idler, undefined);
  await new Promise((resolve) => setTimeout(resolve, 200));
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / refs.length;
  console.log(
    `${'idle actor'.padEnd(34)} ${bytes.toFixed(0).padStart(6)} bytes${globalThis.gc === undefined ? ' (no --expose-gc: garbage included)' : ''}`,
  );
  await system.shutdown();
}

/** How long a 1 ms timer has to wait while actors never stop sending. */
async function loopGap(): Promise<void> {
  const system = createSystem('gap', realWorld);
  let last = performance.now();
  let largest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    largest = Math.max(largest, now - last);
    last = now;
  }, 1);
  await ring(1000, 100)(system);
  clearInterval(timer);
  console.log(`${'largest loop gap under flood'.padEnd(34)} ${largest.toFixed(1).padStart(6)} ms (wall)`);
  await system.shutdown();
}

const chosen = process.argv[2];
const benches: readonly (readonly [string, Bench])[] = [
  ['ping-pong', ring(2, 1)],
  [
    'ping-pong, traced',
    ring(2, 1, { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', flags: 1 }),
  ],
  ['ring of 1,000, 1 token', ring(1000, 1)],
  ['ring of 1,000, 100 tokens', ring(1000, 100)],
  ['fan-in, batches of 100', fanInBounded],
  ['flood, 1,000,000 queued', flood],
  ['spawn and first message', spawnFirst],
  ['ask with timeout', asking],
];
if (chosen === undefined || chosen === 'idle') await idleMemory();
for (const [name, bench] of benches) if (chosen === undefined || name.includes(chosen)) await measure(name, bench);
if (chosen === undefined || chosen === 'gap') await loopGap();
