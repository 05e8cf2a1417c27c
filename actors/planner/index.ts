// Law: the door of the planner: words in, a plan or an honest refusal out.
export type { SiteProfile } from './data.ts';
export type { JsonSchema, SkillManifest } from './manifest.ts';
export { planFromWords } from './planner.ts';
export type { AbstainReason, Abstention, Candidate, Planned, PlannerRequest, Planning } from './types.ts';
