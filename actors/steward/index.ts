// Law: the door of the steward room.
export { type StewardsArgs, type StewardsMessage, stewardOf, stewardsActor } from './stewards.ts';
