// Law: what a peer hands over waits in that peer's own queue, bounded in bytes, from the moment it arrives: it takes no place that another's
// words or this node's own messages would need. About epochs that are not open here nothing is kept; who speaks of them is counted.
import type { NodeId } from '../system/index.ts';
import { decodeFrameMessage } from './frame-message.ts';
import type { KeeperState } from './state.ts';

/** Throws MalformedBytes; whatever is wrong with the frame itself, the engine finds. */
export function hear(state: KeeperState, from: NodeId, body: Uint8Array): void {
  const { chain, refusals } = state.parts;
  const { epoch, position, frame } = decodeFrameMessage(body);
  // Who only listens has nothing to say here, and there may be any number of them.
  if (chain.node(from) === undefined && chain.node(from, epoch) === undefined)
    return void refusals.add(from, 'stranger', 'a frame of votes, by one that only listens');
  if (position !== undefined && chain.member(from, epoch) !== undefined) state.positions.saw(from, epoch, position);
  const queue = state.queues.get(epoch);
  if (queue === undefined)
    return void refusals.add(from, 'epoch', `a frame of epoch ${epoch}; the mesh is in ${chain.current.epoch} here`);
  // The engine reads it when its turn comes, and the transport's buffer is the transport's.
  if (queue.push({ type: 'frame', from, bytes: frame.slice() })) state.ears.wake();
  else refusals.add(from, 'consensus', 'sends more than is heard');
}
