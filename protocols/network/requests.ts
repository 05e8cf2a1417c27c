// Law: a request settles exactly once: by its reply, its refusal, its deadline, or the end of the connection. A reply that comes late
// finds nobody and is dropped; a peer has only so many requests answered at a time.
import { type Log, NetworkError, type NodeId } from '../../actors/system/index.ts';
import { utf8 } from '../wire/index.ts';
import { maxFrameBytes, maxRequestsServedPerPeer, refusalOf, refusalText } from './limits.ts';
import type { ServeHandler } from './listeners.ts';

export interface RequestsHost<Kind> {
  /** What requests and their ends are called on this way to the peer. */
  readonly kinds: { readonly request: Kind; readonly reply: Kind; readonly refused: Kind };
  /** Requests that may wait for this peer's answers; each costs memory here until its deadline. */
  readonly pendingMax: number;
  put(kind: Kind, correlation: number, payload: Uint8Array): boolean;
  /** Calls `fire` once so much time has passed; what it returns calls it off. */
  after(delayMs: number, fire: () => void): () => void;
  readonly log: Log;
}

export interface Requests<Kind> {
  /** `kind`: of a question other than a request, where the way has one. */
  ask(frame: Uint8Array, timeoutMs: number, kind?: Kind): Promise<Uint8Array>;
  onReply(correlation: number, payload: Uint8Array): void;
  onRefused(correlation: number, payload: Uint8Array): void;
  answer(correlation: number, frame: Uint8Array, serve: ServeHandler | undefined): void;
  /** Rejects everything that waits. */
  fail(error: NetworkError): void;
}

export function createRequests<Kind>(peer: NodeId, host: RequestsHost<Kind>): Requests<Kind> {
  const { kinds, put, log } = host;
  const pending = new Map<
    number,
    {
      readonly resolve: (reply: Uint8Array) => void;
      readonly reject: (error: NetworkError) => void;
      readonly cancel: () => void;
    }
  >();
  let lastCorrelation = 0;
  let serving = 0;

  const take = (correlation: number) => {
    const entry = pending.get(correlation);
    if (entry === undefined) return undefined;
    pending.delete(correlation);
    entry.cancel();
    return entry;
  };

  return {
    ask(frame, timeoutMs, kind = kinds.request) {
      return new Promise((resolve, reject) => {
        if (pending.size >= host.pendingMax) {
          reject(new NetworkError('unreachable', `${pending.size} requests wait for ${peer} already`));
          return;
        }
        lastCorrelation = (lastCorrelation + 1) >>> 0;
        const correlation = lastCorrelation;
        if (!put(kind, correlation, frame)) {
          reject(new NetworkError('unreachable', `the buffer to ${peer} is full`));
          return;
        }
        const cancel = host.after(timeoutMs, () => {
          pending.delete(correlation);
          reject(new NetworkError('timeout', `${peer} did not answer within ${timeoutMs} ms`));
        });
        pending.set(correlation, { resolve, reject, cancel });
      });
    },
    onReply: (correlation, payload) => take(correlation)?.resolve(payload),
    onRefused: (correlation, payload) => take(correlation)?.reject(refusalOf(payload)),
    answer(correlation, frame, serve) {
      const refuse = (why: string): void => void put(kinds.refused, correlation, utf8.encode(why));
      const reply = (value: Uint8Array): void => {
        if (value.length > maxFrameBytes)
          refuse(`the reply of ${value.length} bytes exceeds the limit of ${maxFrameBytes}`);
        else if (!put(kinds.reply, correlation, value))
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
