// Law: this node's own code listens on every transport in one way: any number hear of peers and frames, one answers requests, one gives
// payloads, and a listener's failure is its own.
import type { Log, Network, PeerEvent } from '../../actors/system/index.ts';
import { createFrameHandlers } from './frame-handlers.ts';
import type { FrameHandler } from './topics.ts';

export type ServeHandler = Parameters<Network['serve']>[0];
export type ProvideHandler = Parameters<Network['provide']>[0];

export interface Listeners {
  /** What answers requests now. */
  readonly serveHandler: () => ServeHandler | undefined;
  /** What gives payloads now. */
  readonly provideHandler: () => ProvideHandler | undefined;
  tellPeer(event: PeerEvent): void;
  readonly tellFrame: FrameHandler;
  /** The listening half of the port. */
  readonly port: Pick<Network, 'onPeer' | 'onFrame' | 'serve' | 'provide'>;
  clear(): void;
}

export function createListeners(log: Log): Listeners {
  const frames = createFrameHandlers((error, from) =>
    log('error', 'a frame handler failed', { from, error: String(error) }),
  );
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  const requests = createOnly<ServeHandler>('requests are served already');
  const pulls = createOnly<ProvideHandler>('pulls are provided for already');
  return {
    serveHandler: requests.current,
    provideHandler: pulls.current,
    tellPeer(event) {
      for (const handler of [...peerHandlers]) {
        try {
          handler(event);
        } catch (error) {
          log('error', 'a peer handler failed', { node: event.node, error: String(error) });
        }
      }
    },
    tellFrame: frames.call,
    port: {
      onPeer(handler) {
        peerHandlers.add(handler);
        return () => void peerHandlers.delete(handler);
      },
      onFrame: frames.add,
      serve: requests.set,
      provide: pulls.set,
    },
    clear() {
      frames.clear();
      peerHandlers.clear();
    },
  };
}

/** Holds one handler at a time; a second one is a programmer's mistake. */
function createOnly<T>(taken: string): { current(): T | undefined; set(handler: T): () => void } {
  let current: T | undefined;
  return {
    current: () => current,
    set(handler) {
      if (current !== undefined) throw new Error(taken);
      current = handler;
      return () => {
        if (current === handler) current = undefined;
      };
    },
  };
}
