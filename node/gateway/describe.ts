// Law: what a client is told of a workflow follows from its record; names are members' names, digests are hexadecimal.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { liveMembers, type Parts } from '../../actors/parts/index.ts';
import type { PlanTask } from '../../actors/plan/index.ts';
import { stewardOf } from '../../actors/steward/index.ts';
import type { NodeId } from '../../actors/system/index.ts';
import {
  type ArchivedWorkflow,
  type AttemptRecord,
  failureOf,
  progressOf,
  resultBlob,
  taskStatus,
  type WorkflowRecord,
} from '../../actors/workflow/index.ts';
import {
  type Attestation,
  type Candidate,
  type Decision,
  endorsementInWords,
  isRefusal,
  thresholdsOf,
  weightOf,
} from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { Judgement, TaskDetail, WorkflowDetail, WorkflowState, WorkflowSummary } from './api-work.ts';

export function summaryOf(parts: Parts, record: WorkflowRecord): WorkflowSummary {
  const opened = record.opened!;
  const steward = stewardOf(parts, record);
  const message =
    record.ended?.state === 'failed' || record.ended?.state === 'cancelled' ? record.ended.message : undefined;
  return {
    workflow: record.workflow,
    words: opened.words,
    state: stateOf(parts, record),
    openedAtMs: opened.atMs,
    ...(record.ended === undefined ? {} : { endedAtMs: record.ended.atMs }),
    tasksDone: opened.plan.tasks.filter((task) => taskStatus(record, task).state !== 'open').length,
    tasks: opened.plan.tasks.length,
    ...(steward === undefined ? {} : { steward: parts.chain.nameOf(steward) }),
    ...(message === undefined ? {} : { message }),
  };
}

/** Its steward has nothing to do any more. */
export function archivedSummaryOf({ workflow, opened, ended, tasks, tasksDone }: ArchivedWorkflow): WorkflowSummary {
  return {
    workflow,
    words: opened.words,
    state: ended.state,
    openedAtMs: opened.atMs,
    endedAtMs: ended.atMs,
    tasksDone,
    tasks,
    ...(ended.state === 'completed' ? {} : { message: ended.message }),
  };
}

function stateOf(parts: Parts, record: WorkflowRecord): WorkflowState {
  if (record.ended !== undefined) return record.ended.state;
  const config = parts.chain.config(record.opened!.epoch);
  if (config === undefined) return 'running';
  return weightOf(config, liveMembers(config, parts.view)) < thresholdsOf(config).quorum
    ? 'waiting-for-quorum'
    : 'running';
}

function taskDetail(parts: Parts, record: WorkflowRecord, task: PlanTask): TaskDetail {
  const status = taskStatus(record, task);
  const attempt = record.tasks.get(task.id)?.attempts.get(status.attempt);
  const name = (id: string): string => parts.chain.nameOf(id);
  const { executors, verifiers } = atWork(attempt);
  const shared = {
    task: task.id,
    skill: task.skill,
    attempt: status.attempt,
    executors: executors.map(name),
    verifiers: verifiers.map(name),
  };
  if (status.state === 'open')
    return {
      ...shared,
      state: attempt?.assignedAtMs === undefined ? 'waiting' : 'running',
      endorsedBy: [],
      dissent: [],
    };
  const { decision } = status.certified;
  const config = parts.chain.config(decision.epoch)!;
  const failure = failureOf(decision);
  const digest = resultBlob(decision)?.digest;
  return {
    ...shared,
    state: status.state,
    endorsedBy:
      decision.kind === 'REASSIGN' || isRefusal(decision)
        ? []
        : [decision.candidate.executor, ...decision.attestations.map(({ verifier }) => verifier)].map(name),
    dissent: [...new Set(judgedIn(decision).flatMap(({ dissent }) => dissent.map(({ verifier }) => name(verifier))))],
    basis: endorsementInWords(decision, config),
    ...judgementsOf(decision, attempt, name),
    ...earlierOf(parts, record, task.id, status.attempt),
    ...(digest === undefined ? {} : { resultDigest: digest }),
    ...(failure === undefined ? {} : { message: failure }),
  };
}

interface JudgedCandidate {
  readonly candidate: Candidate;
  /** Those the decision rests on, and those who said otherwise. */
  readonly bearing: readonly Attestation[];
  readonly dissent: readonly Attestation[];
}

/** The candidates that a decision is about. */
function judgedIn(decision: Decision): readonly JudgedCandidate[] {
  if (isRefusal(decision)) return decision.refused.map(({ refusing, ...held }) => ({ ...held, bearing: refusing }));
  if (decision.kind === 'REASSIGN') return [];
  const { candidate, attestations, dissent } = decision;
  return [{ candidate, bearing: attestations, dissent }];
}

function judgementsOf(
  decision: Decision,
  attempt: AttemptRecord | undefined,
  name: (id: NodeId) => string,
): Pick<TaskDetail, 'judgements'> {
  if (decision.kind === 'REASSIGN' || decision.relation.id !== 'judges') return {};
  const judgements = judgedIn(decision).flatMap(({ candidate, bearing, dissent }) =>
    [...bearing, ...dissent].map(({ verifier, modelFamily, verdict, candidateDigest }): Judgement => {
      const said = attempt?.attestations.get(`${verifier}|${hex.encode(candidateDigest)}`)?.said;
      return {
        node: name(verifier),
        modelFamily,
        of: name(candidate.executor),
        accepts: verdict === 1,
        ...(said === undefined ? {} : { said }),
      };
    }),
  );
  return { judgements };
}

function earlierOf(parts: Parts, record: WorkflowRecord, task: string, attempt: number): Pick<TaskDetail, 'earlier'> {
  const earlier = [...(record.tasks.get(task)?.attempts.values() ?? [])]
    .filter((before) => before.attempt < attempt)
    .sort((a, b) => a.attempt - b.attempt)
    .flatMap(({ certified }) => {
      const config = certified && parts.chain.config(certified.decision.epoch);
      return config === undefined ? [] : [endorsementInWords(certified!.decision, config)];
    });
  return earlier.length === 0 ? {} : { earlier };
}

/**
 * Who was given the attempt, and whoever its decision rests on: the decision travels by votes and may be here before the lane entry that says
 * who was asked.
 */
function atWork(attempt: AttemptRecord | undefined): { readonly executors: NodeId[]; readonly verifiers: NodeId[] } {
  const decision = attempt?.certified?.decision;
  const judged = decision === undefined ? [] : judgedIn(decision);
  const executors = new Set([...(attempt?.executors ?? []), ...judged.map(({ candidate }) => candidate.executor)]);
  const verifiers = new Set(attempt?.verifiers);
  for (const { bearing, dissent } of judged)
    for (const { verifier } of [...bearing, ...dissent]) verifiers.add(verifier);
  return { executors: [...executors], verifiers: [...verifiers].filter((id) => !executors.has(id)) };
}

/** `result` is the answer's bytes once the workflow is completed. */
export function detailOf(
  parts: Parts,
  record: WorkflowRecord,
  result: Uint8Array | undefined,
  folder: string,
): WorkflowDetail {
  const opened = record.opened!;
  const progress = progressOf(record);
  const blob = progress.kind === 'done' ? resultBlob(progress.result.decision) : undefined;
  const files = existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => ({ name, path: join(folder, name) }))
    : [];
  return {
    ...summaryOf(parts, record),
    plan: opened.plan,
    planDigest: opened.planDigest,
    taskDetails: opened.plan.tasks.map((task) => taskDetail(parts, record, task)),
    ...(blob === undefined
      ? {}
      : {
          result: {
            ...blob,
            skill: opened.plan.tasks.find(({ id }) => id === opened.plan.result)!.skill,
            json: result === undefined ? null : jsonOf(result),
          },
        }),
    cost: costOf(record),
    files,
  };
}

/** A site's own word need not be JSON; its bytes are what is certified, and this is for reading. */
function jsonOf(result: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(result).toString('utf8'));
  } catch {
    return null;
  }
}

function costOf(record: WorkflowRecord): NonNullable<WorkflowDetail['cost']> {
  let computeMs = 0;
  let runs = 0;
  for (const { attempts } of record.tasks.values()) {
    for (const { candidates, attestations } of attempts.values()) {
      // A verifier that attests to two candidates ran once.
      const verifiers = new Map(
        [...attestations.values()]
          .filter(({ attestation }) => !candidates.has(attestation.verifier))
          .map(({ attestation, durationMs }) => [attestation.verifier, durationMs]),
      );
      for (const durationMs of [...[...candidates.values()].map((held) => held.durationMs), ...verifiers.values()]) {
        computeMs += durationMs;
        runs++;
      }
    }
  }
  // No model runs yet: the built-in planner needs none.
  return {
    durationMs: Math.max(0, (record.ended?.atMs ?? record.opened!.atMs) - record.opened!.atMs),
    computeMs,
    tokens: 0,
    runs,
  };
}
