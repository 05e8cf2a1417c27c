// Law: nothing happens but what was scheduled, one event at a time, in the queue's total order; virtual time moves only from one event to
// the next, and each event's promises settle before the next event begins. What an event did wrong is kept under its node's name.
import { drainMicrotasks, inTask } from './barrier.ts';
import { createHeapQueue, type EventQueue } from './queue.ts';
import { sealGlobals } from './seal.ts';
import { createTrace, type Trace, type TraceListener } from './trace.ts';

/** The world itself: faults, the network's own doings. */
export const nobody = -1;

export interface Breach {
  readonly kind: 'leak' | 'uncaught' | 'unhandled-rejection' | 'livelock';
  /** Index of the node whose event it was; −1 for the world's. */
  readonly node: number;
  readonly atUs: number;
  readonly text: string;
}

export interface KernelOptions {
  /** Default: the heap. */
  readonly queue?: EventQueue;
  readonly onEvent?: TraceListener;
  /** Events at one instant before it counts as a livelock. */
  readonly instantMax?: number;
}

export interface Kernel {
  readonly nowUs: number;
  /** Index of the node whose event runs now. */
  readonly current: number;
  readonly trace: Trace;
  readonly breaches: readonly Breach[];
  /** Events that wait, cancelled ones included until their time. */
  readonly waiting: number;
  /** Returns how to cancel; cancelling twice, or after the event, is harmless. Times before now count as now. */
  schedule(atUs: number, node: number, kind: string, run: () => void, bytes?: Uint8Array): () => void;
  /** Events of `node` wait until then: a process that was stopped. */
  pause(node: number, untilUs: number): void;
  breach(kind: Breach['kind'], text: string): void;
  /** Runs until `untilUs`, sealed; stops early where `isDone` says so, or after a breach. Time ends at `untilUs` unless stopped. */
  run(untilUs: number, isDone?: () => boolean): Promise<void>;
  /** The next event, unsealed and without the barrier, for a caller that awaits between events. False: none until `untilUs`. */
  step(untilUs: number): boolean;
}

const instantMaxDefault = 200_000;
/** Promise rejections without a handler are told by the process between tasks, so a long run is cut into slices. */
const eventsPerSlice = 20_000;

export function createKernel(options: KernelOptions = {}): Kernel {
  const queue = options.queue ?? createHeapQueue();
  const trace = createTrace(options.onEvent);
  const instantMax = options.instantMax ?? instantMaxDefault;
  const breaches: Breach[] = [];
  const pausedUntilUs = new Map<number, number>();
  let nowUs = 0;
  let current = nobody;
  let atThisInstant = 0;

  // What the queue's slots stand for.
  const runs: ((() => void) | undefined)[] = [];
  const nodes: number[] = [];
  const kinds: string[] = [];
  const payloads: (Uint8Array | undefined)[] = [];
  const generations: number[] = [];
  const free: number[] = [];

  const breach = (kind: Breach['kind'], text: string): void =>
    void breaches.push({ kind, node: current, atUs: nowUs, text });

  const schedule: Kernel['schedule'] = (atUs, node, kind, run, bytes) => {
    const slot = free.pop() ?? runs.length;
    runs[slot] = run;
    nodes[slot] = node;
    kinds[slot] = kind;
    payloads[slot] = bytes;
    const generation = (generations[slot] ?? 0) + 1;
    generations[slot] = generation;
    queue.push(Math.max(Math.ceil(atUs), nowUs), slot);
    return () => {
      if (generations[slot] === generation) runs[slot] = undefined;
    };
  };

  const step = (untilUs: number): boolean => {
    for (;;) {
      const atUs = queue.peekUs();
      if (atUs > untilUs || atUs === Number.POSITIVE_INFINITY) return false;
      const slot = queue.pop();
      const run = runs[slot];
      const node = nodes[slot]!;
      const resumesUs = run === undefined ? 0 : (pausedUntilUs.get(node) ?? 0);
      if (resumesUs > atUs) {
        queue.push(resumesUs, slot);
        continue;
      }
      const [kind, bytes] = [kinds[slot]!, payloads[slot]];
      runs[slot] = undefined;
      payloads[slot] = undefined;
      // From here on the slot is another event's: a late cancel must not reach it.
      generations[slot]!++;
      free.push(slot);
      if (run === undefined) continue;
      atThisInstant = atUs > nowUs ? 0 : atThisInstant + 1;
      nowUs = Math.max(nowUs, atUs);
      if (atThisInstant > instantMax) breach('livelock', `${instantMax} events at ${nowUs} µs; the last is ${kind}`);
      trace.note(nowUs, node, kind, bytes);
      current = node;
      try {
        run();
      } catch (error) {
        breach('uncaught', `${kind}: ${textOf(error)}`);
      }
      return true;
    }
  };

  const slice = (untilUs: number, isDone: () => boolean): boolean => {
    const unseal = sealGlobals((what, where) => breach('leak', `${what} ${where}`));
    try {
      for (let left = eventsPerSlice; left > 0; left--) {
        if (breaches.length > 0 || isDone()) return true;
        if (!step(untilUs)) {
          nowUs = untilUs;
          return true;
        }
        drainMicrotasks();
      }
      return breaches.length > 0;
    } finally {
      current = nobody;
      unseal();
    }
  };

  return {
    get nowUs() {
      return nowUs;
    },
    get current() {
      return current;
    },
    get waiting() {
      return queue.size;
    },
    trace,
    breaches,
    schedule,
    pause: (node, untilUs) => void pausedUntilUs.set(node, untilUs),
    breach,
    step,
    async run(untilUs, isDone = () => false) {
      const unheard = (reason: unknown): void => breach('unhandled-rejection', textOf(reason));
      const others = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection');
      process.on('unhandledRejection', unheard);
      try {
        // What was started outside of any event, by whoever holds the swarm, settles first.
        await inTask(drainMicrotasks);
        while (!(await inTask(() => slice(untilUs, isDone))));
        // One more turn, in which the process tells of rejections.
        await inTask(() => {});
      } finally {
        process.removeAllListeners('unhandledRejection');
        for (const other of others) process.on('unhandledRejection', other);
      }
    },
  };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = (error.stack ?? '').split('\n').find((line) => line.includes(' at ')) ?? '';
  return `${error.name}: ${error.message} ${frame.trim()}`;
}
