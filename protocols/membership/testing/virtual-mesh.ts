// Law: a mesh of detectors in virtual time: the same seed gives the same run. Messages cross schemas, take time, get lost; nodes are
// killed, stand still, or hear only one way. Nothing here waits.
import type { Crypto, NodeId, Random } from '../../../actors/system/index.ts';
import { createIdentity, type Identity } from '../../wire/index.ts';
import { createDetector } from '../detector.ts';
import type { Detector, DetectorInput } from '../detector-contract.ts';
import { type MemberState, swimSchema } from '../messages.ts';
import { createRecordBook } from '../record.ts';
import type { DetectorSettings } from '../settings.ts';

export interface VirtualNode {
  readonly index: number;
  readonly identity: Identity;
  detector: Detector;
  killed: boolean;
  pausedUntilMs: number;
}

export interface ObservedChange {
  readonly atMs: number;
  readonly observer: number;
  readonly subject: number;
  readonly from: MemberState | undefined;
  readonly to: MemberState;
}

export interface VirtualMesh {
  readonly nodes: readonly VirtualNode[];
  readonly changes: readonly ObservedChange[];
  readonly nowMs: number;
  /** Messages handed to the network so far. */
  readonly sent: number;
  /** Claims refused so far. */
  readonly refused: number;
  run(forMs: number): void;
  kill(index: number): void;
  /** Stands still: what arrives waits, what is due is late. */
  pause(index: number, forMs: number): void;
  input(index: number, input: DetectorInput): void;
  /** Starts anew, remembering nothing, with this first incarnation. */
  restart(index: number, incarnation: number): void;
  state(observer: number, subject: number): MemberState | undefined;
}

export interface VirtualMeshOptions {
  readonly count: number;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly settings?: Partial<DetectorSettings>;
  readonly loss?: number;
  /** The longest a message between two nodes takes; the shortest is 1 ms. Default 5. */
  readonly delayMs?: (from: number, to: number) => number;
  /** True: nothing gets from one to the other. Asked at each message. */
  readonly cut?: (from: number, to: number, nowMs: number) => boolean;
  /** True: the transport preferred between the two swallows what it is given; another one works. */
  readonly stuck?: (from: number, to: number, nowMs: number) => boolean;
  /** Transports tell of a killed node's broken connections. */
  readonly hints?: boolean;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  run(): void;
}

/** A binary heap by (time, order of arrival). */
function createEvents(): { push(event: Event): void; pop(): Event | undefined; peek(): Event | undefined } {
  const heap: Event[] = [];
  const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  return {
    peek: () => heap[0],
    push(event) {
      let at = heap.push(event) - 1;
      while (at > 0 && before(event, heap[(at - 1) >> 1]!)) {
        heap[at] = heap[(at - 1) >> 1]!;
        at = (at - 1) >> 1;
      }
      heap[at] = event;
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined || heap.length === 0) return top;
      let at = 0;
      for (;;) {
        let child = at * 2 + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
        if (!before(heap[child]!, last)) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
      return top;
    },
  };
}

export function createVirtualMesh(options: VirtualMeshOptions): VirtualMesh {
  const { count, random, crypto } = options;
  const meshId = new Uint8Array(32).fill(1);
  const events = createEvents();
  const changes: ObservedChange[] = [];
  const ticks = new Map<number, number>();
  const indexOf = new Map<NodeId, number>();
  let nowMs = 0;
  let order = 0;
  let sent = 0;
  let refused = 0;
  const at = (atMs: number, run: () => void): void => events.push({ atMs, order: order++, run });

  const start = (index: number, identity: Identity, incarnation: number): Detector =>
    createDetector({
      self: identity.id,
      random: random.fork(`node ${index} ${incarnation}`),
      book: createRecordBook({ crypto, identity, meshId }),
      content: {
        name: `n${index}`,
        site: 'here',
        skills: ['table.query'],
        modelFamilies: [],
        addresses: [`/memory/${index}`],
        capacity: 2,
        load: 0,
      },
      incarnation,
      accepts: (id) => indexOf.has(id),
      nowMs,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    });

  const nodes: VirtualNode[] = Array.from({ length: count }, (_, index) => {
    const secretKey = new Uint8Array(32).fill(index & 0xff);
    secretKey[1] = index >> 8;
    const identity = createIdentity(crypto, secretKey);
    indexOf.set(identity.id, index);
    return { index, identity, detector: start(index, identity, 1), killed: false, pausedUntilMs: 0 };
  });

  const give = (node: VirtualNode, input: DetectorInput): void => {
    if (node.killed) return;
    if (nowMs < node.pausedUntilMs) {
      at(node.pausedUntilMs, () => give(node, input));
      return;
    }
    for (const output of node.detector.handle(input, nowMs)) {
      if (output.kind === 'refused') refused++;
      else if (output.kind === 'changed') {
        const { from, to } = output;
        changes.push({ atMs: nowMs, observer: node.index, subject: indexOf.get(output.node)!, from, to });
      } else carry(node, output.to, output.message, output.everyPath);
    }
    schedule(node);
  };

  const carry = (from: VirtualNode, to: NodeId, message: unknown, everyPath: boolean): void => {
    sent++;
    const target = nodes[indexOf.get(to) ?? -1];
    if (
      target === undefined ||
      options.cut?.(from.index, target.index, nowMs) === true ||
      (!everyPath && options.stuck?.(from.index, target.index, nowMs) === true) ||
      random.chance(options.loss ?? 0)
    )
      return;
    const parsed = swimSchema.parse(message);
    const longestMs = options.delayMs?.(from.index, target.index) ?? 5;
    at(nowMs + 1 + (random.u32() / 2 ** 32) * (longestMs - 1), () =>
      give(target, { kind: 'message', from: from.identity.id, message: parsed }),
    );
  };

  const schedule = (node: VirtualNode): void => {
    const due = node.detector.nextMs;
    if (!Number.isFinite(due) || ticks.get(node.index) === due) return;
    ticks.set(node.index, due);
    at(Math.max(due, nowMs), () => {
      if (ticks.get(node.index) !== due) return;
      ticks.delete(node.index);
      give(node, { kind: 'tick' });
    });
  };

  const meet = (node: VirtualNode): void => {
    // A ring of connections is enough to find everyone.
    for (const other of [nodes[(node.index + 1) % count]!, nodes[(node.index + count - 1) % count]!]) {
      if (other !== node) give(node, { kind: 'peer', node: other.identity.id, up: true });
    }
  };
  for (const node of nodes) at(0, () => meet(node));

  return {
    nodes,
    changes,
    get nowMs() {
      return nowMs;
    },
    get sent() {
      return sent;
    },
    get refused() {
      return refused;
    },
    run(forMs) {
      const endMs = nowMs + forMs;
      for (let event = events.peek(); event !== undefined && event.atMs <= endMs; event = events.peek()) {
        events.pop();
        nowMs = event.atMs;
        event.run();
      }
      nowMs = endMs;
    },
    kill(index) {
      const node = nodes[index]!;
      node.killed = true;
      if (options.hints !== true) return;
      for (const other of nodes)
        at(nowMs + 1 + random.below(50), () => give(other, { kind: 'peer', node: node.identity.id, up: false }));
    },
    pause(index, forMs) {
      nodes[index]!.pausedUntilMs = nowMs + forMs;
    },
    input: (index, input) => give(nodes[index]!, input),
    restart(index, incarnation) {
      const node = nodes[index]!;
      node.killed = false;
      node.detector = start(index, node.identity, incarnation);
      meet(node);
    },
    state: (observer, subject) =>
      nodes[observer]!.detector.view().find(({ id }) => id === nodes[subject]!.identity.id)?.state,
  };
}
