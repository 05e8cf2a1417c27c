// Law: every transport has the same limits, so that what passes one passes all.
import { NetworkError } from '../../actors/system/index.ts';
import { utf8 } from '../wire/index.ts';

/** The largest frame: an envelope is at most this (1 MiB). */
export const maxFrameBytes = 1 << 20;
/** What may wait for one peer before `send` answers false (8 MiB). */
export const maxOutboundBytes = 8 << 20;
/** Requests of one peer that are answered at the same time; more are refused. */
export const maxRequestsServedPerPeer = 1024;
/** A pull in which nothing moves for this long has failed. */
export const pullStallMs = 30_000;
export const maxResourceBytes = 1024;
export const maxTopicBytes = 256;

const refusalTextMax = 200;

/** What a caller may read of a handler's error: only what was thrown for it to read. Everything else may hold secrets. */
export function refusalText(error: unknown): string {
  return error instanceof NetworkError ? error.message.slice(0, refusalTextMax) : 'the handler failed';
}

/** What a peer refused with, as its error here: text of the peer's, cut. */
export function refusalOf(text: Uint8Array): NetworkError {
  try {
    return new NetworkError('refused', utf8.decode(text.subarray(0, 4 * refusalTextMax)));
  } catch {
    return new NetworkError('refused', 'refused');
  }
}

/** A peer that took nothing for so long, while more waited for it than may, is slow and not only busy. */
export const slowMs = 1_000;

/** Throws NetworkError `too_large`. */
export function assertFrameSize(frame: Uint8Array): void {
  if (frame.length > maxFrameBytes)
    throw new NetworkError(
      'too_large',
      `a frame of ${frame.length} bytes exceeds the limit of ${maxFrameBytes}; offer it for pull instead`,
    );
}

/** Throws RangeError: who names topics is a programmer, and no peer. */
export function assertTopic(topic: string): void {
  if (Buffer.byteLength(topic) > maxTopicBytes) throw new RangeError(`a topic takes at most ${maxTopicBytes} bytes`);
}

/** Throws NetworkError `too_large`. */
export function assertResource(resource: string): void {
  if (Buffer.byteLength(resource) > maxResourceBytes)
    throw new NetworkError('too_large', `a resource name takes at most ${maxResourceBytes} bytes`);
}
