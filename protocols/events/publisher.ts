// Law: a partition has one batch under way at a time, and a batch that failed is tried again before the next: a repeat cannot overtake what
// was published after it. Events that come meanwhile share the next batch. What waits is bounded.
import type { Clock, Scheduler } from '../../actors/system/index.ts';
import { batchMaxBytes, batchMaxEvents, partitionOf, type StoredEvent } from './batch.ts';
import { EventBusError, type Position } from './bus.ts';
import type { EventLog } from './log.ts';

/** In all partitions together. */
const waitingMaxBytes = 32 << 20;
/** Longer than a cluster of servers takes to elect a new leader. */
const retryForMs = 15_000;
const retryFirstMs = 20;
const retryMaxMs = 500;
const eventOverheadBytes = 64;

interface Waiting {
  readonly event: StoredEvent;
  readonly sizeBytes: number;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly topic: string;
  readonly partition: number;
  queue: Waiting[];
  isBusy: boolean;
}

export interface Publisher {
  publish(topic: string, event: StoredEvent): Promise<Position>;
  /** What is under way is settled, what waits is refused. */
  close(): Promise<void>;
}

export function createPublisher(options: {
  readonly log: EventLog;
  /** Unlike that of any other publisher, ever. */
  readonly name: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}): Publisher {
  const { log, name, clock, scheduler } = options;
  const lanes = new Map<string, Lane>();
  const running = new Set<Promise<void>>();
  let waitingBytes = 0;
  let batches = 0;
  let closed = false;
  const closedError = (): EventBusError => new EventBusError('closed', 'the event bus is closed');
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => void scheduler.at(clock.monotonicMs() + ms, resolve));

  const take = (lane: Lane): Waiting[] => {
    let count = 0;
    let sizeBytes = 0;
    for (const waiting of lane.queue) {
      if (count === batchMaxEvents || (count > 0 && sizeBytes + waiting.sizeBytes > batchMaxBytes)) break;
      sizeBytes += waiting.sizeBytes;
      count++;
    }
    waitingBytes -= sizeBytes;
    return lane.queue.splice(0, count);
  };

  async function store(lane: Lane, taken: readonly Waiting[]): Promise<void> {
    const batch = {
      topic: lane.topic,
      partition: lane.partition,
      atMs: clock.wallMs(),
      events: taken.map(({ event }) => event),
    };
    const id = `${name}-${++batches}`;
    const untilMs = clock.monotonicMs() + retryForMs;
    for (let attempt = 0; ; attempt++) {
      try {
        const { source, sequence } = await log.append(batch, id, attempt);
        for (const [index, waiting] of taken.entries()) waiting.resolve({ source, sequence, index });
        return;
      } catch (error) {
        const isPassing = error instanceof EventBusError && error.code === 'unavailable';
        if (!isPassing || closed || clock.monotonicMs() > untilMs) {
          for (const { reject } of taken) reject(error);
          return;
        }
      }
      await pause(Math.min(retryMaxMs, retryFirstMs * 2 ** attempt));
    }
  }

  async function run(lane: Lane): Promise<void> {
    lane.isBusy = true;
    while (lane.queue.length > 0) {
      const nextMs = clock.monotonicMs() + log.batchEveryMs;
      await store(lane, take(lane));
      const leftMs = nextMs - clock.monotonicMs();
      if (leftMs > 0 && !closed) await pause(leftMs);
    }
    lane.isBusy = false;
    lanes.delete(`${lane.partition} ${lane.topic}`);
  }

  return {
    publish(topic, event) {
      if (closed) return Promise.reject(closedError());
      const sizeBytes = event.data.length + 3 * (event.key.length + event.id.length) + eventOverheadBytes;
      if (waitingBytes + sizeBytes > waitingMaxBytes)
        return Promise.reject(
          new EventBusError('overloaded', `${waitingBytes} bytes of events wait to be stored; publish again later`),
        );
      waitingBytes += sizeBytes;
      const partition = partitionOf(event.key);
      const laneKey = `${partition} ${topic}`;
      const lane: Lane = lanes.get(laneKey) ?? { topic, partition, queue: [], isBusy: false };
      lanes.set(laneKey, lane);
      return new Promise((resolve, reject) => {
        lane.queue.push({ event, sizeBytes, resolve, reject });
        if (lane.isBusy) return;
        lane.isBusy = true;
        // Everything published in this turn shares the first batch.
        scheduler.yield(() => {
          const own = run(lane).finally(() => running.delete(own));
          running.add(own);
        });
      });
    },
    async close() {
      closed = true;
      for (const lane of lanes.values()) for (const { reject } of lane.queue.splice(0)) reject(closedError());
      waitingBytes = 0;
      await Promise.all(running);
    },
  };
}
