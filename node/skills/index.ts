// Law: the door of the skills. Manifests are data and load at once; what a skill needs to run is loaded when it runs.
import type { SkillManifest } from '../../actors/planner/index.ts';
import { judge, judgeOpinion } from './manifests/judge.ts';
import { tableAggregate, tableMerge, tableQuery } from './manifests/table.ts';
import { logTriage, repoInspect, reportWrite, textSearch } from './manifests/text.ts';
import type { Skill } from './skill.ts';

export { canonicalBytes } from './canonical.ts';
export { candidateName, type Opinion, type OpinionInput } from './judge/asked.ts';
export { profileFile } from './profile.ts';
export { type Skill, SkillFailure, type SkillFile } from './skill.ts';

export const skills: readonly Skill[] = [
  { manifest: tableQuery, run: async (input, files) => (await import('./table/query.ts')).run(input, files) },
  { manifest: tableAggregate, run: async (input, files) => (await import('./table/aggregate.ts')).run(input, files) },
  { manifest: tableMerge, run: async (input, files) => (await import('./table/merge.ts')).run(input, files) },
  { manifest: logTriage, run: async (input, files) => (await import('./log/triage.ts')).run(input, files) },
  { manifest: textSearch, run: async (input, files) => (await import('./search.ts')).run(input, files) },
  { manifest: repoInspect, run: async (input, files) => (await import('./repository/inspect.ts')).run(input, files) },
  { manifest: reportWrite, run: async (input, files) => (await import('./report/write.ts')).run(input, files) },
  { manifest: judge, run: async (input, files) => (await import('./judge/docket.ts')).run(input, files) },
  { manifest: judgeOpinion, run: async (input, files) => (await import('./judge/opinion.ts')).run(input, files) },
];

export const manifests: readonly SkillManifest[] = skills.map(({ manifest }) => manifest);
