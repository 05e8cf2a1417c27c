// Law: events leave in one total order, by (time, sequence): earlier first, and among equal times in the order they were pushed. Times are
// whole microseconds, so that no rounding can swap two events.

/** What waits, by slot; what a slot stands for is the caller's business. */
export interface EventQueue {
  readonly size: number;
  /** `atUs` is a whole number of microseconds. */
  push(atUs: number, slot: number): void;
  /** The earliest time; Infinity where nothing waits. */
  peekUs(): number;
  /** Removes and returns the slot of the first event; −1 where nothing waits. */
  pop(): number;
}

const arity = 4;
const firstCapacity = 1024;

/** A 4-ary heap in typed arrays: no object per event, and four children fit in one cache line. */
export function createHeapQueue(): EventQueue {
  let capacity = firstCapacity;
  let times = new Float64Array(capacity);
  let sequences = new Float64Array(capacity);
  let slots = new Int32Array(capacity);
  let size = 0;
  let nextSequence = 0;

  const grow = (): void => {
    capacity *= 2;
    const [oldTimes, oldSequences, oldSlots] = [times, sequences, slots];
    times = new Float64Array(capacity);
    sequences = new Float64Array(capacity);
    slots = new Int32Array(capacity);
    times.set(oldTimes);
    sequences.set(oldSequences);
    slots.set(oldSlots);
  };

  const put = (at: number, time: number, sequence: number, slot: number): void => {
    times[at] = time;
    sequences[at] = sequence;
    slots[at] = slot;
  };

  return {
    get size() {
      return size;
    },
    push(atUs, slot) {
      if (size === capacity) grow();
      const sequence = nextSequence++;
      let at = size++;
      // A new event has the largest sequence of all: it stays behind whatever has its time.
      while (at > 0) {
        const parent = (at - 1) >> 2;
        if (times[parent]! <= atUs) break;
        put(at, times[parent]!, sequences[parent]!, slots[parent]!);
        at = parent;
      }
      put(at, atUs, sequence, slot);
    },
    peekUs: () => (size === 0 ? Number.POSITIVE_INFINITY : times[0]!),
    pop() {
      if (size === 0) return -1;
      const first = slots[0]!;
      size--;
      const [time, sequence, slot] = [times[size]!, sequences[size]!, slots[size]!];
      let at = 0;
      for (;;) {
        const begin = at * arity + 1;
        if (begin >= size) break;
        let least = begin;
        const end = Math.min(begin + arity, size);
        for (let child = begin + 1; child < end; child++) {
          if (
            times[child]! < times[least]! ||
            (times[child]! === times[least]! && sequences[child]! < sequences[least]!)
          )
            least = child;
        }
        if (time < times[least]! || (time === times[least]! && sequence < sequences[least]!)) break;
        put(at, times[least]!, sequences[least]!, slots[least]!);
        at = least;
      }
      put(at, time, sequence, slot);
      return first;
    },
  };
}
