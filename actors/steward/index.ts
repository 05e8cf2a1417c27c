// Law: the door of the steward room.
export { stewardOf, type StewardsArgs, type StewardsMessage, stewardsActor } from './stewards.ts';
