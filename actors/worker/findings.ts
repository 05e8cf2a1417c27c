// Law: what a run came to is said in one of two ways: a candidate that its executor signed, or a fault and why.
import { candidates, type TaskTerms } from '../../consensus/index.ts';
import type { Parts } from '../parts/index.ts';
import type { WorkflowEntry } from '../workflow/index.ts';
import type { RunOutcome } from './runs.ts';

/** One attempt that this node was assigned. */
export interface Job {
  readonly key: string;
  readonly workflow: string;
  readonly task: string;
  readonly attempt: number;
  readonly terms: TaskTerms;
}

export function candidateEntry(
  { world, identity }: Parts,
  job: Job,
  outcome: Exclude<RunOutcome, { kind: 'fault' }>,
): WorkflowEntry {
  const { relation: _relation, endorsement: _endorsement, ...about } = job.terms;
  const candidate = candidates.sign(
    {
      ...about,
      outcome: outcome.kind,
      resultDigest: outcome.digest,
      sizeBytes: outcome.sizeBytes,
      executor: identity.id,
    },
    identity.secretKey,
    world.crypto,
  );
  return {
    kind: 'candidate',
    workflow: job.workflow,
    task: job.task,
    attempt: job.attempt,
    candidate: candidates.encode(candidate),
    durationMs: outcome.durationMs,
    ...(outcome.failure === undefined ? {} : { failure: outcome.failure }),
    atMs: world.clock.wallMs(),
  };
}

export function faultEntry(parts: Parts, job: Job, code: string, message: string): WorkflowEntry {
  return {
    kind: 'fault',
    workflow: job.workflow,
    task: job.task,
    attempt: job.attempt,
    code: code.slice(0, 64).toWellFormed(),
    message: message.slice(0, 1_000).toWellFormed(),
    atMs: parts.world.clock.wallMs(),
  };
}
