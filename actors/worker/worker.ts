// Law: a node computes what it was assigned, once per attempt, blind to what others found, and signs what it found. As executor it signs
// a candidate; as verifier it attests to every candidate by its own result. What is signed is on the record before it is shown.
import type { Pace, Workload } from '../allocation/index.ts';
import { type Changes, createPulse, type Parts, type Pulse, watchChanges } from '../parts/index.ts';
import type { PlanTask } from '../plan/index.ts';
import { type ActorDef, type Context, defineActor } from '../system/index.ts';
import {
  type AttemptRecord,
  boundCall,
  encodeWorkflowEntry,
  progressOf,
  relationOfTask,
  termsOf,
  type WorkflowEntry,
  type WorkflowRecord,
  workflowLane,
} from '../workflow/index.ts';
import { type Attester, attest, Comparing, type ComparingMessage, type OwnResult, sign } from './attesting.ts';
import { candidateEntry, faultEntry, type Job } from './findings.ts';
import { holdersOf, type RunOutcome, runCall } from './runs.ts';

export type WorkerMessage =
  | ComparingMessage
  | { readonly type: 'changed' }
  | { readonly type: 'look-all' }
  | { readonly type: 'ran'; readonly job: Job; readonly outcome: RunOutcome }
  | { readonly type: 'failed'; readonly job: Job; readonly message: string }
  | { readonly type: 'recorded'; readonly key: string }
  | { readonly type: 'not-recorded'; readonly key: string; readonly message: string };

export interface WorkerArgs {
  readonly parts: Parts;
  readonly role: 'executor' | 'verifier';
  /** Runs at the same time. */
  readonly parallelMax: number;
  readonly workload: Workload;
  readonly pace: Pace;
}

interface WorkerState extends WorkerArgs {
  readonly running: Set<string>;
  /** Entries on their way to the lane, by what they say. */
  readonly recording: Set<string>;
  readonly comparing: Comparing;
  /** Verifier: what its own runs found, by attempt. */
  readonly found: Map<string, RunOutcome>;
  readonly aborts: Map<string, AbortController>;
  /** Runs in hand by the gateway whose workflow they are for. */
  readonly gateways: Map<string, string>;
  readonly changes: Changes;
  readonly looking: Pulse;
}

const lookPeriodMs = 500;
const foundMax = 1_000;

export const workerActor: ActorDef<WorkerMessage, WorkerState, WorkerArgs> = defineActor({
  kind: 'worker',
  mailbox: { capacity: 4_096, overflow: 'reject' },
  start(ctx, args) {
    const changes = watchChanges(args.parts.board, () => ctx.self.tell({ type: 'changed' }));
    // Takes up work found on the record after a restart.
    const looking = createPulse<WorkerMessage>(ctx, lookPeriodMs, { type: 'look-all' }, 'look');
    ctx.self.tell({ type: 'look-all' });
    const collections = {
      running: new Set<string>(),
      recording: new Set<string>(),
      found: new Map(),
      comparing: new Comparing(),
      aborts: new Map(),
    };
    return { ...args, ...collections, gateways: new Map(), changes, looking };
  },
  receive(state, message, ctx) {
    const { parts } = state;
    switch (message.type) {
      case 'changed':
        state.looking.want();
        for (const workflow of state.changes.take()) {
          const record = parts.board.get(workflow);
          if (record !== undefined) look(state, record, ctx);
        }
        return;
      case 'look-all':
        state.looking.beat();
        return lookAll(state, ctx);
      case 'ran':
      case 'failed': {
        const { job } = message;
        state.running.delete(job.key);
        state.gateways.delete(job.key);
        state.workload.end(job.key);
        state.aborts.delete(job.key);
        if (message.type === 'failed')
          record(state, ctx, `fault|${job.key}`, faultEntry(parts, job, 'internal', message.message));
        else finish(state, ctx, job, message.outcome);
        return lookAll(state, ctx);
      }
      case 'compared':
        state.comparing.end(message.key, message.comparison);
        return sign({ parts, record: (key, entry) => record(state, ctx, key, entry) }, message.comparison);
      case 'not-compared':
        state.comparing.failed(message.key, parts.world.clock.monotonicMs());
        parts.world.log('info', 'a candidate could not be judged yet', { key: message.key, error: message.message });
        return;
      case 'recorded':
        state.recording.delete(message.key);
        return;
      case 'not-recorded':
        // The next look finds the statement missing from the record and makes it again: same content, same signature (RFC 8032 is deterministic).
        state.recording.delete(message.key);
        parts.world.log('warn', 'statement not recorded', { key: message.key, error: message.message });
        return;
    }
  },
  signal(state, signal) {
    if (signal.type !== 'stopped' && signal.type !== 'restarting') return;
    state.changes.leave();
    for (const abort of state.aborts.values()) abort.abort();
  },
});

/** Gateways with the fewest runs in hand first: one that opens without end makes the others wait for a run, not for all of its own. */
function lookAll(state: WorkerState, ctx: Context<WorkerMessage>): void {
  const inHand = new Map<string, number>();
  for (const gateway of state.gateways.values()) inHand.set(gateway, (inHand.get(gateway) ?? 0) + 1);
  const loadOf = ({ opened }: WorkflowRecord): number => inHand.get(opened!.gateway) ?? 0;
  for (const workflow of state.parts.board.running().toSorted((a, b) => loadOf(a) - loadOf(b))) {
    state.looking.want();
    look(state, workflow, ctx);
  }
}

/** What one workflow says must not keep this node from the others. */
function look(state: WorkerState, workflow: WorkflowRecord, ctx: Context<WorkerMessage>): void {
  try {
    work(state, workflow, ctx);
  } catch (error) {
    const fields = { workflow: workflow.workflow, role: state.role, error: String((error as Error).stack ?? error) };
    state.parts.world.log('error', 'a workflow could not be worked on', fields);
  }
}

function work(state: WorkerState, workflow: WorkflowRecord, ctx: Context<WorkerMessage>): void {
  const { parts, role } = state;
  const self = parts.identity.id;
  if (workflow.ended !== undefined) {
    for (const [key, abort] of state.aborts) if (key.startsWith(workflow.workflow)) abort.abort();
    return;
  }
  const progress = progressOf(workflow);
  if (progress.kind !== 'ready') return;
  for (const { task, attempt } of progress.tasks) {
    const record = workflow.tasks.get(task.id)?.attempts.get(attempt);
    if (record === undefined) continue;
    const isMine = (role === 'executor' ? record.executors : record.verifiers).has(self);
    const mine = record.candidates.get(self);
    const key = `${workflow.workflow}|${task.id}|${attempt}`;
    if (role === 'verifier') attest(attesterOf(state, key, record, ctx), workflow, task.id, record, ctx);
    if (!isMine || mine !== undefined || record.faults.has(self)) continue;
    if (
      (role === 'verifier' && !isRecomputed(task, record, parts)) ||
      state.found.has(key) ||
      state.running.has(key) ||
      state.workload.isGivenAway(key) ||
      state.recording.has(`candidate|${key}`) ||
      state.recording.has(`fault|${key}`)
    )
      continue;
    const terms = termsOf(workflow, task.id, attempt, termsContext(parts));
    const call = boundCall(workflow, task.id);
    if (terms === undefined || call === undefined) continue;
    const expectedMs = state.pace.expectedMs(task.skill);
    if (state.running.size >= state.parallelMax) {
      state.workload.await(key, expectedMs);
      continue;
    }
    const job: Job = { key, workflow: workflow.workflow, task: task.id, attempt, terms };
    state.running.add(key);
    state.gateways.set(key, workflow.opened!.gateway);
    state.workload.begin(key, expectedMs);
    const likely = [...holdersOf(workflow, task), workflow.opened!.gateway];
    ctx.pipe(
      (ended) => {
        const abort = new AbortController();
        state.aborts.set(key, abort);
        return runCall(parts, workflow.workflow, call, likely, AbortSignal.any([ended, abort.signal]));
      },
      (outcome) => ({ type: 'ran', job, outcome }),
      (error) => ({ type: 'failed', job, message: error.message }),
    );
  }
}

/** Judges look at a result instead of making their own; that an input can't be worked on they find out as everyone does. */
function isRecomputed(task: PlanTask, { candidates: held }: AttemptRecord, { world }: Parts): boolean {
  if (relationOfTask(task, world.crypto).judging === undefined) return true;
  return [...held.values()].some(({ candidate }) => candidate.outcome === 'failure');
}

function finish(state: WorkerState, ctx: Context<WorkerMessage>, job: Job, outcome: RunOutcome): void {
  const { parts, role } = state;
  if (outcome.kind !== 'fault') state.pace.ran(job.terms.skill, outcome.durationMs);
  if (outcome.kind === 'fault') {
    if (outcome.code !== 'cancelled')
      record(state, ctx, `fault|${job.key}`, faultEntry(parts, job, outcome.code, outcome.message));
    return;
  }
  if (role === 'verifier') {
    if (state.found.size >= foundMax) state.found.delete(state.found.keys().next().value!);
    state.found.set(job.key, outcome);
    return;
  }
  record(state, ctx, `candidate|${job.key}`, candidateEntry(parts, job, outcome));
}

function attesterOf(state: WorkerState, key: string, attempt: AttemptRecord, ctx: Context<WorkerMessage>): Attester {
  const { parts, comparing } = state;
  return {
    parts,
    comparing,
    own: ownResult(state, key, attempt),
    record: (name, entry) => record(state, ctx, name, entry),
  };
}

function ownResult(state: WorkerState, key: string, attempt: AttemptRecord): OwnResult | undefined {
  const mine = attempt.candidates.get(state.parts.identity.id);
  if (mine !== undefined) {
    const { outcome: kind, resultDigest: digest, sizeBytes } = mine.candidate;
    return { kind, digest, sizeBytes, durationMs: mine.durationMs };
  }
  const found = state.found.get(key);
  return found === undefined || found.kind === 'fault' ? undefined : found;
}

/** Appends one statement; `key` keeps it from being made twice while the first is on its way to the disk. */
function record(state: WorkerState, ctx: Context<WorkerMessage>, key: string, entry: WorkflowEntry): void {
  if (state.recording.has(key)) return;
  state.recording.add(key);
  ctx.pipe(
    () => state.parts.lanes.append(workflowLane, encodeWorkflowEntry(entry)),
    () => ({ type: 'recorded', key }),
    (error) => ({ type: 'not-recorded', key, message: error.message }),
  );
}

function termsContext(parts: Parts) {
  return {
    chain: parts.chain,
    crypto: parts.world.crypto,
    skillVersion: (skill: string) => parts.manifests.find(({ name }) => name === skill)?.version,
  };
}
