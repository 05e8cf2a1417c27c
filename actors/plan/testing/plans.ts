// Law: plans and skills for tests, sound unless a test says otherwise.
import { createCrypto } from '../../../test/support/world.ts';
import type { SkillManifest } from '../../planner/index.ts';
import { type Plan, type PlanTask, problemText, validatePlan } from '../index.ts';

export const crypto = createCrypto();
export const blob = { digest: 'ab'.repeat(32), sizeBytes: 12 };

export function manifest(name: string, more: Partial<SkillManifest> = {}): SkillManifest {
  return {
    name,
    version: '1',
    title: name,
    description: name,
    input: {
      type: 'object',
      additionalProperties: false,
      properties: { limit: { type: 'integer', minimum: 1 }, missing: { type: 'array' } },
    },
    output: {},
    examples: [],
    synonyms: {},
    effects: 'none',
    files: [{ slot: 'table', formats: ['csv'], required: true, many: true }],
    deterministic: true,
    minimumTimeoutMs: 1_000,
    ...more,
  };
}
export const manifests = [
  manifest('table.query'),
  manifest('report.write', { effects: 'writes-workflow-folder' }),
  manifest('clock.none', { files: [] }),
  manifest('judge', { isJudged: true, input: { type: 'object', required: ['question'] } }),
  manifest('judge.opinion', { deterministic: false, input: { type: 'object', required: ['question'] } }),
];

export function task(id: string, more: Partial<PlanTask> = {}): PlanTask {
  return {
    id,
    skill: 'table.query',
    input: {},
    files: { 'a.csv': { blob } },
    after: [],
    endorsement: 'quorum',
    optional: false,
    timeoutMs: 5_000,
    ...more,
  };
}
export function plan(tasks: readonly PlanTask[], more: Partial<Plan> = {}): Plan {
  return { version: 1, goal: 'a goal', tasks, result: tasks.at(-1)?.id ?? 'none', risk: 'read-only', ...more };
}
export const texts = (value: Plan): readonly string[] => validatePlan(value, manifests).map(problemText);
