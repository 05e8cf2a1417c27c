// Law: the same total order as the heap's, by another road: near events in a small heap, the next seconds in buckets of a wheel, the rest in
// a heap of their own. Two queues that cannot fail alike are how a wrong order is found.
import { createHeapQueue, type EventQueue } from './queue.ts';

const bucketUs = 512;
const buckets = 8_192;

export function createWheelQueue(): EventQueue {
  /** Events before `nearUntilUs`. */
  const near = createHeapQueue();
  /** Events of bucket `i` modulo the wheel, in the order of their pushes. */
  const wheel: { readonly times: number[]; readonly slots: number[] }[] = Array.from({ length: buckets }, () => ({
    times: [],
    slots: [],
  }));
  const far = createHeapQueue();
  let nearUntilUs = bucketUs;
  let onWheel = 0;

  const wheelUntilUs = (): number => nearUntilUs + (buckets - 1) * bucketUs;
  const bucketAt = (atUs: number) => wheel[Math.floor(atUs / bucketUs) % buckets]!;
  const file = (atUs: number, slot: number): void => {
    const { times, slots } = bucketAt(atUs);
    times.push(atUs);
    slots.push(slot);
    onWheel++;
  };
  /** Far events that the wheel now reaches go onto it before anything newer of their time can. */
  const reach = (): void => {
    while (far.peekUs() < wheelUntilUs()) {
      const atUs = far.peekUs();
      file(atUs, far.pop());
    }
  };
  const turn = (): void => {
    while (near.size === 0 && onWheel + far.size > 0) {
      // An empty wheel is not walked around: it goes on where the next event is.
      if (onWheel === 0) {
        nearUntilUs = Math.floor(far.peekUs() / bucketUs) * bucketUs;
        reach();
      }
      const { times, slots } = bucketAt(nearUntilUs);
      times.forEach((atUs, i) => {
        near.push(atUs, slots[i]!);
      });
      onWheel -= times.length;
      times.length = 0;
      slots.length = 0;
      nearUntilUs += bucketUs;
      reach();
    }
  };

  return {
    get size() {
      return near.size + onWheel + far.size;
    },
    push(atUs, slot) {
      if (atUs < nearUntilUs) near.push(atUs, slot);
      else if (atUs < wheelUntilUs()) file(atUs, slot);
      else far.push(atUs, slot);
    },
    peekUs() {
      turn();
      return near.peekUs();
    },
    pop() {
      turn();
      return near.pop();
    },
  };
}
