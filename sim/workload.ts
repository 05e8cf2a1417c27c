// Law: what a swarm is asked to do is drawn from its seed: plans of a few shapes, long and short, some of whose inputs are refused.
import type { Plan, PlanTask } from '../actors/plan/index.ts';
import type { Random } from '../actors/system/index.ts';
import { computeSkill } from './sandbox.ts';

interface TaskChoice {
  readonly after?: readonly string[];
  readonly durationMs?: number;
  readonly refuses?: boolean;
  readonly timeoutMs?: number;
  readonly site?: string;
}

export function computeTask(id: string, choice: TaskChoice = {}): PlanTask {
  const { after = [], durationMs = 50, refuses = false, timeoutMs = 3_000, site } = choice;
  return {
    id,
    skill: computeSkill,
    input: { label: id, durationMs, ...(refuses ? { refuses } : {}) },
    files: Object.fromEntries(after.map((task) => [`${task}.json`, { task }])),
    after: [...after],
    ...(site === undefined
      ? { endorsement: 'quorum' as const, optional: false }
      : { placement: { site, dataSet: 'ledger' }, endorsement: 'site' as const, optional: true }),
    timeoutMs,
  };
}

export function planOf(goal: string, tasks: readonly PlanTask[]): Plan {
  return { version: 1, goal, tasks, result: tasks.at(-1)!.id, risk: 'read-only' };
}

export function drawPlan(random: Random, goal: string, sites: readonly string[]): Plan {
  const durationMs = (): number => 1 + random.below(random.chance(0.3) ? 1_500 : 120);
  switch (random.below(sites.length > 1 ? 5 : 4)) {
    case 0:
      return planOf(goal, [computeTask('only', { durationMs: durationMs() })]);
    case 1:
      return planOf(goal, [
        computeTask('first', { durationMs: durationMs() }),
        computeTask('second', { after: ['first'], durationMs: durationMs() }),
      ]);
    case 2: {
      const parts = ['part-a', 'part-b', 'part-c'].slice(0, 2 + random.below(2));
      return planOf(goal, [
        ...parts.map((id) => computeTask(id, { durationMs: durationMs() })),
        computeTask('whole', { after: parts, durationMs: durationMs() }),
      ]);
    }
    case 3:
      return planOf(goal, [
        computeTask('first', { durationMs: durationMs() }),
        computeTask('second', { after: ['first'], durationMs: durationMs(), refuses: random.chance(0.5) }),
      ]);
    default: {
      const parts = sites.map((site) => computeTask(`at-${site}`, { site, durationMs: durationMs() }));
      return planOf(goal, [
        ...parts,
        computeTask('whole', { after: parts.map(({ id }) => id), durationMs: durationMs() }),
      ]);
    }
  }
}
