// Law: what arrives before anyone listens waits, in order and within bounds: a transport is up, and heard by its peers, before the node above it.
import type { NodeId } from '../../actors/system/index.ts';
import type { FrameHandler } from './topics.ts';

export interface FrameHandlers {
  /** What waited for the first handler is handed over right after this turn, and what comes meanwhile after it. */
  add(handler: FrameHandler): () => void;
  call: FrameHandler;
  clear(): void;
}

const waitingMax = 1_024;
const waitingMaxBytes = 8 << 20;

/** A handler's failure is its own: it goes to `failed`, and the next handler is called. */
export function createFrameHandlers(failed: (error: unknown, from: NodeId) => void): FrameHandlers {
  const handlers = new Set<FrameHandler>();
  let waiting: (readonly [from: NodeId, frame: Uint8Array])[] | undefined = [];
  let waitingBytes = 0;
  let isDue = false;

  const tell: FrameHandler = (from, frame) => {
    for (const handler of handlers) {
      try {
        handler(from, frame);
      } catch (error) {
        failed(error, from);
      }
    }
  };
  const handOver = (): void => {
    // What a handler causes to arrive in between takes its place behind.
    for (const [from, frame] of waiting ?? []) tell(from, frame);
    waiting = undefined;
  };
  return {
    add(handler) {
      handlers.add(handler);
      if (waiting?.length === 0) waiting = undefined;
      else if (waiting !== undefined && !isDue) {
        isDue = true;
        // Not within this call: whoever adds a handler may still be setting up what it needs.
        void Promise.resolve().then(handOver);
      }
      return () => void handlers.delete(handler);
    },
    call(from, frame) {
      if (waiting === undefined) return tell(from, frame);
      if (waiting.length >= waitingMax || waitingBytes + frame.length > waitingMaxBytes) return;
      waitingBytes += frame.length;
      waiting.push([from, frame]);
    },
    clear() {
      handlers.clear();
      waiting = undefined;
    },
  };
}
