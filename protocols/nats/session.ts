// Law: between two members runs one sealed stream of bytes each way. Records are numbered; the receiver takes them in order and once,
// acknowledges what it took, and what is lost with a server is sent again.
import { createSplitter, type FrameKind, OversizedFrame } from '../network/index.ts';
import { messageKind } from './greeting.ts';
import { ackBytes, giveBack, openRecord, recordNumber, type SessionKeys, sealRecord } from './keys.ts';
import { createOutbound } from './outbound.ts';

const ackEveryBytes = 256 << 10;
const ackAfterMs = 15;
/** One record out of order asks for what is missing; a whole window of them must not ask that often. */
const askAgainMs = 100;

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
  /** False: the buffer is full or the session has ended. `payload` is the caller's again when this returns. */
  put(kind: FrameKind, correlation: number, payload: Uint8Array): boolean;
  /** `isAuthentic` false: forged, damaged, or of an earlier session. A large message's memory is given back: it is empty afterwards. */
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
  let ended = false;
  let proven = false;
  let lastHeardMs = performance.now();
  let nextControl = 0;
  let expected = 0;
  let expectedControl = 0;
  let unackedBytes = 0;
  let ackTimer: NodeJS.Timeout | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const splitter = createSplitter((kind, correlation, payload) => {
    if (!ended) host.onFrame(kind, correlation, payload);
  });

  const acknowledge = (target: Buffer): void => void target.writeBigUInt64BE(BigInt(expected));
  const acknowledged = (): void => {
    unackedBytes = 0;
    clearTimeout(ackTimer);
    ackTimer = undefined;
  };
  const outbound = createOutbound(keys, {
    recordBytes: host.recordBytes,
    isConnected: host.isConnected,
    transmit: (record) => host.transmit(record, false),
    acknowledge,
    onSealed: acknowledged,
  });
  const control = (flag: number, probe = false): void => {
    if (!host.isConnected()) return;
    const said = Buffer.alloc(ackBytes + 1, flag);
    acknowledge(said);
    acknowledged();
    host.transmit(sealRecord(keys.send, messageKind.control, keys.id, nextControl++, [said]), probe);
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
      return outbound.queuedBytes;
    },
    get stillForMs() {
      return outbound.stillForMs;
    },
    put: outbound.put,
    receive(message) {
      const kind = message[0]!;
      const number = recordNumber(message);
      const plain = ended ? undefined : openRecord(keys.receive, message);
      giveBack(message);
      if (plain === undefined || plain.length < ackBytes) return { isAuthentic: false };
      // The server's operator can send a control record again, but not twice make it count.
      if (kind === messageKind.control && number < expectedControl) return { isAuthentic: true };
      if (kind !== messageKind.data || number >= expected) lastHeardMs = performance.now();
      if (!proven) {
        proven = true;
        host.onProven();
      }
      if (outbound.onAck(recordNumberAt(plain))) host.onDrain();
      if (ended) return { isAuthentic: true };
      if (kind === messageKind.data) {
        onData(number, plain);
        return { isAuthentic: true };
      }
      expectedControl = number + 1;
      const flag = plain[ackBytes];
      if (flag === controlFlag.bye) host.onEnd('it closed', false);
      else if (flag === controlFlag.missing) outbound.resend();
      return { isAuthentic: true };
    },
    beat: () => control(controlFlag.none, true),
    tick: outbound.tick,
    resume() {
      lastHeardMs = performance.now();
      control(controlFlag.missing);
      outbound.resend();
      outbound.flush();
    },
    end(goodbye) {
      if (ended) return;
      if (goodbye) control(controlFlag.bye);
      ended = true;
      acknowledged();
      outbound.end();
    },
  };
}

function recordNumberAt(plain: Uint8Array): number {
  return Number(new DataView(plain.buffer, plain.byteOffset, ackBytes).getBigUint64(0));
}
