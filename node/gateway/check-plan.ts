// Law: a plan that cannot be carried out in this mesh is refused before anything is written, with what is wrong in it.
import type { Parts } from '../../actors/parts/index.ts';
import { decodePlan, type Plan, planBytes, problemText, validatePlan } from '../../actors/plan/index.ts';
import { workersOf } from '../../protocols/mesh/index.ts';
import { GatewayError } from './error.ts';

/** The plan that a client sent. Throws GatewayError where it is none, or names what no skill here takes. */
export function checkedPlan({ manifests }: Parts, value: unknown): Plan {
  let plan: Plan;
  try {
    plan = decodePlan(planBytes(value as Plan));
  } catch (error) {
    throw new GatewayError(
      'bad_request',
      (error as Error).message,
      'Send the plan as POST /v1/plans returned it, or correct the plan file.',
    );
  }
  const problems = validatePlan(plan, manifests);
  if (problems.length > 0)
    throw new GatewayError(
      'bad_request',
      problems.map((problem) => problemText(problem)).join('\n'),
      '`parley run --help` shows a plan file; the skills are listed by `parley status`.',
    );
  return plan;
}

/** Throws GatewayError where a task is placed at a site without members, or asks for more judges or model families than there are. */
export function assertOpenable({ chain }: Parts, plan: Plan): void {
  const missing = plan.tasks.flatMap(({ placement }) =>
    placement !== undefined && !chain.current.members.some(({ site }) => site === placement.site)
      ? [placement.site]
      : [],
  );
  if (missing.length > 0)
    throw new GatewayError(
      'bad_request',
      `no member is at site ${missing.join(', ')}`,
      '`parley status` lists the sites.',
    );
  const { members } = chain.current;
  // A worker's own word weighs nothing: where one executes, every member may judge.
  const judges = members.length - (workersOf(chain.current).length > 0 ? 0 : 1);
  const known = [...new Set(members.map(({ modelFamily }) => modelFamily))].sort();
  for (const { id, relation } of plan.tasks) {
    const { atLeast = 0, families = 0 } = relation ?? {};
    if (families > known.length || atLeast > judges)
      throw new GatewayError(
        'bad_request',
        `task "${id}" asks for ${atLeast} members of ${families} model families besides its executor, and this mesh has ${members.length} members of ${known.length} (${known.join(', ')})`,
        'Ask for fewer, or let members of other families join: parley join TICKET --model-family FAMILY --model NAME.',
      );
  }
}
