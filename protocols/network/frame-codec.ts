// Law: on a frame stream everything is `length (4, big-endian) | kind (1) | payload`, and a length beyond the limit is refused before
// anything is allocated for it. Requests, replies and refusals begin their payload with a correlation number (4).
import { maxFrameBytes, maxTopicBytes } from './limits.ts';

export const frameKind = {
  /** First on a stream: the version this end speaks. */
  hello: 0,
  /** The other end's hello was read: its stream works. */
  ack: 1,
  frame: 2,
  request: 3,
  reply: 4,
  refused: 5,
  beat: 6,
  addresses: 7,
  /** A publication, where the transport has no gossip of its own. */
  publication: 8,
  /** Of a pull, where the transport has no streams of its own. */
  pull: 9,
} as const;
export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

/** 2: frames of votes travel without an envelope, which version 1 does not read. */
export const frameVersion = 2;
const lengthBytes = 4;
const correlationBytes = 4;
/** A frame, and before it a correlation number or a topic behind its length. */
const maxPieceBytes = 1 + Math.max(correlationBytes, 2 + maxTopicBytes) + maxFrameBytes;

function hasCorrelation(kind: number): boolean {
  return kind === frameKind.request || kind === frameKind.reply || kind === frameKind.refused;
}

export function encodedBytes(kind: FrameKind, payload: Uint8Array): number {
  return lengthBytes + 1 + (hasCorrelation(kind) ? correlationBytes : 0) + payload.length;
}

/** Writes one frame into `target` at `at`; `encodedBytes` says how much room it takes. */
export function encodeInto(
  target: Uint8Array,
  at: number,
  kind: FrameKind,
  correlation: number,
  payload: Uint8Array,
): void {
  target.set(payload, at + encodeHeadInto(target, at, kind, correlation, payload.length));
}

/** What stands before the payload of a frame. Returns its size in bytes. */
export function encodeHeadInto(
  target: Uint8Array,
  at: number,
  kind: FrameKind,
  correlation: number,
  payloadBytes: number,
): number {
  const headBytes = lengthBytes + 1 + (hasCorrelation(kind) ? correlationBytes : 0);
  writeU32(target, at, headBytes - lengthBytes + payloadBytes);
  target[at + lengthBytes] = kind;
  if (hasCorrelation(kind)) writeU32(target, at + lengthBytes + 1, correlation);
  return headBytes;
}

export class OversizedFrame extends Error {
  override readonly name = 'OversizedFrame';
}

/** Takes chunks as they come and hands over whole frames: views where a chunk holds the whole frame. Throws OversizedFrame. */
export function createSplitter(onFrame: (kind: number, correlation: number, payload: Uint8Array) => void): {
  push(chunk: Uint8Array): void;
} {
  const header = new Uint8Array(lengthBytes);
  let headerBytes = 0;
  let piece: Uint8Array | undefined;
  let pieceBytes = 0;

  const emit = (whole: Uint8Array): void => {
    const kind = whole[0]!;
    if (!hasCorrelation(kind)) onFrame(kind, 0, whole.subarray(1));
    else if (whole.length < 1 + correlationBytes)
      throw new OversizedFrame('a frame is shorter than its correlation number');
    else onFrame(kind, readU32(whole, 1), whole.subarray(1 + correlationBytes));
  };
  const sizeOf = (bytes: Uint8Array, at: number): number => {
    const size = readU32(bytes, at);
    if (size < 1 || size > maxPieceBytes)
      throw new OversizedFrame(`a frame of ${size} bytes is not in 1…${maxPieceBytes}`);
    return size;
  };

  return {
    push(input) {
      // Plain, because slicing a Buffer aliases it where slicing a Uint8Array copies.
      const chunk =
        input.constructor === Uint8Array ? input : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
      let at = 0;
      while (at < chunk.length) {
        if (piece !== undefined) {
          const taken = Math.min(piece.length - pieceBytes, chunk.length - at);
          piece.set(chunk.subarray(at, at + taken), pieceBytes);
          pieceBytes += taken;
          at += taken;
          if (pieceBytes < piece.length) return;
          const whole = piece;
          piece = undefined;
          emit(whole);
        } else if (headerBytes > 0 || chunk.length - at < lengthBytes) {
          const taken = Math.min(lengthBytes - headerBytes, chunk.length - at);
          header.set(chunk.subarray(at, at + taken), headerBytes);
          headerBytes += taken;
          at += taken;
          if (headerBytes < lengthBytes) return;
          headerBytes = 0;
          piece = new Uint8Array(sizeOf(header, 0));
          pieceBytes = 0;
        } else {
          const size = sizeOf(chunk, at);
          at += lengthBytes;
          if (chunk.length - at >= size) {
            emit(chunk.subarray(at, at + size));
            at += size;
          } else {
            piece = new Uint8Array(size);
            pieceBytes = 0;
          }
        }
      }
    },
  };
}

export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
