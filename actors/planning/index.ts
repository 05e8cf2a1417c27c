// Law: the door of the planning room: the planner as an actor.
export { type PlannerMessage, plannerActor } from './planning.ts';
