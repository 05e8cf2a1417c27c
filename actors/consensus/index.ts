// Law: the door of the consensus room of the actors: the shell around the pure engine.
export { decodeFrameMessage, encodeFrameMessage, type FrameMessage, frameType } from './frame-message.ts';
export { keeperActor } from './keeper.ts';
export { openVoteLog, type VoteLog } from './log.ts';
export { openPositionBook, type PositionBook } from './position.ts';
export type { Judgement, Question } from './question.ts';
export type { KeeperArgs, KeeperMessage } from './state.ts';
