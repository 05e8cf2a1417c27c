// Law: what is sent to a peer within one turn of the event loop leaves as one write of at most 64 KiB, in order; while the stream is full
// nothing is handed to it, and once 8 MiB wait here, sending is refused. Coalescing is worth a factor of four in messages per second.
import type { Stream } from '@libp2p/interface';
import { encodedBytes, encodeInto, type FrameKind, maxOutboundBytes } from '../network/index.ts';

const writeBytes = 64 << 10;

export interface Outbox {
  /** False: the buffer is full or the stream has ended. `payload` is copied. */
  put(kind: FrameKind, correlation: number, payload: Uint8Array): boolean;
  /** Since when the stream has taken nothing although something waits, on the monotonic clock; undefined while it takes what comes. */
  readonly blockedSinceMs: number | undefined;
  close(): void;
}

export function createOutbox(stream: Stream): Outbox {
  /** Writes are carved off one slab after the other: one copy per frame, no allocation per write. */
  let slab = Buffer.allocUnsafeSlow(writeBytes);
  let start = 0;
  let end = 0;
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let scheduled = false;
  let closed = false;
  let blockedSinceMs: number | undefined;

  const carve = (): void => {
    if (end > start) queue.push(slab.subarray(start, end));
    start = end;
  };
  const flush = (): void => {
    scheduled = false;
    if (closed || blockedSinceMs !== undefined) return;
    carve();
    let sent = 0;
    try {
      while (sent < queue.length) {
        const piece = queue[sent++]!;
        queuedBytes -= piece.length;
        if (!stream.send(piece)) {
          blockedSinceMs = performance.now();
          break;
        }
      }
    } catch {
      // The stream has ended; its close event tells the link.
      close();
      return;
    }
    queue = queue.slice(sent);
  };
  const onDrain = (): void => {
    // The stream first sends on what it holds itself, in a microtask queued before this one, and may be full again after it: every
    // connection-wide drain event would otherwise push one more write into it.
    queueMicrotask(() => {
      if (closed || stream.writableNeedsDrain) return;
      blockedSinceMs = undefined;
      flush();
    });
  };
  const close = (): void => {
    closed = true;
    queue = [];
    queuedBytes = 0;
    stream.removeEventListener('drain', onDrain);
  };
  stream.addEventListener('drain', onDrain);

  return {
    put(kind, correlation, payload) {
      const size = encodedBytes(kind, payload);
      if (closed || (queuedBytes > 0 && queuedBytes + size > maxOutboundBytes)) return false;
      if (size > writeBytes) {
        carve();
        const own = Buffer.allocUnsafeSlow(size);
        encodeInto(own, 0, kind, correlation, payload);
        queue.push(own);
      } else {
        if (end + size > slab.length) {
          carve();
          slab = Buffer.allocUnsafeSlow(writeBytes);
          start = 0;
          end = 0;
        }
        encodeInto(slab, end, kind, correlation, payload);
        end += size;
      }
      queuedBytes += size;
      if (!scheduled && blockedSinceMs === undefined) {
        scheduled = true;
        // Runs after the pending promises: replies that are ready in this turn share the write.
        process.nextTick(flush);
      }
      return true;
    },
    get blockedSinceMs() {
      return blockedSinceMs;
    },
    close,
  };
}
