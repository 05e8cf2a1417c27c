// Law: the door of the plan room: what a plan is, whether it may run, and what runs next.
export { bindFiles, bindTask, draftPaths, type TaskOutput } from './bind.ts';
export { canonicalBytes, decodePlan, nestingOf, PlanInvalid, planBytes, planDigest } from './canonical.ts';
export { editDistance, nearestName } from './nearest.ts';
export { type ParsedPlanFile, parsePlanFile } from './parse.ts';
export {
  type DraftFileSource,
  type FileSource,
  type Json,
  type Plan,
  type PlanDraft,
  type PlanTask,
  planLimits,
  planSchema,
  type Risk,
} from './plan.ts';
export type { PlanProblem } from './shape.ts';
export { problemText, riskOf, validateDraft, validatePlan } from './validate.ts';
export { readyTasks, waves } from './waves.ts';
