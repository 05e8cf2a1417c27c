// Law: an attempt is run at most once at a time and its outcome is what the skill said, or a fault that says only that it did not run
// here. A private data set is opened here and nowhere else, under the site's policy.
import { encodeFailure, failureDigest } from '../../consensus/index.ts';
import { MalformedBytes } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import type { Json, PlanTask } from '../plan/index.ts';
import type { BlobRef, NodeId } from '../system/index.ts';
import { type BoundCall, relationOfTask, taskStatus, type WorkflowRecord } from '../workflow/index.ts';

/** What a run came to, in the terms of a candidate. */
export type RunOutcome =
  | {
      readonly kind: 'result' | 'failure';
      readonly digest: Uint8Array;
      readonly sizeBytes: number;
      readonly failure: { readonly code: string; readonly message: string } | undefined;
      readonly durationMs: number;
    }
  | { readonly kind: 'fault'; readonly code: string; readonly message: string };

export async function runCall(
  parts: Parts,
  workflow: string,
  call: BoundCall,
  likely: readonly NodeId[],
  signal: AbortSignal,
): Promise<RunOutcome> {
  const { world, blobs } = parts;
  const { task } = call;
  const startedMs = world.clock.monotonicMs();
  const fail = (code: string, message: string): RunOutcome => {
    // Cut at a character, not inside one: half of it would have no encoding.
    const failure = { code, message: message.slice(0, 1_000).toWellFormed() };
    return {
      kind: 'failure',
      digest: failureDigest(failure, world.crypto),
      sizeBytes: encodeFailure(failure).length,
      failure,
      durationMs: world.clock.monotonicMs() - startedMs,
    };
  };

  let files: Record<string, BlobRef> = { ...call.files };
  let { input } = call;
  if (task.placement !== undefined) {
    const { dataSet } = task.placement;
    try {
      const opened = await parts.dataSets.open(dataSet);
      if (opened === undefined)
        return { kind: 'fault', code: 'no_data_set', message: `this node has no data set '${dataSet}'` };
      if (!opened.policy.allow.includes(task.skill))
        return fail('policy_denied', `the site's policy does not allow ${task.skill} on '${dataSet}'`);
      input = withMinimumGroupSize(input, opened.policy.minimumGroupSize);
      blobs.keepPrivate(opened.blob.digest);
      files = { ...files, [opened.fileName]: opened.blob };
    } catch (error) {
      return { kind: 'fault', code: 'data_set', message: (error as Error).message };
    }
  }
  try {
    for (const ref of Object.values(call.files)) await blobs.obtain(ref, likely);
  } catch (error) {
    return { kind: 'fault', code: 'payload', message: (error as Error).message };
  }

  const outcome = await world.sandbox.run(
    { skill: task.skill, input, files, workflow },
    { timeoutMs: task.timeoutMs, signal },
  );
  if (outcome.kind === 'fault') return { kind: 'fault', code: outcome.code, message: outcome.message };
  if (outcome.kind === 'failure')
    return { ...fail(outcome.code, outcome.message), durationMs: outcome.durationMs } as RunOutcome;
  const { output } = outcome;
  try {
    relationOfTask(task, world.crypto).check(output);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    return fail('incomparable_output', `the output of ${task.skill} cannot be compared: ${error.message}`);
  }
  // The output is kept: whoever needs it next pulls it by this digest.
  const ref = await world.storage.blobs.write(once(output));
  return {
    kind: 'result',
    digest: world.crypto.sha256(output),
    sizeBytes: ref.sizeBytes,
    failure: undefined,
    durationMs: outcome.durationMs,
  };
}

/** The plan may ask for larger groups than the site's policy; a site never lets smaller ones out. */
function withMinimumGroupSize(input: Json, minimumGroupSize: number): Json {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const asked = (input as { minimumGroupSize?: unknown }).minimumGroupSize;
  const size = typeof asked === 'number' && asked > minimumGroupSize ? asked : minimumGroupSize;
  return { ...input, minimumGroupSize: size };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** Who signed for an output that the task reads, and so had it. */
export function holdersOf(workflow: WorkflowRecord, task: PlanTask): readonly NodeId[] {
  const holders = new Set<NodeId>();
  for (const before of workflow.opened?.plan.tasks ?? []) {
    if (!task.after.includes(before.id)) continue;
    const status = taskStatus(workflow, before);
    if (status.state !== 'accepted' || status.certified.decision.kind !== 'ACCEPT') continue;
    const { candidate, attestations: agreeing } = status.certified.decision;
    for (const id of [candidate.executor, ...agreeing.map(({ verifier }) => verifier)]) holders.add(id);
  }
  return [...holders];
}
