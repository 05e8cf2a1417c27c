// Law: a member that floods waits behind itself. What comes from each peer has a queue of its own, bounded in bytes; a call of the engine
// takes from all of them in turn, a bounded number of bytes from each, so that what the others say is heard in the next call whatever one
// of them sends. Who is refused is heard less, until it is not refused any more. A node's own inputs are never held back.
import type { NodeId } from '../actors/system/index.ts';
import type { EngineInput } from './engine-types.ts';

export interface QueueLimits {
  /** Frames waiting of one peer; what exceeds it is dropped, and said again by whoever means it. */
  readonly peerBytes: number;
  /** What one peer may add to a call while others wait; a larger frame waits for as many calls as it is larger. */
  readonly quantumBytes: number;
  /** What a call takes in all, however few peers wait. */
  readonly callBytes: number;
}

export const defaultQueueLimits: QueueLimits = {
  peerBytes: 4 * 1024 * 1024,
  quantumBytes: 64 * 1024,
  callBytes: 256 * 1024,
};

type FrameInput = Extract<EngineInput, { type: 'frame' }>;

interface PeerQueue {
  readonly frames: FrameInput[];
  sizeBytes: number;
  /** Bytes it may take besides the next quantum: what large frames save up. */
  creditBytes: number;
}

/** The least part of its quantum that a peer keeps, however often it is refused; and what it gets back with each call. */
const leastShare = 1 / 32;
const shareRegained = 1 / 256;

/** Peers with less of a share than this are heard when somebody else is, or after a rest: see `isUrgent`. */
const trustedShare = 1 / 8;

/** A frame costs its signature, however short it is. */
const frameCostBytes = 1_024;
const costOf = (input: FrameInput): number => input.bytes.length + frameCostBytes;

export class InputQueue {
  readonly #limits: QueueLimits;
  readonly #peers = new Map<NodeId, PeerQueue>();
  /** The part of a quantum that peers get who were refused lately; all others get the whole. */
  readonly #shares = new Map<NodeId, number>();
  #own: EngineInput[] = [];
  /** Counts calls, so that another peer is first each time. */
  #turn = 0;

  constructor(limits: QueueLimits = defaultQueueLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#own.length === 0 && this.#peers.size === 0;
  }

  get hasOwn(): boolean {
    return this.#own.length > 0;
  }

  /** Something waits that is worth a call now: not only the frames of peers that were refused time and again. */
  get isUrgent(): boolean {
    if (this.hasOwn) return true;
    for (const peer of this.#peers.keys()) if (this.#isTrusted(peer)) return true;
    return false;
  }

  #isTrusted(peer: NodeId): boolean {
    return (this.#shares.get(peer) ?? 1) >= trustedShare;
  }

  /** False: dropped, since that peer has too much waiting. */
  push(input: EngineInput): boolean {
    if (input.type !== 'frame') {
      this.#own.push(input);
      return true;
    }
    const queue = this.#peers.get(input.from) ?? { frames: [], sizeBytes: 0, creditBytes: 0 };
    const cost = costOf(input);
    if (queue.frames.length > 0 && queue.sizeBytes + cost > this.#limits.peerBytes) return false;
    queue.frames.push(input);
    queue.sizeBytes += cost;
    this.#peers.set(input.from, queue);
    return true;
  }

  /** Something of what `peer` sent was refused. */
  refused(peer: NodeId): void {
    this.#shares.set(peer, Math.max(leastShare, (this.#shares.get(peer) ?? 1) / 2));
  }

  /** What this node itself has found out; the frames of peers wait on. */
  takeOwn(): EngineInput[] {
    const taken = this.#own;
    this.#own = [];
    return taken;
  }

  /** The inputs of the next call. Never empty where something is urgent. */
  take(): EngineInput[] {
    const taken = this.takeOwn();
    let leftBytes = this.#limits.callBytes;
    const waiting = [...this.#peers];
    const first = this.#turn++ % Math.max(waiting.length, 1);
    const inTurn = [...waiting.slice(first), ...waiting.slice(0, first)];
    for (const [peer, queue] of inTurn) {
      queue.creditBytes += this.#limits.quantumBytes * (this.#shares.get(peer) ?? 1);
      leftBytes -= drain(queue, queue.creditBytes, taken, true);
    }
    // Nobody else waits for what is left of the call.
    for (const [peer, queue] of inTurn) {
      if (leftBytes <= 0) break;
      if (this.#shares.has(peer)) continue;
      leftBytes -= drain(queue, leftBytes, taken, false);
    }
    const next = inTurn.find(([peer]) => this.#isTrusted(peer));
    if (taken.length === 0 && next !== undefined) drain(next[1], Number.POSITIVE_INFINITY, taken, true, 1);
    for (const [peer, share] of this.#shares) {
      if (share + shareRegained >= 1) this.#shares.delete(peer);
      else this.#shares.set(peer, share + shareRegained);
    }
    for (const [peer, queue] of waiting) if (queue.frames.length === 0) this.#peers.delete(peer);
    return taken;
  }
}

/** Moves frames worth up to `budgetBytes`; answers what they cost. */
function drain(
  queue: PeerQueue,
  budgetBytes: number,
  into: EngineInput[],
  usesCredit: boolean,
  framesMax = Number.POSITIVE_INFINITY,
): number {
  let count = 0;
  let spent = 0;
  while (count < queue.frames.length && count < framesMax) {
    const cost = costOf(queue.frames[count]!);
    if (spent + cost > budgetBytes) break;
    spent += cost;
    count++;
  }
  into.push(...queue.frames.splice(0, count));
  queue.sizeBytes -= spent;
  if (usesCredit) queue.creditBytes = Math.max(0, queue.creditBytes - spent);
  return spent;
}
