// Law: what a task asks for is a function of the plan and of the certified outputs before it, so that every node, and an auditor years
// later, derives the same call and the same terms, and a decision about anything else is refused.
import {
  type Endorsement,
  type Relation,
  type RelationSpec,
  relationOf,
  type TaskTerms,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { canonicalBytes, type PlanTask } from '../plan/index.ts';
import type { Crypto } from '../system/index.ts';
import { type BoundCall, boundCall, type WorkflowRecord } from './record.ts';

/** Names the call: skill, input and the digest of each file; for a placed task the data set by name, since not even its digest leaves the site. */
export function callDigest(call: BoundCall, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  const { task, input, files } = call;
  return crypto.sha256(
    canonicalBytes({
      domain: 'parley/call/1',
      skill: task.skill,
      input,
      files: Object.fromEntries(
        Object.entries(files).map(([name, { digest, sizeBytes }]) => [name, { digest, sizeBytes }]),
      ),
      placement: task.placement ?? null,
    }),
  );
}

export function endorsementOf(task: PlanTask): Endorsement {
  return task.endorsement === 'site' && task.placement !== undefined
    ? { rule: 'site', site: task.placement.site }
    : { rule: 'quorum' };
}

const unlessNamed: RelationSpec = { kind: 'exact' };
/** A plan's relation is asked for at every look. */
const relations = new WeakMap<RelationSpec, Relation>();

export function relationOfTask({ relation = unlessNamed }: PlanTask, crypto: Pick<Crypto, 'sha256'>): Relation {
  const known = relations.get(relation) ?? relationOf(relation, crypto);
  relations.set(relation, known);
  return known;
}

/** The terms of this attempt, or undefined while they cannot be known here: the plan, or an output it waits for, is missing. */
export function termsOf(
  record: WorkflowRecord,
  taskId: string,
  attempt: number,
  context: {
    readonly chain: MeshChain;
    readonly crypto: Pick<Crypto, 'sha256'>;
    readonly skillVersion: (skill: string) => string | undefined;
  },
): TaskTerms | undefined {
  const { opened } = record;
  const call = boundCall(record, taskId);
  if (opened === undefined || call === undefined) return undefined;
  const skillVersion = context.skillVersion(call.task.skill);
  if (skillVersion === undefined) return undefined;
  return {
    meshId: context.chain.meshId,
    epoch: opened.epoch,
    workflow: hex.decode(record.workflow),
    planDigest: hex.decode(opened.planDigest),
    task: taskId,
    attempt,
    callDigest: callDigest(call, context.crypto),
    skill: call.task.skill,
    skillVersion,
    endorsement: endorsementOf(call.task),
    relation: relationOfTask(call.task, context.crypto),
  };
}
