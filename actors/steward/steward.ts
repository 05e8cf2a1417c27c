// Law: the steward drives a workflow and decides nothing. Whoever is first among the live nodes in the workflow's rendezvous order is
// steward; two of them at once do double work and no harm, since what a task came to is decided by consensus alone.

import { rendezvous } from '../../protocols/membership/index.ts';
import { type EpochConfig, workersOf } from '../../protocols/mesh/index.ts';
import { assign, type Bid, whomToAsk } from '../allocation/index.ts';
import { createWaker, type Parts, type Waker } from '../parts/index.ts';
import type { PlanTask } from '../plan/index.ts';
import { type ActorDef, type Context, defineActor, type NodeId } from '../system/index.ts';
import { boundCall, encodeWorkflowEntry, progressOf, type WorkflowRecord, workflowLane } from '../workflow/index.ts';
import { membersToAsk, workersToAsk } from './asking.ts';
import { bidFor, type Capacity } from './bidding.ts';
import { counted, needOf } from './choose.ts';
import { offerTask } from './messages.ts';

export type StewardMessage =
  | { readonly type: 'look' }
  | { readonly type: 'bids'; readonly task: string; readonly attempt: number; readonly bids: readonly Bid[] }
  | { readonly type: 'done'; readonly key: string }
  | { readonly type: 'not-done'; readonly key: string; readonly message: string };

export interface StewardArgs {
  readonly parts: Parts;
  readonly capacity: Capacity;
  readonly workflow: string;
}

interface StewardState extends StewardArgs {
  /** Offers and appends under way, by task attempt. */
  readonly busy: Set<string>;
  /** How often each attempt was offered: who was not asked before is asked next. */
  readonly rounds: Map<string, number>;
  readonly published: Set<string>;
  readonly look: Waker;
  readonly leave: readonly (() => void)[];
}

const lookPeriodMs = 150;
/** Bids that come later are too late; awards are made as soon as everyone asked has answered. */
const bidWindowMs = 300;

export const stewardActor: ActorDef<StewardMessage, StewardState, StewardArgs> = defineActor({
  kind: 'steward',
  mailbox: { capacity: 1_024, overflow: 'reject' },
  start(ctx, { parts, capacity, workflow }) {
    const look = createWaker(() => ctx.self.tell({ type: 'look' }));
    const leave = [
      parts.board.onChange(({ record }) => void (record.workflow === workflow && look.wake())),
      parts.view.onChange(() => look.wake()),
    ];
    ctx.every(lookPeriodMs, { type: 'look' }, 'look');
    look.wake();
    return { parts, capacity, workflow, look, busy: new Set(), rounds: new Map(), published: new Set(), leave };
  },
  receive(state, message, ctx) {
    const { parts } = state;
    const record = parts.board.get(state.workflow);
    if (record === undefined) return;
    switch (message.type) {
      case 'look':
        state.look.awake();
        drive(state, record, ctx);
        return;
      case 'bids':
        award(state, record, message, ctx);
        return;
      case 'done':
        state.busy.delete(message.key);
        return;
      case 'not-done':
        state.busy.delete(message.key);
        parts.world.log('warn', 'steward step failed', {
          workflow: state.workflow,
          step: message.key,
          error: message.message,
        });
        return;
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});

function drive(state: StewardState, record: WorkflowRecord, ctx: Context<StewardMessage>): void {
  const { parts } = state;
  publishDecisions(state, record, ctx);
  if (record.opened === undefined || record.ended !== undefined) return;
  const config = parts.chain.config(record.opened.epoch);
  if (config === undefined) return;
  const progress = progressOf(record);
  if (progress.kind !== 'ready') return;
  for (const { task, attempt } of progress.tasks) {
    const attemptRecord = record.tasks.get(task.id)?.attempts.get(attempt);
    const key = keyOf(task.id, attempt);
    if (state.busy.has(key)) continue;
    const need = needOf(task, config, attempt);
    const able = membersToAsk(attemptRecord, task, config, need, parts);
    const round = state.rounds.get(key) ?? 0;
    const order = new Set(able);
    const ranked = rankOf(state, task.id, attempt, config);
    const members = whomToAsk(
      ranked.filter((id) => order.has(id)),
      need.total,
      round,
    );
    // Only beside members: what workers make is judged by those.
    const workers = members.length === 0 ? [] : workersToAsk(parts, attemptRecord, task, config, need, ranked);
    const asked = [...members, ...whomToAsk(workers, need.workers ?? 0, round)];
    state.rounds.set(key, round + 1);
    if (asked.length === 0 && attemptRecord?.assignedAtMs !== undefined) continue;
    state.busy.add(key);
    // A placed task nobody is there to run still needs its attempt on the record: the members' patience with the site counts from it.
    if (asked.length === 0) {
      append(state, ctx, key, task.id, attempt, [], []);
      continue;
    }
    ctx.pipe(
      () => collectBids(state, record, task, attempt, asked),
      (bids) => ({ type: 'bids', task: task.id, attempt, bids }),
      (error) => ({ type: 'not-done', key, message: error.message }),
    );
  }
}

async function collectBids(
  state: StewardState,
  record: WorkflowRecord,
  task: PlanTask,
  attempt: number,
  asked: readonly NodeId[],
): Promise<readonly Bid[]> {
  const { parts } = state;
  const call = boundCall(record, task.id);
  const files = Object.values(call?.files ?? {}).map(({ digest }) => digest);
  const body = {
    workflow: state.workflow,
    task: task.id,
    attempt,
    skill: task.skill,
    files,
    ...(task.placement === undefined ? {} : { placement: task.placement }),
  };
  const bids = await Promise.all(
    asked.map(async (node): Promise<Bid | undefined> => {
      try {
        const reply =
          node === parts.identity.id
            ? await bidFor(parts, state.capacity, body, node)
            : await parts.office.request(node, offerTask, body, { timeoutMs: bidWindowMs });
        return reply.willing ? { node, finishMs: reply.finishMs, missingFiles: reply.missingFiles } : undefined;
      } catch {
        // No answer is no bid: the node is busy, gone, or not to be relied on now.
        return undefined;
      }
    }),
  );
  return bids.filter((bid) => bid !== undefined);
}

function award(
  state: StewardState,
  record: WorkflowRecord,
  message: { readonly task: string; readonly attempt: number; readonly bids: readonly Bid[] },
  ctx: Context<StewardMessage>,
): void {
  const { parts } = state;
  const key = keyOf(message.task, message.attempt);
  const task = record.opened?.plan.tasks.find(({ id }) => id === message.task);
  const config = record.opened === undefined ? undefined : parts.chain.config(record.opened.epoch);
  if (task === undefined || config === undefined) return void state.busy.delete(key);
  const attempt = record.tasks.get(task.id)?.attempts.get(message.attempt);
  const have =
    attempt === undefined ? { executors: [], verifiers: [] } : counted(attempt, (id) => parts.view.isLive(id));
  const order = rankOf(state, task.id, message.attempt, config);
  const { executors, verifiers } = assign(
    message.bids,
    needOf(task, config, message.attempt),
    have,
    (id) => order.indexOf(id),
    (id) => workersOf(config).some((worker) => worker.id === id),
  );
  if (executors.length + verifiers.length === 0 && attempt?.assignedAtMs !== undefined)
    return void state.busy.delete(key);
  append(state, ctx, key, task.id, message.attempt, executors, verifiers);
}

/** The members and workers in the order of this attempt: whom to ask first, and who goes before whom among equal bids. */
function rankOf(
  { parts, workflow }: StewardState,
  task: string,
  attempt: number,
  config: EpochConfig,
): readonly NodeId[] {
  return rendezvous(
    `${workflow}/${task}/${attempt}`,
    [...config.members, ...workersOf(config)].map(({ id }) => id),
    parts.world.crypto,
  );
}

function append(
  state: StewardState,
  ctx: Context<StewardMessage>,
  key: string,
  task: string,
  attempt: number,
  executors: readonly NodeId[],
  verifiers: readonly NodeId[],
): void {
  const { parts, workflow } = state;
  ctx.pipe(
    () =>
      parts.lanes.append(
        workflowLane,
        encodeWorkflowEntry({
          kind: 'assigned',
          workflow,
          task,
          attempt,
          executors: [...executors],
          verifiers: [...verifiers],
          atMs: parts.world.clock.wallMs(),
        }),
      ),
    () => ({ type: 'done', key }),
    (error) => ({ type: 'not-done', key, message: error.message }),
  );
}

/** Puts decisions this node's engine reached into the lane, for members that were away and for observers, who have no vote. */
function publishDecisions(state: StewardState, record: WorkflowRecord, ctx: Context<StewardMessage>): void {
  const { parts, workflow } = state;
  for (const { task, attempts } of record.tasks.values()) {
    for (const { attempt, certified, isPublished } of attempts.values()) {
      const key = `decided|${keyOf(task, attempt)}`;
      if (certified === undefined || isPublished || state.published.has(key)) continue;
      state.published.add(key);
      ctx.pipe(
        () =>
          parts.lanes.append(
            workflowLane,
            encodeWorkflowEntry({
              kind: 'decided',
              workflow,
              task,
              attempt,
              decision: certified.decisionBytes,
              certificate: certified.certificateBytes,
              atMs: parts.world.clock.wallMs(),
            }),
          ),
        () => ({ type: 'done', key }),
        (error) => {
          state.published.delete(key);
          return { type: 'not-done', key, message: error.message };
        },
      );
    }
  }
}

function keyOf(task: string, attempt: number): string {
  return `${task}#${attempt}`;
}
