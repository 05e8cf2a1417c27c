// Law: an idle node relieves a busy one of work that waits there. The busy one says so on the record, first who has it now and then that it
// will not run it, so that no moment sees the work at nobody; whoever dies meanwhile, the steward finds the task short of hands as always.
import { type Backlog, spareOf } from '../allocation/index.ts';
import type { Parts } from '../parts/index.ts';
import type { NodeId } from '../system/index.ts';
import {
  type AttemptRecord,
  encodeWorkflowEntry,
  progressOf,
  type WorkflowRecord,
  workflowLane,
} from '../workflow/index.ts';
import { type Capacity, keyOfAttempt } from './bidding.ts';
import { eligible } from './choose.ts';

/** The code of a fault that says: given away before it began. At most one per attempt, so that no work goes round in circles. */
const givenAway = 'given-away';

/** How much each other member has in hand as the record has it, and of that something this node could take. */
export function backlogs(
  parts: Pick<Parts, 'board' | 'chain' | 'identity' | 'manifests' | 'view'>,
): readonly Backlog[] {
  const self = parts.identity.id;
  const counts = new Map<NodeId, { count: number; hasSome: boolean }>();
  for (const record of parts.board.running())
    for (const { attempt, unanswered } of attemptsInHand(record)) {
      const mayTake = mayHave(parts, record, attempt, self);
      for (const node of unanswered) {
        const known = counts.get(node) ?? { count: 0, hasSome: false };
        counts.set(node, { count: known.count + 1, hasSome: known.hasSome || mayTake });
      }
    }
  return [...counts]
    .filter(([node, { hasSome }]) => hasSome && node !== self && parts.view.isLive(node))
    .map(([node, { count }]) => ({ node, count }));
}

interface InHand {
  readonly attempt: AttemptRecord & { readonly task: string };
  readonly unanswered: readonly NodeId[];
}

function attemptsInHand(record: WorkflowRecord): readonly InHand[] {
  const progress = progressOf(record);
  if (progress.kind !== 'ready') return [];
  return progress.tasks.flatMap(({ task, attempt: number }) => {
    const attempt = record.tasks.get(task.id)?.attempts.get(number);
    if (attempt === undefined) return [];
    const attested = new Set([...attempt.attestations.values()].map(({ attestation }) => attestation.verifier));
    const unanswered = [...attempt.executors, ...attempt.verifiers].filter(
      (id) => !attempt.candidates.has(id) && !attempt.faults.has(id) && !attested.has(id),
    );
    return [{ attempt: { ...attempt, task: task.id }, unanswered }];
  });
}

/** Whether `node` could take its place on the attempt: able, not on it, and it has not changed hands. */
function mayHave(
  parts: Pick<Parts, 'chain' | 'identity' | 'manifests' | 'view'>,
  record: WorkflowRecord,
  attempt: InHand['attempt'],
  node: NodeId,
): boolean {
  const task = record.opened?.plan.tasks.find(({ id }) => id === attempt.task);
  const config = parts.chain.config(record.opened?.epoch ?? -1);
  if (task === undefined || config === undefined) return false;
  const isAble =
    node === parts.identity.id
      ? parts.manifests.some(({ name }) => name === task.skill)
      : parts.view.presence(node)?.skills.includes(task.skill) === true;
  return (
    isAble &&
    eligible(task, config).some(({ id }) => id === node) &&
    !attempt.executors.has(node) &&
    !attempt.verifiers.has(node) &&
    !attempt.faults.has(node) &&
    ![...attempt.faults.values()].some(({ code }) => code === givenAway)
  );
}

/** Gives `thief` something that waits here, if there is anything it may have; resolves when that is on the record. */
export async function relieve(
  parts: Parts,
  { workload }: Capacity,
  thief: NodeId,
  paces: Readonly<Record<string, number>>,
): Promise<boolean> {
  if (!parts.chain.isMember(thief) || !parts.view.isLive(thief)) return false;
  const self = parts.identity.id;
  const waiting = workload.waiting();
  if (waiting.length === 0) return false;
  const byKey = new Map<string, { readonly record: WorkflowRecord; readonly attempt: InHand['attempt'] }>();
  for (const record of parts.board.running())
    for (const { attempt, unanswered } of attemptsInHand(record))
      if (unanswered.includes(self))
        byKey.set(keyOfAttempt(record.workflow, attempt.task, attempt.attempt), { record, attempt });
  const key = spareOf(waiting, (each) => {
    const found = byKey.get(each);
    const skill = found?.record.opened?.plan.tasks.find(({ id }) => id === found.attempt.task)?.skill;
    if (found === undefined || skill === undefined || !mayHave(parts, found.record, found.attempt, thief))
      return undefined;
    return Object.hasOwn(paces, skill) ? paces[skill] : undefined;
  });
  const found = key === undefined ? undefined : byKey.get(key);
  if (key === undefined || found === undefined) return false;
  const { record, attempt } = found;
  // From here on the worker leaves it alone.
  workload.giveAway(key);
  const about = {
    workflow: record.workflow,
    task: attempt.task,
    attempt: attempt.attempt,
    atMs: parts.world.clock.wallMs(),
  };
  const isExecutor = attempt.executors.has(self);
  try {
    await parts.lanes.append(
      workflowLane,
      encodeWorkflowEntry({
        kind: 'assigned',
        ...about,
        executors: isExecutor ? [thief] : [],
        verifiers: isExecutor ? [] : [thief],
      }),
    );
    await parts.lanes.append(
      workflowLane,
      encodeWorkflowEntry({
        kind: 'fault',
        ...about,
        code: givenAway,
        message: `it waited here; ${parts.chain.nameOf(thief)} had a free place and has it now`,
      }),
    );
    parts.world.sometimes('work given to an idle node');
    return true;
  } catch (error) {
    // Not on the record, or only that another has it too: it may run here after all.
    workload.takeBack(key);
    throw error;
  }
}
