// Law: a workflow is named by the first digits of its id; what they do not name alone is refused with what to do.
import type { Parts } from '../../actors/parts/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import { GatewayError } from './error.ts';

/** The workflow that `prefix` names alone, read back from the disk where its record was put away. Throws GatewayError where there is none. */
export async function findWorkflow({ board, recall }: Parts, prefix: string): Promise<WorkflowRecord> {
  if (!/^[0-9a-f]{4,64}$/.test(prefix))
    throw new GatewayError(
      'bad_request',
      `'${prefix.slice(0, 80)}' is not the id of a workflow: that is 4 to 64 of the digits 0-9 and a-f`,
      '`parley ps` lists them.',
    );
  const found = [...board.all().filter(({ opened }) => opened !== undefined), ...board.archived()].filter(
    ({ workflow }) => workflow.startsWith(prefix),
  );
  if (found.length === 1) {
    const record = await recall(found[0]!.workflow);
    if (record !== undefined) return record;
    throw new GatewayError(
      'internal',
      `the entries of workflow ${found[0]!.workflow.slice(0, 12)} cannot be read from this node's disk`,
      'Ask at another member, and restart this node: it fetches what is lost.',
    );
  }
  if (found.length > 1)
    throw new GatewayError(
      'bad_request',
      `'${prefix}' is the start of ${found.length} workflow ids`,
      'Give more of the id; `parley ps` lists them.',
    );
  throw new GatewayError(
    'not_found',
    `this node knows no workflow '${prefix}'`,
    '`parley ps` lists those it knows. A node that was away learns of the others within seconds of its return.',
  );
}
