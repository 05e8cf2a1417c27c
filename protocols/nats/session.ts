// Law: between two members runs one sealed stream of bytes each way. Records are numbered; the receiver takes them in order and once,
// acknowledges what it took, and what is lost with a server is sent again. While 2 MiB are unacknowledged nothing more is handed to the
// server, and once 8 MiB wait here, sending is refused: a slow peer costs its sender, never the server.

import {
  createSplitter,
  encodedBytes,
  encodeInto,
  type FrameKind,
  maxOutboundBytes,
  OversizedFrame,
} from '../network/index.ts';
import { messageKind } from './greeting.ts';
import { openRecord, recordNumber, type SessionKeys, sealRecord } from './keys.ts';

const windowBytes = 2 << 20;
const ackEveryBytes = 256 << 10;
const ackAfterMs = 15;
/** With nothing acknowledged for this long, what is unacknowledged is sent again; doubles up to the larger. */
const resendAfterMs = 1_000;
const resendAfterMaxMs = 8_000;
/** One record out of order asks for what is missing; a whole window of them must not ask that often. */
const askAgainMs = 100;
const ackBytes = 8;

const controlFlag = { none: 0, missing: 1, bye: 2 } as const;

export interface SessionHost {
  /** The most that a record may carry, in bytes. */
  readonly recordBytes: number;
  /** False while there is no server: nothing is handed over, everything is kept. */
  isConnected(): boolean;
  /** `probe`: the server is to say so where nobody listens for this peer. */
  transmit(message: Uint8Array, probe: boolean): void;
  /** The first authentic record: the peer holds the key. */
  onProven(): void;
  onFrame(kind: number, correlation: number, payload: Uint8Array): void;
  onDrain(): void;
  /** The peer said goodbye, or broke the protocol. */
  onEnd(why: string, isViolation: boolean): void;
}

export interface Session {
  readonly keys: SessionKeys;
  readonly isProven: boolean;
  readonly lastHeardMs: number;
  readonly queuedBytes: number;
  /** How long the peer has acknowledged nothing of what it has to, in ms. */
  readonly stillForMs: number;
  /** False: the buffer is full or the session has ended. `payload` is copied. */
  put(kind: FrameKind, correlation: number, payload: Uint8Array): boolean;
  /** `isAuthentic` false: forged, damaged, or of an earlier session. */
  receive(message: Uint8Array): { readonly isAuthentic: boolean };
  beat(): void;
  /** Sends again what nobody acknowledged in time. */
  tick(nowMs: number): void;
  /** The server came back: what was on its way may be lost, in both directions. */
  resume(): void;
  /** Without a word to the peer where `goodbye` is false. */
  end(goodbye: boolean): void;
}

export function createSession(keys: SessionKeys, host: SessionHost): Session {
  const pieceBytes = host.recordBytes - ackBytes;
  let ended = false;
  let proven = false;
  let lastHeardMs = performance.now();

  // Outbound: frames are written into slabs, slabs are cut into records, records are kept until they are acknowledged.
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
  let nextControl = 0;
  let lastProgressMs = performance.now();
  let resendWaitMs = resendAfterMs;

  // Inbound.
  let expected = 0;
  let expectedControl = 0;
  let unackedBytes = 0;
  let ackTimer: NodeJS.Timeout | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const splitter = createSplitter((kind, correlation, payload) => {
    if (!ended) host.onFrame(kind, correlation, payload);
  });

  const ackPiece = (): Uint8Array => {
    const piece = Buffer.alloc(ackBytes);
    piece.writeBigUInt64BE(BigInt(expected));
    return piece;
  };
  const acknowledged = (): void => {
    unackedBytes = 0;
    clearTimeout(ackTimer);
    ackTimer = undefined;
  };
  const control = (flag: number, probe = false): void => {
    if (!host.isConnected()) return;
    acknowledged();
    host.transmit(
      sealRecord(keys.send, messageKind.control, keys.id, nextControl++, [ackPiece(), Uint8Array.of(flag)]),
      probe,
    );
  };

  const carve = (): void => {
    if (fill > start) queue.push(slab.subarray(start, fill));
    start = fill;
  };
  /** Takes up to one record's worth off the queue. */
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
        pieces.push(piece.subarray(0, room));
        queue[taken] = piece.subarray(room);
        room = 0;
      }
    }
    queue = queue.slice(taken);
    queuedBytes -= pieceBytes - room;
    return pieces;
  };
  const flush = (): void => {
    scheduled = false;
    if (ended || !host.isConnected()) return;
    carve();
    if (kept.length === 0) {
      lastProgressMs = performance.now();
      resendWaitMs = resendAfterMs;
    }
    while (queue.length > 0 && keptBytes < windowBytes) {
      const record = sealRecord(keys.send, messageKind.data, keys.id, nextNumber++, [ackPiece(), ...takePieces()]);
      kept.push(record);
      keptBytes += record.length;
      acknowledged();
      host.transmit(record, false);
    }
    // Sealing has copied all of it: the slab is written anew, which spares the machine fresh pages for every record.
    if (queue.length === 0) start = fill = 0;
  };
  const resend = (): void => {
    lastProgressMs = performance.now();
    if (ended || !host.isConnected()) return;
    for (const record of kept) host.transmit(record, false);
  };
  const onAck = (number: number): void => {
    if (number <= keptFrom || number > nextNumber) return;
    const count = number - keptFrom;
    for (const record of kept.slice(0, count)) keptBytes -= record.length;
    kept = kept.slice(count);
    keptFrom = number;
    lastProgressMs = performance.now();
    resendWaitMs = resendAfterMs;
    flush();
    host.onDrain();
  };

  const end = (goodbye: boolean): void => {
    if (ended) return;
    if (goodbye) control(controlFlag.bye);
    ended = true;
    acknowledged();
    queue = [];
    kept = [];
    queuedBytes = keptBytes = 0;
  };

  const onData = (number: number, plain: Uint8Array): void => {
    if (number < expected) {
      // Sent again because our word did not arrive: say it again.
      ackTimer ??= setTimeout(() => control(controlFlag.none), ackAfterMs);
      return;
    }
    if (number > expected) {
      const now = performance.now();
      if (now - askedAtMs < askAgainMs) return;
      askedAtMs = now;
      control(controlFlag.missing);
      return;
    }
    expected++;
    unackedBytes += plain.length;
    try {
      splitter.push(plain.subarray(ackBytes));
    } catch (error) {
      if (!(error instanceof OversizedFrame)) throw error;
      host.onEnd(error.message, true);
      return;
    }
    if (ended || unackedBytes === 0) return;
    if (unackedBytes >= ackEveryBytes) control(controlFlag.none);
    else ackTimer ??= setTimeout(() => control(controlFlag.none), ackAfterMs);
  };

  return {
    keys,
    get isProven() {
      return proven;
    },
    get lastHeardMs() {
      return lastHeardMs;
    },
    get queuedBytes() {
      return queuedBytes;
    },
    get stillForMs() {
      return kept.length === 0 ? 0 : performance.now() - lastProgressMs;
    },
    put(kind, correlation, payload) {
      const size = encodedBytes(kind, payload);
      if (ended || (queuedBytes > 0 && queuedBytes + size > maxOutboundBytes)) return false;
      if (size > pieceBytes) {
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
    receive(message) {
      const kind = message[0]!;
      const number = recordNumber(message);
      const plain = ended ? undefined : openRecord(keys.receive, message);
      if (plain === undefined || plain.length < ackBytes) return { isAuthentic: false };
      // The server's operator can send a control record again, but not twice make it count.
      if (kind === messageKind.control && number < expectedControl) return { isAuthentic: true };
      if (kind !== messageKind.data || number >= expected) lastHeardMs = performance.now();
      if (!proven) {
        proven = true;
        host.onProven();
      }
      onAck(recordNumberAt(plain));
      if (ended) return { isAuthentic: true };
      if (kind === messageKind.data) {
        onData(number, plain);
        return { isAuthentic: true };
      }
      expectedControl = number + 1;
      const flag = plain[ackBytes];
      if (flag === controlFlag.bye) host.onEnd('it closed', false);
      else if (flag === controlFlag.missing) resend();
      return { isAuthentic: true };
    },
    beat: () => control(controlFlag.none, true),
    tick(nowMs) {
      if (ended || kept.length === 0 || !host.isConnected() || nowMs - lastProgressMs < resendWaitMs) return;
      resendWaitMs = Math.min(resendWaitMs * 2, resendAfterMaxMs);
      resend();
    },
    resume() {
      lastHeardMs = performance.now();
      control(controlFlag.missing);
      resend();
      flush();
    },
    end,
  };
}

function recordNumberAt(plain: Uint8Array): number {
  return Number(new DataView(plain.buffer, plain.byteOffset, ackBytes).getBigUint64(0));
}
