// Law: light agents are numbers, not objects: an event is a kind, two agents and a word in typed arrays, and a run of 100,000 agents is
// still one total order over the same queue as the full simulator's. What carries more than a word keeps it beside, under that word.
import { createWheelQueue, type EventQueue } from '../world/index.ts';

/** `from` and `to` are agents; what the kind and the word mean is the protocol's business. */
export type LightHandler = (kind: number, from: number, to: number, word: number) => void;

export interface LightWorld {
  readonly nowUs: number;
  /** Events handled. */
  readonly count: number;
  /** Two runs are the same run where this is equal: 8 hex digits over every event's time, kind, agents and word. */
  digest(): string;
  /** Whole microseconds from now; `kind` in 0…255. */
  after(delayUs: number, kind: number, from: number, to: number, word: number): void;
  run(untilUs: number, handle: LightHandler): void;
}

const firstCapacity = 4096;
/** Kind, from, to and word of an event stand side by side: one cache line. */
const fields = 4;

export function createLightWorld(queue: EventQueue = createWheelQueue()): LightWorld {
  let capacity = firstCapacity;
  let events = new Int32Array(capacity * fields);
  /** Slots that are free, as a stack; those from `used` on were never taken. */
  let free = new Int32Array(capacity);
  let freeCount = 0;
  let used = 0;
  let nowUs = 0;
  let count = 0;
  let chain = 0x243f6a88;

  const grow = (): void => {
    capacity *= 2;
    const [oldEvents, oldFree] = [events, free];
    events = new Int32Array(capacity * fields);
    free = new Int32Array(capacity);
    events.set(oldEvents);
    free.set(oldFree);
  };

  const note = (word: number): void => {
    const mixed = Math.imul(word, 0xcc9e2d51);
    const next = chain ^ Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    chain = (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
  };

  return {
    get nowUs() {
      return nowUs;
    },
    get count() {
      return count;
    },
    digest: () => (chain >>> 0).toString(16).padStart(8, '0'),
    after(delayUs, kind, from, to, word) {
      let slot: number;
      if (freeCount > 0) slot = free[--freeCount]!;
      else {
        if (used === capacity) grow();
        slot = used++;
      }
      const at = slot * fields;
      events[at] = kind;
      events[at + 1] = from;
      events[at + 2] = to;
      events[at + 3] = word;
      queue.push(nowUs + delayUs, slot);
    },
    run(untilUs, handle) {
      for (let atUs = queue.peekUs(); atUs <= untilUs; atUs = queue.peekUs()) {
        const slot = queue.pop();
        const at = slot * fields;
        const kind = events[at]!;
        const from = events[at + 1]!;
        const to = events[at + 2]!;
        const word = events[at + 3]!;
        free[freeCount++] = slot;
        nowUs = atUs;
        count++;
        note(atUs | 0);
        note(from + Math.imul(to, 0x9e3779b1) + kind);
        note(word);
        handle(kind, from, to, word);
      }
      nowUs = Math.max(nowUs, untilUs);
    },
  };
}
