// Law: frames become numbered, sealed records, kept until the peer acknowledges them. While 2 MiB are unacknowledged nothing more is
// handed to the server, and once 8 MiB wait here, frames are refused: a slow peer costs its sender, never the server.
import { encodedBytes, encodeHeadInto, encodeInto, type FrameKind, maxOutboundBytes } from '../network/index.ts';
import { messageKind } from './greeting.ts';
import { ackBytes, recordOverheadBytes, type SessionKeys, sealRecord } from './keys.ts';

const windowBytes = 2 << 20;
/** With nothing acknowledged for this long, what is unacknowledged is sent again; doubles up to the larger. */
const resendAfterMs = 1_000;
const resendAfterMaxMs = 8_000;
/** From here on a frame is sealed where it lies, in the call that sends it: copying it to wait for company costs more than it saves. */
const largeBytes = 32 << 10;
/** Memory of acknowledged records that is written again. */
const spareRecordsMax = 8;

export interface OutboundHost {
  /** The most that a record may carry, in bytes. */
  readonly recordBytes: number;
  /** False while there is no server: nothing is handed over, everything is kept. */
  isConnected(): boolean;
  transmit(record: Uint8Array): void;
  /** Writes what every record begins with: what this end has taken so far. */
  acknowledge(target: Buffer): void;
  /** A record went out, and the acknowledgement with it. */
  onSealed(): void;
}

export interface Outbound {
  readonly queuedBytes: number;
  /** How long the peer has acknowledged nothing of what it has to, in ms. */
  readonly stillForMs: number;
  /** False: the buffer is full. `payload` is the caller's again when this returns. */
  put(kind: FrameKind, correlation: number, payload: Uint8Array): boolean;
  /** The peer took every record below `number`. True where that was news. */
  onAck(number: number): boolean;
  flush(): void;
  resend(): void;
  /** Sends again what nobody acknowledged in time. */
  tick(nowMs: number): void;
  end(): void;
}

export function createOutbound(keys: SessionKeys, host: OutboundHost): Outbound {
  const pieceBytes = host.recordBytes - ackBytes;
  let ended = false;
  // Small frames are written into slabs, slabs are cut into records.
  let slab = Buffer.allocUnsafeSlow(pieceBytes);
  let start = 0;
  let fill = 0;
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let scheduled = false;
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  /** Number of the first record in `kept`. */
  let keptFrom = 0;
  let nextNumber = 0;
  /** Below it a record was handed over more than once: a second copy may lie in the client still when the first is acknowledged. */
  let resentBelow = 0;
  const spare: ArrayBuffer[] = [];
  let lastProgressMs = performance.now();
  let resendWaitMs = resendAfterMs;

  const memoryFor = (sizeBytes: number): Uint8Array => {
    if (sizeBytes < largeBytes) return Buffer.allocUnsafe(sizeBytes);
    const memory = spare.pop() ?? Buffer.allocUnsafeSlow(host.recordBytes + recordOverheadBytes).buffer;
    return new Uint8Array(memory, 0, sizeBytes);
  };
  /** The first of the pieces begins with room for the acknowledgement. */
  const sealAndSend = (pieces: readonly [Buffer, ...Uint8Array[]]): void => {
    host.acknowledge(pieces[0]);
    const record = sealRecord(keys.send, messageKind.data, keys.id, nextNumber++, pieces, memoryFor);
    kept.push(record);
    keptBytes += record.length;
    host.onSealed();
    host.transmit(record);
  };

  const carve = (): void => {
    if (fill > start) queue.push(slab.subarray(start, fill));
    start = fill;
  };
  /** Takes up to one record's worth off the queue; cuts only what no record holds whole, since what was cut is copied where it arrives. */
  const takePieces = (): Uint8Array[] => {
    const pieces: Uint8Array[] = [];
    let room = pieceBytes;
    let taken = 0;
    while (taken < queue.length && room > 0) {
      const piece = queue[taken]!;
      if (piece.length <= room) {
        pieces.push(piece);
        room -= piece.length;
        taken++;
      } else {
        if (taken > 0 && piece.length <= pieceBytes) break;
        pieces.push(piece.subarray(0, room));
        queue[taken] = piece.subarray(room);
        room = 0;
      }
    }
    queue = queue.slice(taken);
    for (const piece of pieces) queuedBytes -= piece.length;
    return pieces;
  };
  const canSend = (): boolean => !ended && host.isConnected() && keptBytes < windowBytes;
  const flush = (): void => {
    scheduled = false;
    if (ended || !host.isConnected()) return;
    carve();
    if (kept.length === 0) {
      lastProgressMs = performance.now();
      resendWaitMs = resendAfterMs;
    }
    while (queue.length > 0 && canSend()) sealAndSend([Buffer.allocUnsafe(ackBytes), ...takePieces()]);
    // Sealing has copied all of it: the slab is written anew, which spares the machine fresh pages for every record.
    if (queue.length === 0) start = fill = 0;
  };
  const resend = (): void => {
    lastProgressMs = performance.now();
    if (ended || !host.isConnected()) return;
    resentBelow = nextNumber;
    for (const record of kept) host.transmit(record);
  };

  return {
    get queuedBytes() {
      return queuedBytes;
    },
    get stillForMs() {
      return kept.length === 0 ? 0 : performance.now() - lastProgressMs;
    },
    put(kind, correlation, payload) {
      const size = encodedBytes(kind, payload);
      if (ended || (queuedBytes > 0 && queuedBytes + size > maxOutboundBytes)) return false;
      if (size >= largeBytes && size <= pieceBytes) {
        flush();
        if (queue.length === 0 && canSend()) {
          const head = Buffer.allocUnsafe(ackBytes + size - payload.length);
          encodeHeadInto(head, ackBytes, kind, correlation, payload.length);
          sealAndSend([head, payload]);
          return true;
        }
      }
      if (size >= largeBytes) {
        carve();
        const own = Buffer.allocUnsafeSlow(size);
        encodeInto(own, 0, kind, correlation, payload);
        queue.push(own);
      } else {
        if (fill + size > slab.length) {
          carve();
          slab = Buffer.allocUnsafeSlow(pieceBytes);
          start = 0;
          fill = 0;
        }
        encodeInto(slab, fill, kind, correlation, payload);
        fill += size;
      }
      queuedBytes += size;
      if (!scheduled) {
        scheduled = true;
        // Runs after the pending promises: replies that are ready in this turn share the record.
        process.nextTick(flush);
      }
      return true;
    },
    onAck(number) {
      if (number <= keptFrom || number > nextNumber) return false;
      const count = number - keptFrom;
      for (const record of kept.slice(0, count)) {
        keptBytes -= record.length;
        const isOnlyHere = keptFrom++ >= resentBelow;
        if (isOnlyHere && record.length >= largeBytes && spare.length < spareRecordsMax)
          spare.push(record.buffer as ArrayBuffer);
      }
      kept = kept.slice(count);
      lastProgressMs = performance.now();
      resendWaitMs = resendAfterMs;
      flush();
      return true;
    },
    flush,
    resend,
    tick(nowMs) {
      if (ended || kept.length === 0 || !host.isConnected() || nowMs - lastProgressMs < resendWaitMs) return;
      resendWaitMs = Math.min(resendWaitMs * 2, resendAfterMaxMs);
      resend();
    },
    end() {
      ended = true;
      queue = [];
      kept = [];
      spare.length = 0;
      queuedBytes = keptBytes = 0;
    },
  };
}
