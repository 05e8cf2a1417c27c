// Law: the door of the histories.
export { type CheckResult, checkHistory, defaultLimits, smallestViolation } from './check.ts';
export { type Action, describeAction, type History, type Operation } from './operation.ts';
export { MalformedHistory, type ModelName, parseHistory } from './parse.ts';
