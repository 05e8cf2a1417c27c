// Law: a request settles exactly once: by its reply, its refusal, its deadline, or the end of the connection. A reply that comes late
// finds nobody and is dropped; a peer has only so many requests answered at a time.
import { type Log, NetworkError, type NodeId } from '../../actors/system/index.ts';
import { utf8 } from '../wire/index.ts';
import { type FrameKind, frameKind } from './frame-codec.ts';
import { maxFrameBytes, maxRequestsServedPerPeer, refusalText } from './limits.ts';

export type ServeHandler = (from: NodeId, frame: Uint8Array) => Promise<Uint8Array> | Uint8Array;

/** Requests that may wait for one peer's answers; each costs memory here until its deadline. */
const maxPending = 65_536;

export interface Requests {
  ask(frame: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  onReply(correlation: number, payload: Uint8Array): void;
  onRefused(correlation: number, payload: Uint8Array): void;
  answer(correlation: number, frame: Uint8Array, serve: ServeHandler | undefined): void;
  /** Rejects everything that waits. */
  fail(error: NetworkError): void;
}

export function createRequests(
  peer: NodeId,
  put: (kind: FrameKind, correlation: number, payload: Uint8Array) => boolean,
  log: Log,
): Requests {
  const pending = new Map<
    number,
    {
      readonly resolve: (reply: Uint8Array) => void;
      readonly reject: (error: NetworkError) => void;
      readonly timer: NodeJS.Timeout;
    }
  >();
  let lastCorrelation = 0;
  let serving = 0;

  const take = (correlation: number) => {
    const entry = pending.get(correlation);
    if (entry === undefined) return undefined;
    pending.delete(correlation);
    clearTimeout(entry.timer);
    return entry;
  };

  return {
    ask(frame, timeoutMs) {
      return new Promise((resolve, reject) => {
        if (pending.size >= maxPending) {
          reject(new NetworkError('unreachable', `${pending.size} requests wait for ${peer} already`));
          return;
        }
        lastCorrelation = (lastCorrelation + 1) >>> 0;
        const correlation = lastCorrelation;
        if (!put(frameKind.request, correlation, frame)) {
          reject(new NetworkError('unreachable', `the buffer to ${peer} is full`));
          return;
        }
        const timer = setTimeout(() => {
          pending.delete(correlation);
          reject(new NetworkError('timeout', `${peer} did not answer within ${timeoutMs} ms`));
        }, timeoutMs);
        pending.set(correlation, { resolve, reject, timer });
      });
    },
    onReply: (correlation, payload) => take(correlation)?.resolve(payload),
    onRefused: (correlation, payload) => take(correlation)?.reject(new NetworkError('refused', textOf(payload))),
    answer(correlation, frame, serve) {
      const refuse = (why: string): void => void put(frameKind.refused, correlation, utf8.encode(why));
      const reply = (value: Uint8Array): void => {
        if (value.length > maxFrameBytes)
          refuse(`the reply of ${value.length} bytes exceeds the limit of ${maxFrameBytes}`);
        else if (!put(frameKind.reply, correlation, value))
          log('debug', 'a reply was dropped: the peer does not read', { peer });
      };
      const failed = (error: unknown): void => {
        if (!(error instanceof NetworkError)) log('error', 'a request handler failed', { peer, error: String(error) });
        refuse(refusalText(error));
      };
      if (serve === undefined || serving >= maxRequestsServedPerPeer) {
        refuse(
          serve === undefined
            ? 'no requests are served here'
            : `${serving} requests of this peer are being answered already`,
        );
        return;
      }
      try {
        const outcome = serve(peer, frame);
        if (!(outcome instanceof Promise)) {
          reply(outcome);
          return;
        }
        serving++;
        outcome.then(reply, failed).finally(() => serving--);
      } catch (error) {
        failed(error);
      }
    },
    fail(error) {
      for (const correlation of [...pending.keys()]) take(correlation)?.reject(error);
    },
  };
}

function textOf(payload: Uint8Array): string {
  try {
    return utf8.decode(payload.subarray(0, 800));
  } catch {
    return 'refused';
  }
}
