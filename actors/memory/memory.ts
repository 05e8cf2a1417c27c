// Law: what one member wrote, every member gets: entries are pushed to all connected members and workers when written, and whatever a push
// missed, the exchange of frontiers brings; that alone for those who only listen. No peer takes more than its share of this node's attention:
// what it repeats or heaps up waits or is dropped, and the next exchange brings it.
import {
  createLaneSync,
  type LaneEntriesBody,
  type LaneEntry,
  type LaneFrontierBody,
  type LaneStore,
  type LaneSync,
} from '../../protocols/lanes/index.ts';
import { MalformedBytes } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import { PlanInvalid } from '../plan/index.ts';
import { type ActorDef, type BlobRef, defineActor, type NodeId } from '../system/index.ts';
import { payloadsOf } from '../workflow/index.ts';
import { holdWorkflow, laneEntries, laneFrontier } from './messages.ts';

export type MemoryMessage =
  | { readonly type: 'appended'; readonly entry: LaneEntry }
  | { readonly type: 'peer-up'; readonly node: NodeId }
  | { readonly type: 'frontier'; readonly from: NodeId }
  | { readonly type: 'entries'; readonly from: NodeId; readonly body: LaneEntriesBody }
  | { readonly type: 'exchange' };

export interface MemoryArgs {
  readonly parts: Parts;
  readonly store: LaneStore;
}

interface MemoryState {
  readonly parts: Parts;
  readonly store: LaneStore;
  readonly sync: LaneSync;
  /** The latest frontier of each peer that has not been answered. */
  readonly frontiers: Map<NodeId, LaneFrontierBody>;
  /** Batches that wait, by peer. */
  readonly batches: Map<NodeId, number>;
  readonly leave: readonly (() => void)[];
}

/** Between exchanges with one random peer. */
const exchangePeriodMs = 1_000;
/** Batches of one peer that may wait here. */
const batchesMax = 256;
/** Refusals of an entry that only its bearer can be to blame for. */
const forgeries: ReadonlySet<string> = new Set(['signature', 'malformed', 'foreign-mesh']);
/** How long a member waits for a workflow's record before it says that it does not hold it. */
const holdPatienceMs = 5_000;

export const memoryActor: ActorDef<MemoryMessage, MemoryState, MemoryArgs> = defineActor({
  kind: 'memory',
  mailbox: { capacity: 8_192, overflow: 'reject' },
  start(ctx, { parts, store }) {
    const { office, world, board } = parts;
    const { self } = ctx;
    const frontiers: MemoryState['frontiers'] = new Map();
    const batches: MemoryState['batches'] = new Map();
    const waits = new Set<() => void>();
    const leave = [
      office.on(laneFrontier, (body, { from }) => {
        const isWaiting = frontiers.has(from);
        // An answer that overtakes a question leaves it one.
        const isQuestion = isWaiting && frontiers.get(from)!.isAnswer !== true;
        frontiers.set(from, isQuestion ? { items: body.items } : body);
        if (!isWaiting && !self.tell({ type: 'frontier', from })) frontiers.delete(from);
      }),
      office.on(laneEntries, (body, { from }) => {
        const waiting = batches.get(from) ?? 0;
        if (waiting >= batchesMax)
          return void parts.refusals.add(from, 'flood', 'more log entries at once than can wait');
        if (self.tell({ type: 'entries', from, body })) batches.set(from, waiting + 1);
      }),
      office.answer(holdWorkflow, ({ workflow, blobs }, { from }) => hold(parts, workflow, blobs, from, waits)),
      () => {
        for (const giveUp of [...waits]) giveUp();
      },
      world.network.onPeer(({ node, up }) => void (up && self.tell({ type: 'peer-up', node }))),
      store.onEntry((entry, from) => void (from === undefined && self.tell({ type: 'appended', entry }))),
    ];
    ctx.every(exchangePeriodMs, { type: 'exchange' }, 'exchange');
    // A restarted actor must not wait for its peers to come up again.
    for (const node of world.network.peers()) self.tell({ type: 'peer-up', node });
    world.log('debug', 'memory started', { workflows: board.all().length });
    return { parts, store, sync: createLaneSync({ store }), frontiers, batches, leave };
  },
  async receive(state, message) {
    const { parts, sync } = state;
    const { office, world, chain, identity } = parts;
    const hasLane = (id: NodeId): boolean => chain.node(id) !== undefined;
    // Who only listens proves to its peers once, as they come, how far their own lanes had reached.
    const digest = async (peer: NodeId, proves = hasLane(identity.id), isAnswer = false): Promise<void> => {
      const frontier = await sync.digestFor(peer, proves);
      office.send(peer, laneFrontier, isAnswer ? { ...frontier, isAnswer } : frontier);
    };
    switch (message.type) {
      case 'appended':
        for (const batch of sync.push([message.entry]))
          for (const peer of world.network.peers().filter(hasLane)) office.send(peer, laneEntries, batch);
        return;
      case 'peer-up': {
        // Who only listens has no lane: it asks.
        if (hasLane(message.node)) await digest(message.node, true);
        const forks = sync.evidence();
        if (forks !== undefined) office.send(message.node, laneEntries, forks);
        return;
      }
      case 'exchange': {
        const peers = world.network.peers().filter(hasLane);
        if (peers.length > 0) await digest(peers[world.random.below(peers.length)]!);
        return;
      }
      case 'frontier': {
        const body = state.frontiers.get(message.from);
        state.frontiers.delete(message.from);
        if (body === undefined) return;
        const { batch, behind } = await sync.answer(body);
        if (batch !== undefined) office.send(message.from, laneEntries, batch);
        if (behind) await digest(message.from, undefined, true);
        return;
      }
      case 'entries': {
        const waiting = state.batches.get(message.from) ?? 0;
        if (waiting > 1) state.batches.set(message.from, waiting - 1);
        else state.batches.delete(message.from);
        const result = await sync.receive(message.body, message.from);
        for (const { reason, author, detail } of result.refused) {
          if (reason === 'fork' && author !== undefined)
            parts.ledger.charge(author, 'fork', 'signed two different entries for one place in its log');
          // Honest peers relay what they verified; a gap, a repeat or an author of a later epoch is nobody's fault.
          if (forgeries.has(reason)) parts.refusals.add(message.from, 'log', `${author ?? 'nobody'}: ${detail}`);
        }
        if (result.askAgain) await digest(message.from);
        return;
      }
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});

/** Gives one lane entry to the board. What the board refuses is held against its author, who signed it; nothing it says stops the others. */
export function feed(parts: Pick<Parts, 'board' | 'refusals' | 'world'>, entry: LaneEntry): void {
  try {
    parts.board.apply(entry.author, entry.body, entry.sequence);
  } catch (error) {
    const { author, sequence } = entry;
    // Only bytes can be refused; anything else is a fault of this program, and is logged as one.
    const isRefusal = error instanceof MalformedBytes || error instanceof PlanInvalid;
    if (isRefusal) parts.refusals.add(author, 'entry', `${entry.lane} ${sequence}: ${error.message}`);
    const reason = isRefusal ? error.message : String((error as Error).stack ?? error);
    parts.world.log(isRefusal ? 'warn' : 'error', 'workflow entry refused', { author, sequence, reason });
  }
}

async function hold(
  parts: Parts,
  workflow: string,
  refs: readonly BlobRef[],
  from: NodeId,
  waits: Set<() => void>,
): Promise<{ held: boolean; reason?: string }> {
  const { board, blobs } = parts;
  // What is over needs nobody to hold it.
  if (board.archivedAt(workflow) !== undefined) return { held: true };
  if (!(await isOpened(parts, workflow, waits))) return { held: false, reason: 'its record did not arrive' };
  // Only what the plan reads: a member's disk is not for whoever asks.
  const named = new Map(payloadsOf(board.get(workflow)!.opened!.plan).map((ref) => [ref.digest, ref.sizeBytes]));
  if (refs.some(({ digest, sizeBytes }) => named.get(digest) !== sizeBytes))
    return { held: false, reason: 'its plan names no such payload' };
  try {
    for (const ref of refs) await blobs.obtain(ref, [from]);
    return { held: true };
  } catch (error) {
    return { held: false, reason: (error as Error).message.slice(0, 500) };
  }
}

/** Whether the record came in time. Each of `waits` gives up one waiting at once. */
function isOpened(
  { board, world: { clock, scheduler } }: Pick<Parts, 'board' | 'world'>,
  workflow: string,
  waits: Set<() => void>,
): Promise<boolean> {
  const isHere = (): boolean => board.get(workflow)?.opened !== undefined;
  return new Promise((resolve) => {
    if (isHere()) return resolve(true);
    const end = (): void => {
      cancel();
      leave();
      waits.delete(end);
      resolve(isHere());
    };
    const cancel = scheduler.at(clock.monotonicMs() + holdPatienceMs, end);
    const leave = board.onChange(({ record }) => void (record.workflow === workflow && isHere() && end()));
    waits.add(end);
  });
}
