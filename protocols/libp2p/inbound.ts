// Law: what a peer writes is taken apart as it comes, within the peer's share of this node's time; what is no frame ends the stream's use.
import type { Stream } from '@libp2p/interface';
import { createSplitter } from '../network/index.ts';
import { createFairShare } from './fair-share.ts';

/** Until the stream closes. */
export function readFrames(
  stream: Stream,
  host: {
    hasOthers(): boolean;
    onHeard(): void;
    onFrame(kind: number, correlation: number, payload: Uint8Array): void;
    onFlood(): void;
    /** What came is no frame, or longer than a frame may be. */
    onBroken(error: Error): void;
    onClose(): void;
  },
): void {
  const splitter = createSplitter(host.onFrame);
  const share = createFairShare({
    hasOthers: host.hasOthers,
    pause() {
      // Not within the event: see `createReader` in pull.ts.
      queueMicrotask(() => {
        if (stream.readStatus === 'readable') stream.pause();
      });
    },
    resume() {
      if (stream.readStatus === 'paused') stream.resume();
    },
    onFlood: host.onFlood,
  });
  stream.addEventListener('close', () => {
    share.close();
    host.onClose();
  });
  stream.addEventListener('message', (event) => {
    host.onHeard();
    try {
      share.spend(() => {
        const { data } = event;
        if (data instanceof Uint8Array) splitter.push(data);
        else for (const chunk of data) splitter.push(chunk);
      });
    } catch (error) {
      host.onBroken(error as Error);
    }
  });
}
