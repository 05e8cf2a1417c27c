// Law: the record of a workflow is a fold over signed statements, the same whatever their order and however often they come. It decides
// nothing: what a task came to is what a verified certificate says, and everything else here is what was said on the way.
import {
  type Attestation,
  type Candidate,
  type Certificate,
  type Decision,
  type Expired,
  type Failure,
  isRefusal,
  weightOf,
} from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { compareText, hex } from '../../protocols/wire/index.ts';
import { bindTask, type Json, type Plan, type PlanTask, readyTasks, type TaskOutput } from '../plan/index.ts';
import type { BlobRef, NodeId } from '../system/index.ts';

export interface Opened {
  readonly gateway: NodeId;
  readonly idempotencyKey: string;
  readonly words: string;
  readonly plan: Plan;
  /** Lower-case hex. */
  readonly planDigest: string;
  /** Its members decide every task of this workflow, whatever epochs follow. */
  readonly epoch: number;
  readonly approved: boolean;
  readonly atMs: number;
}

export interface Certified {
  readonly decision: Decision;
  readonly decisionBytes: Uint8Array;
  readonly certificate: Certificate;
  readonly certificateBytes: Uint8Array;
}

export interface AttemptRecord {
  readonly attempt: number;
  readonly executors: Set<NodeId>;
  readonly verifiers: Set<NodeId>;
  /** This node's monotonic clock when it first heard of the assignment: the deadline counts from here. */
  assignedAtMs: number | undefined;
  readonly candidates: Map<
    NodeId,
    {
      readonly candidate: Candidate;
      readonly digest: string;
      readonly durationMs: number;
      readonly failure: Failure | undefined;
    }
  >;
  /** By verifier and candidate digest. */
  readonly attestations: Map<
    string,
    { readonly attestation: Attestation; readonly durationMs: number; readonly said?: string | undefined }
  >;
  readonly expired: Map<NodeId, Expired>;
  readonly faults: Map<NodeId, { readonly code: string; readonly message: string }>;
  certified: Certified | undefined;
  /** The decision is in a lane: whoever was away will learn of it. */
  isPublished: boolean;
}

export interface TaskRecord {
  readonly task: string;
  readonly attempts: Map<number, AttemptRecord>;
}

export interface WorkflowRecord {
  /** Lower-case hex, 32 bytes. */
  readonly workflow: string;
  opened: Opened | undefined;
  readonly tasks: Map<string, TaskRecord>;
  /** Who accepted the intent: its gateway, and others that a client turned to when it lost the first. */
  readonly openedBy: Set<NodeId>;
  readonly cancelledBy: Map<NodeId, string>;
  /** The client's own, once somebody has shown it. */
  cancelSecret: string | undefined;
  ended:
    | { readonly state: 'completed' | 'failed' | 'cancelled'; readonly message: string; readonly atMs: number }
    | undefined;
}

/** Tries at one task before it counts as unavailable. An optional task gets one: its absence is an answer. */
export const attemptsMax = 3;

export function emptyRecord(workflow: string): WorkflowRecord {
  return {
    workflow,
    opened: undefined,
    openedBy: new Set(),
    tasks: new Map(),
    cancelledBy: new Map(),
    cancelSecret: undefined,
    ended: undefined,
  };
}

export function attemptOf(record: WorkflowRecord, task: string, attempt: number): AttemptRecord {
  let taskRecord = record.tasks.get(task);
  if (taskRecord === undefined) {
    taskRecord = { task, attempts: new Map() };
    record.tasks.set(task, taskRecord);
  }
  let attemptRecord = taskRecord.attempts.get(attempt);
  if (attemptRecord === undefined) {
    attemptRecord = {
      attempt,
      executors: new Set(),
      verifiers: new Set(),
      assignedAtMs: undefined,
      candidates: new Map(),
      attestations: new Map(),
      expired: new Map(),
      faults: new Map(),
      certified: undefined,
      isPublished: false,
    };
    taskRecord.attempts.set(attempt, attemptRecord);
  }
  return attemptRecord;
}

export type TaskStatus =
  | { readonly state: 'open'; readonly attempt: number }
  | { readonly state: 'accepted' | 'rejected'; readonly attempt: number; readonly certified: Certified }
  /** Every try was reassigned. */
  | { readonly state: 'unavailable'; readonly attempt: number; readonly certified: Certified };

/** How often its judges may refuse a task before it is rejected; a reassignment counts as an attempt too, and not as a refusal. */
function attemptsOf({ relation }: PlanTask): number {
  return relation?.kind === 'judges' ? (relation.attempts ?? 1) : 1;
}

/**
 * What certificates say of a task, followed from attempt 0: a decision on attempt n counts only after the n before it were reassigned, or
 * refused by judges where the plan asks for more attempts then.
 */
export function taskStatus(record: WorkflowRecord, task: PlanTask): TaskStatus {
  const attempts = record.tasks.get(task.id)?.attempts;
  const max = task.optional ? 1 : attemptsMax;
  for (let attempt = 0; ; attempt++) {
    const certified = attempts?.get(attempt)?.certified;
    if (certified === undefined) return { state: 'open', attempt };
    if (certified.decision.kind === 'ACCEPT') return { state: 'accepted', attempt, certified };
    const { decision } = certified;
    const isTriedAgain = isRefusal(decision) && attempt + 1 < Math.min(max, attemptsOf(task));
    if (decision.kind === 'REJECT' && !isTriedAgain) return { state: 'rejected', attempt, certified };
    if (attempt + 1 >= max) return { state: 'unavailable', attempt, certified };
  }
}

/** The payloads that a plan reads, each once. */
export function payloadsOf(plan: Plan): readonly BlobRef[] {
  const found = new Map<string, BlobRef>();
  for (const task of plan.tasks)
    for (const source of Object.values(task.files)) if ('blob' in source) found.set(source.blob.digest, source.blob);
  return [...found.values()];
}

/** Outputs of the finished tasks, for binding what follows them. */
export function outputsOf(record: WorkflowRecord): ReadonlyMap<string, TaskOutput> {
  const outputs = new Map<string, TaskOutput>();
  for (const task of record.opened?.plan.tasks ?? []) {
    const status = taskStatus(record, task);
    const blob = status.state === 'accepted' ? resultBlob(status.certified.decision) : undefined;
    if (blob !== undefined) {
      outputs.set(task.id, { kind: 'output', blob });
    } else if (status.state === 'rejected') {
      outputs.set(task.id, { kind: 'absent', reason: failureOf(status.certified.decision) ?? 'refused' });
    } else if (status.state === 'unavailable') {
      outputs.set(task.id, { kind: 'absent', reason: 'no node of the site answered in time' });
    }
  }
  return outputs;
}

/** The output an acceptance speaks of; undefined for any other decision. */
export function resultBlob(decision: Decision): BlobRef | undefined {
  return decision.kind === 'ACCEPT'
    ? { digest: hex.encode(decision.resultDigest), sizeBytes: decision.sizeBytes }
    : undefined;
}

/** The same in every answer: who refused it, and of which families, stands in the decision. */
const refusedByJudges = 'its judges refused it';

export function failureOf(decision: Decision): string | undefined {
  if (decision.kind !== 'REJECT') return undefined;
  return isRefusal(decision) ? refusedByJudges : decision.failure.message;
}

export type Progress =
  | { readonly kind: 'ready'; readonly tasks: readonly { readonly task: PlanTask; readonly attempt: number }[] }
  | { readonly kind: 'done'; readonly result: Certified }
  /** `certified` is the decision it failed by. */
  | { readonly kind: 'failed'; readonly message: string; readonly certified: Certified }
  | { readonly kind: 'unknown' };

/**
 * Where the workflow stands by its certificates alone; every node that holds them says the same, in whatever order they came: it is done
 * once no task is open, and has failed once a task that it needs has no output.
 */
export function progressOf(record: WorkflowRecord): Progress {
  if (record.opened === undefined) return { kind: 'unknown' };
  const { plan } = record.opened;
  const finished = new Set<string>();
  const open = new Map<string, number>();
  let result: Certified | undefined;
  for (const task of plan.tasks) {
    const status = taskStatus(record, task);
    if (status.state === 'open') {
      open.set(task.id, status.attempt);
      continue;
    }
    if (status.state !== 'accepted' && (!task.optional || task.id === plan.result)) {
      const why =
        status.state === 'rejected'
          ? (failureOf(status.certified.decision) ?? 'the input was refused')
          : `no result after ${status.attempt + 1} attempt(s): too few nodes could run it`;
      return { kind: 'failed', message: `${task.id} (${task.skill}): ${why}`, certified: status.certified };
    }
    if (status.state === 'accepted' && task.id === plan.result) result = status.certified;
    finished.add(task.id);
  }
  if (result !== undefined && open.size === 0) return { kind: 'done', result };
  const ready = readyTasks(plan, finished).filter((task) => open.has(task.id));
  return { kind: 'ready', tasks: ready.map((task) => ({ task, attempt: open.get(task.id)! })) };
}

type CancelRule = Pick<EpochConfig, 'members' | 'f'>;

/**
 * Whether it is on its way to being cancelled: everyone who opened it cancelled it (one member that copies an opening can neither cancel
 * what another gateway opened nor be the only one asked), or more members than may lie did, or the client's secret was shown.
 */
export function isCancelling({ openedBy, cancelledBy, cancelSecret }: WorkflowRecord, config: CancelRule): boolean {
  if (cancelSecret !== undefined) return true;
  const isByOpeners = openedBy.size > 0 && [...openedBy].every((id) => cancelledBy.has(id));
  return isByOpeners || weightOf(config, [...cancelledBy.keys()]) > config.f;
}

/**
 * How the workflow ended, if it did. What its certificates say comes first. It is cancelled for good where its only gateway cancelled it, or
 * so many members did that more of them are honest than may lie: then all honest members are on their way to say so too, and no liars that
 * show their words to some alone can leave it cancelled at those and open at the rest (Bracha's reliable broadcast; cancelling.ts joins).
 * The client's secret proves itself and is passed on by whoever sees it.
 */
export function endOf(
  record: WorkflowRecord,
  config: CancelRule,
): { readonly state: 'completed' | 'failed' | 'cancelled'; readonly message: string } | undefined {
  const progress = progressOf(record);
  if (progress.kind === 'done') return { state: 'completed', message: 'certified' };
  if (progress.kind === 'failed') return { state: 'failed', message: progress.message };
  const { openedBy, cancelledBy, cancelSecret } = record;
  const isByGateway = (config.f === 0 || openedBy.size === 1) && [...openedBy].every((id) => cancelledBy.has(id));
  const isByWords = weightOf(config, [...cancelledBy.keys()]) > 2 * config.f;
  if (cancelSecret === undefined && !(openedBy.size > 0 && isByGateway) && !isByWords) return undefined;
  const [first] = [...cancelledBy.keys()].sort(
    (a, b) => Number(openedBy.has(b)) - Number(openedBy.has(a)) || compareText(a, b),
  );
  return { state: 'cancelled', message: cancelledBy.get(first ?? '') ?? '' };
}

export interface BoundCall {
  readonly task: PlanTask;
  readonly input: Json;
  /** What the skill sees: every file but the private data set of a placed task. */
  readonly files: Readonly<Record<string, BlobRef>>;
}

/** The call `task` stands for, or undefined while something it waits for is open. */
export function boundCall(record: WorkflowRecord, taskId: string): BoundCall | undefined {
  const plan = record.opened?.plan;
  const task = plan?.tasks.find(({ id }) => id === taskId);
  if (plan === undefined || task === undefined) return undefined;
  const outputs = outputsOf(record);
  if (!task.after.every((id) => outputs.has(id))) return undefined;
  try {
    return { task, ...bindTask(plan, task, outputs) };
  } catch {
    // A task it needs has no output: the workflow has failed, and there is nothing to call.
    return undefined;
  }
}
