// Law: one direction of a connected pair carries what is posted, in order, until it is cut; then what was on its way is lost and what waits on
// it fails. A new connection is a new link, so nothing of the old one arrives late.
import { type Clock, NetworkError, type NodeId, type Scheduler } from '../../actors/system/index.ts';
import { maxOutboundBytes } from '../network/index.ts';

export interface Link {
  readonly isOpen: boolean;
  /** Requests of the other end that are being answered. */
  serving: number;
  /** False: cut, or the buffer is full. */
  post(sizeBytes: number, arrive: () => void): boolean;
  /** Settles as `work` does, unless the link is cut or `timeoutMs` pass first. */
  settle<T>(
    peer: NodeId,
    timeoutMs: number,
    what: string,
    work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T>;
  /** `error`: why, where it is not that the connection was lost. */
  cut(error?: NetworkError): void;
}

export function createLink({ clock, scheduler }: { readonly clock: Clock; readonly scheduler: Scheduler }): Link {
  const queue: { readonly sizeBytes: number; readonly arrive: () => void }[] = [];
  const cuts = new Set<(error: NetworkError | undefined) => void>();
  let queuedBytes = 0;
  let draining = false;
  let isOpen = true;

  function drain(): void {
    draining = false;
    for (const item of queue.splice(0)) {
      queuedBytes -= item.sizeBytes;
      if (isOpen) item.arrive();
    }
  }

  return {
    get isOpen() {
      return isOpen;
    },
    serving: 0,
    post(sizeBytes, arrive) {
      if (!isOpen || (queuedBytes + sizeBytes > maxOutboundBytes && queuedBytes > 0)) return false;
      queue.push({ sizeBytes, arrive });
      queuedBytes += sizeBytes;
      if (!draining) {
        draining = true;
        scheduler.yield(drain);
      }
      return true;
    },
    settle(peer, timeoutMs, what, work) {
      return new Promise((resolve, reject) => {
        const finish =
          <V>(settle: (value: V) => void) =>
          (value: V): void => {
            cancel();
            cuts.delete(cut);
            settle(value);
          };
        const fail = finish(reject);
        const cut = (error: NetworkError | undefined): void =>
          fail(error ?? new NetworkError('unreachable', `the connection to ${peer} was lost during ${what}`));
        const cancel = scheduler.at(clock.monotonicMs() + timeoutMs, () =>
          fail(new NetworkError('timeout', `${peer} did not finish ${what} within ${timeoutMs} ms`)),
        );
        cuts.add(cut);
        work(finish(resolve), fail);
      });
    },
    cut(error) {
      isOpen = false;
      for (const cut of [...cuts]) cut(error);
    },
  };
}
