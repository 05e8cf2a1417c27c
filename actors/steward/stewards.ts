// Law: for every workflow the node that is first among the live in its rendezvous order drives it; when the order of the living changes, the
// driving moves, and the record is all the new steward needs. A steward that lives and does nothing holds nobody up: while no task comes to
// a decision, the next in the order drives too. Also bids for work that other stewards offer, and takes some off busy nodes when idle.
import { rendezvous } from '../../protocols/membership/index.ts';
import { createThief, type Thief } from '../allocation/index.ts';
import { createPulse, createWaker, type Parts, type Pulse, type Waker } from '../parts/index.ts';
import { type ActorDef, type ActorRef, type Context, defineActor, type NodeId } from '../system/index.ts';
import type { WorkflowRecord } from '../workflow/index.ts';
import { bidFor, type Capacity, keyOfAttempt } from './bidding.ts';
import { createCancellingJoiner } from './cancelling.ts';
import { offerTask, pacesMax, stealTask } from './messages.ts';
import { backlogs, relieve } from './relief.ts';
import { type StewardMessage, stewardActor } from './steward.ts';

export type StewardsMessage =
  | { readonly type: 'look' }
  /** What a busy node answered to this idle one. */
  | { readonly type: 'relieved'; readonly isGiven: boolean };

export interface StewardsArgs {
  readonly parts: Parts;
  readonly capacity: Capacity;
}

interface StewardsState extends StewardsArgs {
  readonly thief: Thief;
  readonly driving: Map<string, ActorRef<StewardMessage>>;
  /** Of unfinished workflows: the order of their stewards, and since when nothing was decided. */
  readonly watched: Map<string, Watched>;
  readonly look: Waker;
  readonly looking: Pulse;
  readonly leave: readonly (() => void)[];
}

interface Watched {
  readonly order: readonly NodeId[];
  /** How many decisions there were, and how many of them in a lane. */
  progress: string;
  sinceMs: number;
}

const lookPeriodMs = 250;
/** Two entries on the other's disk lie between. */
const stealTimeoutMs = 2_000;
/** Each further node in the order takes a hand after this much longer without a decision. Two stewards do double work and no harm. */
const patienceMs = 2_000;

export const stewardsActor: ActorDef<StewardsMessage, StewardsState, StewardsArgs> = defineActor({
  kind: 'stewards',
  mailbox: { capacity: 64, overflow: 'reject' },
  start(ctx, { parts, capacity }) {
    const { workload } = capacity;
    const joiner = createCancellingJoiner(parts);
    const look = createWaker(() => ctx.self.tell({ type: 'look' }));
    const leave = [
      parts.board.onChange(({ record, entry }) => {
        look.wake();
        joiner.changed(record);
        // Whoever it went to, the promise is kept or void.
        if (entry.kind === 'assigned') workload.release(keyOfAttempt(record.workflow, entry.task, entry.attempt));
      }),
      joiner.close,
      parts.view.onChange(() => look.wake()),
      parts.office.answer(offerTask, (offer, { from }) => bidFor(parts, capacity, offer, from)),
      parts.office.answer(stealTask, async ({ paces }, { from }) => ({
        given: await relieve(parts, capacity, from, paces),
      })),
    ];
    const looking = createPulse<StewardsMessage>(ctx, lookPeriodMs, { type: 'look' }, 'look');
    look.wake();
    const thief = createThief(parts.world.clock, parts.world.random.fork('thief'), workload);
    return { parts, capacity, thief, driving: new Map(), watched: new Map(), look, looking, leave };
  },
  receive(state, message, ctx) {
    if (message.type === 'relieved') return void state.thief.answered(message.isGiven);
    const { parts, driving, watched } = state;
    state.look.awake();
    state.looking.beat();
    askForWork(state, ctx);
    const mine = new Set<string>();
    const unfinished = parts.board.unfinished();
    if (unfinished.length > 0) state.looking.want();
    for (const record of unfinished) {
      const watch = watchOf(state, record);
      const live = watch.order.filter((id) => parts.view.isLive(id));
      const [steward] = live;
      if (steward !== undefined && record.ended === undefined)
        parts.events.emit(record.workflow, {
          key: `steward|${steward}`,
          atMs: parts.world.clock.wallMs(),
          type: 'steward',
          node: parts.chain.nameOf(steward),
        });
      const rank = live.indexOf(parts.identity.id);
      if (rank < 0 || parts.world.clock.monotonicMs() - watch.sinceMs < rank * patienceMs) continue;
      mine.add(record.workflow);
      if (!driving.has(record.workflow)) drive(state, record.workflow, ctx);
    }
    for (const [workflow, ref] of driving) {
      if (mine.has(workflow)) continue;
      driving.delete(workflow);
      ctx.stop(ref);
    }
    if (watched.size > unfinished.length) {
      const left = new Set(unfinished.map(({ workflow }) => workflow));
      for (const workflow of watched.keys()) if (!left.has(workflow)) watched.delete(workflow);
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
    // A steward that crashed for good is spawned afresh by the next look.
    if (signal.type === 'down')
      for (const [workflow, ref] of state.driving) if (ref === signal.ref) state.driving.delete(workflow);
  },
});

/** Only where this node has nothing to do and another has more than it can be running: a mesh in which everybody computes never asks. */
function askForWork({ parts, thief, capacity }: StewardsState, ctx: Context<StewardsMessage>): void {
  if (!thief.mayAsk() || !parts.chain.isMember(parts.identity.id)) return;
  const victim = thief.victim(backlogs(parts));
  if (victim === undefined) return;
  const paces = Object.fromEntries(
    parts.manifests.slice(0, pacesMax).map(({ name }) => [name, Math.round(capacity.pace.expectedMs(name))]),
  );
  ctx.pipe(
    () => parts.office.request(victim, stealTask, { paces }, { timeoutMs: stealTimeoutMs }),
    ({ given }) => ({ type: 'relieved', isGiven: given }),
    () => ({ type: 'relieved', isGiven: false }),
  );
}

function drive(state: StewardsState, workflow: string, ctx: Context<StewardsMessage>): void {
  const { parts, capacity, driving } = state;
  const ref = ctx.spawn(stewardActor, { parts, capacity, workflow });
  ctx.monitor(ref);
  driving.set(workflow, ref);
}

function watchOf({ parts, watched }: StewardsState, record: WorkflowRecord): Watched {
  let decided = 0;
  let published = 0;
  for (const { attempts } of record.tasks.values()) {
    for (const { certified, isPublished } of attempts.values()) {
      if (certified !== undefined) decided++;
      if (isPublished) published++;
    }
  }
  const progress = `${decided}|${published}`;
  const nowMs = parts.world.clock.monotonicMs();
  const known = watched.get(record.workflow);
  if (known === undefined) {
    const watch = { order: stewardOrder(parts, record), progress, sinceMs: nowMs };
    watched.set(record.workflow, watch);
    return watch;
  }
  if (known.progress !== progress) {
    known.progress = progress;
    known.sinceMs = nowMs;
  }
  return known;
}

/** The members of the workflow's epoch in the order in which they are its stewards. */
function stewardOrder(parts: Pick<Parts, 'chain' | 'world'>, record: WorkflowRecord): readonly NodeId[] {
  const members = parts.chain.config(record.opened?.epoch ?? -1)?.members ?? [];
  return rendezvous(
    record.workflow,
    members.map(({ id }) => id),
    parts.world.crypto,
  );
}

/** The steward as this node sees it; another node may see another for a while. */
export function stewardOf(parts: Pick<Parts, 'chain' | 'view' | 'world'>, record: WorkflowRecord): NodeId | undefined {
  return stewardOrder(parts, record).find((id) => parts.view.isLive(id));
}
