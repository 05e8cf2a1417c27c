// Law: a frame of the engine travels as it is: the votes in it are signed, whoever hands it over. Beside it stand its epoch and how far its
// sender's log goes, which concern nobody but the two at hand.
import { type LogHead, maxFrameBytes } from '../../consensus/index.ts';
import { ByteReader, ByteWriter } from '../../protocols/wire/index.ts';

export const frameType = 'consensus.frame';
export const sealBytes = 32;

/** How far a node's log of votes goes, under a seal that only that node can make and check: see position.ts. */
export interface Position extends LogHead {
  readonly seal: Uint8Array;
}

export interface FrameMessage {
  readonly epoch: number;
  /** Of the sender; absent where it writes none. */
  readonly position: Position | undefined;
  /** What the engine made; part of what was read. */
  readonly frame: Uint8Array;
}

export function encodeFrameMessage({ epoch, position, frame }: FrameMessage): Uint8Array {
  const writer = new ByteWriter().u32(epoch).bool(position !== undefined);
  if (position !== undefined) writer.u64(position.sequence).fixed(position.hash, 32).fixed(position.seal, sealBytes);
  return writer.bytes(frame).finish();
}

/** Throws MalformedBytes. The frame itself is for the engine to read. */
export function decodeFrameMessage(body: Uint8Array): FrameMessage {
  const reader = new ByteReader(body);
  const message = {
    epoch: reader.u32(),
    position: reader.bool()
      ? { sequence: reader.u64(), hash: reader.fixed(32), seal: reader.fixed(sealBytes) }
      : undefined,
    frame: reader.bytesView(maxFrameBytes),
  };
  reader.end();
  return message;
}
