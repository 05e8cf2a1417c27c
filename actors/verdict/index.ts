// Law: the door of the verdict room.
export { type VerdictArgs, type VerdictMessage, verdictActor } from './verdict.ts';
export { verdictQuestion } from './verdict-question.ts';
