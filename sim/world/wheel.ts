// Law: the same total order as the heap's, by another road: the next seconds in buckets of a wheel, each a list that is sorted when its turn
// comes, the rest in a heap until the wheel reaches it. Two queues that cannot fail alike are how a wrong order is found.
import { createHeapQueue, type EventQueue } from './queue.ts';

/** A bucket's microseconds fit in `offsetBits`. */
const offsetBits = 6;
const bucketUs = 1 << offsetBits;
const offsetMask = bucketUs - 1;
/** A power of two: some two seconds. */
const buckets = 1 << 15;
const mask = buckets - 1;
const firstCapacity = 1024;
/** What is left of a link beside an event's offset. */
const slotsMax = 1 << (31 - offsetBits);
const none = -1;
/** Up to so many events of a bucket are sorted by insertion, more by counting. */
const fewEvents = 16;

/** Slots are indices here: a caller's are small, and each waits once at a time. */
export function createWheelQueue(): EventQueue {
  /** By slot, of what waits on the wheel: the next slot of its bucket plus one, and in the low bits its own time in the bucket. */
  let links = new Int32Array(firstCapacity);
  const heads = new Int32Array(buckets).fill(none);
  const tails = new Int32Array(buckets);
  /** A bit for each bucket that holds something. */
  const occupied = new Int32Array(buckets >> 5);
  let onWheel = 0;
  const far = createHeapQueue();
  /** The bucket whose turn it is, from `openAt` on in order: slots, and their times in it. */
  let open = new Int32Array(firstCapacity);
  let offsets = new Uint8Array(firstCapacity);
  let openAt = 0;
  let openEnd = 0;
  let openUs = 0;
  const counts = new Int32Array(bucketUs + 1);
  let unsorted = new Int32Array(firstCapacity);
  let unsortedOffsets = new Uint8Array(firstCapacity);
  /** What was pushed before the time that the wheel had come to: behind events of the open bucket that have its time. */
  const early = createHeapQueue();
  /** The first bucket that was not opened yet, counted from time 0. */
  let cursor = 1;

  const growLinks = (slot: number): void => {
    if (slot >= slotsMax) throw new RangeError(`slot ${slot}: at most ${slotsMax} events wait at once`);
    const old = links;
    links = new Int32Array(Math.max(old.length * 2, slot + 1));
    links.set(old);
  };

  /** At the end of its bucket: of equal times, the one pushed first stays first. */
  const file = (bucket: number, atUs: number, slot: number): void => {
    if (slot >= links.length) growLinks(slot);
    const at = bucket & mask;
    links[slot] = atUs & offsetMask;
    if (heads[at] === none) {
      heads[at] = slot;
      occupied[at >> 5]! |= 1 << (at & 31);
    } else links[tails[at]!]! |= (slot + 1) << offsetBits;
    tails[at] = slot;
    onWheel++;
  };

  /** Far events that the wheel now reaches go onto it before anything newer of their time can. */
  const reach = (): void => {
    const untilUs = (cursor + buckets) * bucketUs;
    for (let atUs = far.peekUs(); atUs < untilUs; atUs = far.peekUs())
      file(Math.floor(atUs / bucketUs), atUs, far.pop());
  };

  const sortFew = (): void => {
    for (let i = 1; i < openEnd; i++) {
      const slot = open[i]!;
      const offset = offsets[i]!;
      let at = i;
      while (at > 0 && offsets[at - 1]! > offset) {
        open[at] = open[at - 1]!;
        offsets[at] = offsets[at - 1]!;
        at--;
      }
      open[at] = slot;
      offsets[at] = offset;
    }
  };

  const sortMany = (): void => {
    [open, unsorted] = [unsorted, open];
    [offsets, unsortedOffsets] = [unsortedOffsets, offsets];
    counts.fill(0);
    for (let i = 0; i < openEnd; i++) counts[unsortedOffsets[i]! + 1]!++;
    for (let offset = 1; offset <= bucketUs; offset++) counts[offset]! += counts[offset - 1]!;
    for (let i = 0; i < openEnd; i++) {
      const offset = unsortedOffsets[i]!;
      const at = counts[offset]!++;
      open[at] = unsorted[i]!;
      offsets[at] = offset;
    }
  };

  /** The first bucket from `cursor` on that holds something; the wheel must hold something. */
  const nextOccupied = (): number => {
    const first = cursor & mask;
    let word = first >> 5;
    let bits = occupied[word]! & (-1 << (first & 31));
    while (bits === 0) {
      word = (word + 1) & ((buckets >> 5) - 1);
      bits = occupied[word]!;
    }
    const at = (word << 5) | (31 - Math.clz32(bits & -bits));
    return cursor + ((at - first) & mask);
  };

  const growOpen = (): void => {
    const [oldOpen, oldOffsets] = [open, offsets];
    open = new Int32Array(2 * openEnd);
    offsets = new Uint8Array(2 * openEnd);
    open.set(oldOpen);
    offsets.set(oldOffsets);
    unsorted = new Int32Array(2 * openEnd);
    unsortedOffsets = new Uint8Array(2 * openEnd);
  };

  /** Opens the next bucket that holds something. */
  const turn = (): void => {
    if (onWheel === 0) {
      if (far.size === 0) return;
      // An empty wheel is not walked around: it goes on where the next event is.
      cursor = Math.floor(far.peekUs() / bucketUs);
      reach();
    }
    const bucket = nextOccupied();
    const at = bucket & mask;
    openUs = bucket * bucketUs;
    openAt = 0;
    openEnd = 0;
    for (let slot = heads[at]!; slot !== none; ) {
      if (openEnd === open.length) growOpen();
      const link = links[slot]!;
      open[openEnd] = slot;
      offsets[openEnd++] = link & offsetMask;
      slot = (link >>> offsetBits) - 1;
    }
    heads[at] = none;
    occupied[at >> 5]! &= ~(1 << (at & 31));
    onWheel -= openEnd;
    if (openEnd <= fewEvents) sortFew();
    else sortMany();
    cursor = bucket + 1;
    reach();
  };

  return {
    get size() {
      return openEnd - openAt + early.size + onWheel + far.size;
    },
    push(atUs, slot) {
      const bucket = Math.floor(atUs / bucketUs);
      if (bucket < cursor) early.push(atUs, slot);
      else if (bucket < cursor + buckets) file(bucket, atUs, slot);
      else far.push(atUs, slot);
    },
    peekUs() {
      if (early.size > 0)
        return openAt < openEnd ? Math.min(openUs + offsets[openAt]!, early.peekUs()) : early.peekUs();
      if (openAt === openEnd) turn();
      return openAt < openEnd ? openUs + offsets[openAt]! : Number.POSITIVE_INFINITY;
    },
    pop() {
      if (early.size > 0) {
        const isFirst = openAt < openEnd && openUs + offsets[openAt]! <= early.peekUs();
        return isFirst ? open[openAt++]! : early.pop();
      }
      if (openAt === openEnd) turn();
      return openAt < openEnd ? open[openAt++]! : none;
    },
  };
}
