// Law: Parley as a node runs it, with everything on: bounded mailboxes, supervision, dead letters, traces, timers. One case per process:
// `node --expose-gc test/bench/actors-parley.ts CASE`; `npm run bench:actors` runs them all beside the peers.
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
import { main } from './peers/measure.mjs';

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

const hops = 2_000_000;
type Case = () => Promise<readonly [operations: number, end: () => Promise<void>]>;

async function inSystem(run: (system: System) => Promise<number>): ReturnType<Case> {
  const system = createSystem('bench', realWorld);
  return [await run(system), () => system.shutdown()];
}

/** `actors` in a ring, `tokens` going round at once. */
const ring =
  (actors: number, tokens: number, trace?: TraceContext): Case =>
  () =>
    inSystem(async (system) => {
      let finished = 0;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          if (++finished === tokens) resolve();
        };
        const wires = Array.from({ length: actors }, (): Wire => ({ next: undefined as never, done }));
        const refs = wires.map((wire) => system.spawn(hopper, wire));
        for (const [index, wire] of wires.entries()) wire.next = refs[(index + 1) % actors]!;
        for (let token = 0; token < tokens; token++)
          refs[Math.floor((token * actors) / tokens)]!.tell({ type: 'hop', left: hops / tokens }, trace);
      });
      return hops;
    });

const fanIn =
  (rounds: number, perRound: number): Case =>
  () =>
    inSystem(async (system) => {
      await new Promise<void>((done) => {
        const ref = system.spawn(sink, { left: rounds * perRound, done });
        let round = 0;
        const send = (): void => {
          for (let sent = 0; sent < perRound; sent++) ref.tell({ type: 'hop', left: 0 });
          if (++round < rounds) queueMicrotask(send);
        };
        send();
      });
      return rounds * perRound;
    });

const same: Hop = { type: 'hop', left: 0 };

/** All wait before the first is handled. One message, so that the figure is the mailbox's and not the heap's. */
const queued =
  (rounds: number, perRound: number): Case =>
  () =>
    inSystem(async (system) => {
      for (let round = 0; round < rounds; round++)
        await new Promise<void>((done) => {
          const ref = system.spawn(sink, { left: perRound, done });
          for (let sent = 0; sent < perRound; sent++) ref.tell(same);
        });
      return rounds * perRound;
    });

await main({
  'ping-pong': ring(2, 1),
  'ping-pong, traced': ring(2, 1, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    flags: 1,
  }),
  'ring, 1 token': ring(1000, 1),
  'ring, 100 tokens': ring(1000, 100),
  'fan-in, bounded': fanIn(20_000, 100),
  'fan-in, flooded': fanIn(1, 1_000_000),
  'queue of 1,000': queued(1000, 1000),
  'queue of 1,000,000': queued(1, 1_000_000),
  spawn: () =>
    inSystem(async (system) => {
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
    }),
  ask: () =>
    inSystem(async (system) => {
      const ref = system.spawn(answerer, undefined);
      const asks = 300_000;
      for (let done = 0; done < asks; done++) await ask(system, ref, { type: 'get' }, { timeoutMs: 5000 });
      return asks;
    }),
  idle(actors: number) {
    const system = createSystem('bench', realWorld);
    return Array.from({ length: actors }, () => system.spawn(idler, undefined));
  },
  gap: ring(1000, 100),
});
