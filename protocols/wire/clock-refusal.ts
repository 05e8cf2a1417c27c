// Law: a request that is refused for its time alone says so in words that the asking end recognises: its clock, or the other's, is off.
import { NetworkError } from '../../actors/system/index.ts';

const clockWords = 'the clocks differ: ';
/** `aheadMs`: by so much the asking node's clock is ahead of the answering one's. */
export function clockRefusal(aheadMs: number): string {
  return `${clockWords}that of the node that asks is ${(Math.abs(aheadMs) / 60_000).toFixed(1)} min ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the node that answers`;
}

/** Whether a request was refused because the two nodes' clocks differ too much. */
export function isClockRefusal(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'refused' && error.message.startsWith(clockWords);
}
