// Law: what one member wrote, every member gets: entries are pushed to all connected peers when written, and whatever a push missed, the
// exchange of frontiers brings. Entries feed the board only after their lane accepted them.
import { createLaneSync, type LaneEntry, type LaneStore, type LaneSync } from '../../protocols/lanes/index.ts';
import { MalformedBytes } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import { PlanInvalid } from '../plan/index.ts';
import { type ActorDef, type BlobRef, defineActor, type NodeId } from '../system/index.ts';
import { EpochUnknown, workflowLane } from '../workflow/index.ts';
import { holdWorkflow, laneEntries, laneFrontier } from './messages.ts';

export type MemoryMessage =
  | { readonly type: 'appended'; readonly entry: LaneEntry }
  | { readonly type: 'peer-up'; readonly node: NodeId }
  | { readonly type: 'frontier'; readonly from: NodeId; readonly body: Parameters<LaneSync['answer']>[0] }
  | { readonly type: 'entries'; readonly from: NodeId; readonly body: Parameters<LaneSync['receive']>[0] }
  | { readonly type: 'exchange' };

export interface MemoryArgs {
  readonly parts: Parts;
  readonly store: LaneStore;
}

interface MemoryState {
  readonly parts: Parts;
  readonly store: LaneStore;
  readonly sync: LaneSync;
  readonly leave: readonly (() => void)[];
}

const earlyMax = 10_000;
/** Between exchanges with one random peer. */
const exchangePeriodMs = 1_000;
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
    // Entries of an epoch that this node hears of only later.
    let early: LaneEntry[] = [];
    const leave = [
      parts.chain.onAppend(() => {
        early = early.filter((entry) => !feed(parts, entry));
      }),
      office.on(laneFrontier, (body, { from }) => void self.tell({ type: 'frontier', from, body })),
      office.on(laneEntries, (body, { from }) => void self.tell({ type: 'entries', from, body })),
      office.answer(holdWorkflow, ({ workflow, blobs }, { from }) => hold(parts, workflow, blobs, from)),
      world.network.onPeer(({ node, up }) => void (up && self.tell({ type: 'peer-up', node }))),
      store.onEntry((entry, from) => {
        if (entry.lane === workflowLane && !feed(parts, entry) && early.length < earlyMax) early.push(entry);
        if (from === undefined) self.tell({ type: 'appended', entry });
      }),
    ];
    ctx.every(exchangePeriodMs, { type: 'exchange' }, 'exchange');
    // A restarted actor must not wait for its peers to come up again.
    for (const node of world.network.peers()) self.tell({ type: 'peer-up', node });
    world.log('debug', 'memory started', { workflows: board.all().length });
    return { parts, store, sync: createLaneSync({ store }), leave };
  },
  async receive(state, message) {
    const { parts, sync } = state;
    const { office, world } = parts;
    const digest = async (peer: NodeId): Promise<void> =>
      void office.send(peer, laneFrontier, await sync.digestFor(peer));
    switch (message.type) {
      case 'appended':
        for (const batch of sync.push([message.entry]))
          for (const peer of world.network.peers()) office.send(peer, laneEntries, batch);
        return;
      case 'peer-up': {
        await digest(message.node);
        const forks = sync.evidence();
        if (forks !== undefined) office.send(message.node, laneEntries, forks);
        return;
      }
      case 'exchange': {
        const peers = world.network.peers();
        if (peers.length > 0) await digest(peers[world.random.below(peers.length)]!);
        return;
      }
      case 'frontier': {
        const { batch, behind } = await sync.answer(message.body);
        if (batch !== undefined) office.send(message.from, laneEntries, batch);
        if (behind) await digest(message.from);
        return;
      }
      case 'entries': {
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

/** Gives one lane entry to the board. What the board refuses is held against its author, who signed it; false: its epoch is not known yet. */
export function feed(parts: Pick<Parts, 'board' | 'refusals' | 'world'>, entry: LaneEntry): boolean {
  try {
    parts.board.apply(entry.author, entry.body);
  } catch (error) {
    if (error instanceof EpochUnknown) return false;
    // Only bytes can be refused; anything else is a fault of this program and must crash its actor.
    if (!(error instanceof MalformedBytes || error instanceof PlanInvalid)) throw error;
    parts.refusals.add(entry.author, 'entry', `${entry.lane} ${entry.sequence}: ${error.message}`);
    parts.world.log('warn', 'workflow entry refused', {
      author: entry.author,
      sequence: entry.sequence,
      reason: error.message,
    });
  }
  return true;
}

async function hold(
  parts: Parts,
  workflow: string,
  refs: readonly BlobRef[],
  from: NodeId,
): Promise<{ held: boolean; reason?: string }> {
  const { board, blobs, world } = parts;
  const { clock, scheduler } = world;
  const deadlineMs = clock.monotonicMs() + holdPatienceMs;
  while (board.get(workflow)?.opened === undefined) {
    if (clock.monotonicMs() >= deadlineMs) return { held: false, reason: 'its record did not arrive' };
    await new Promise<void>((resolve) => scheduler.at(clock.monotonicMs() + 5, resolve));
  }
  try {
    for (const ref of refs) await blobs.obtain(ref, [from]);
    return { held: true };
  } catch (error) {
    return { held: false, reason: (error as Error).message.slice(0, 500) };
  }
}
