// Law: skills that misbehave on purpose, each in one way, for the sandbox's tests.
import { mkdirSync } from 'node:fs';
import type { SkillManifest } from '../../actors/planner/index.ts';
import { type Skill, SkillFailure } from '../skills/index.ts';

function skill(name: string, run: Skill['run']): Skill {
  const manifest: SkillManifest = {
    name,
    version: '1.0.0',
    title: name,
    description: name,
    input: {
      type: 'object',
      properties: { path: { type: 'string' }, ms: { type: 'integer' } },
      additionalProperties: false,
    },
    output: {},
    examples: [],
    synonyms: {},
    effects: 'none',
    files: [],
    deterministic: true,
    minimumTimeoutMs: 1000,
  };
  return { manifest, run };
}

let runs = 0;

export const skills: readonly Skill[] = [
  skill('test.spin', async () => {
    for (;;) {
      // Never gives the thread back: only ending it helps.
    }
  }),
  skill(
    'test.sleep',
    async (input) => new Promise((resolve) => setTimeout(resolve, (input as { ms: number }).ms, 'slept')),
  ),
  skill('test.hoard', async () => {
    const kept: number[][] = [];
    for (;;) kept.push(Array.from({ length: 100_000 }, (_, index) => index + 0.5));
  }),
  skill('test.exit', async () => process.exit(3)),
  skill('test.throw', async () => {
    throw new TypeError('a bug');
  }),
  skill('test.late', async () => {
    setTimeout(() => {
      throw new Error('later');
    }, 5);
    return new Promise(() => {});
  }),
  skill('test.fail', async () => {
    throw new SkillFailure('on_purpose', 'the input is no good');
  }),
  skill('test.print', async () => {
    for (let i = 0; i < 5000; i++) console.log('printed by a skill');
    process.stderr.write('printed by a skill');
    return Object.keys(process.env).length;
  }),
  skill('test.count', async () => ++runs),
  skill('test.mark', async (input) => {
    mkdirSync((input as { path: string }).path);
    return null;
  }),
];
