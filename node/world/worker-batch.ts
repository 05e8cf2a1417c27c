// Law: what one turn sends to a thread is one message: per frame its length and how many buffers go with it, small frames in one buffer,
// large ones and those buffers each as they are. Every buffer of a message is moved; none is shared with its sender.

export interface Parcel {
  readonly frame: Uint8Array;
  /** Byte strings that did not go through the frame. */
  readonly buffers: readonly Uint8Array[];
}

export interface Batch {
  readonly kind: 'frames';
  /** Per parcel: length of its frame, or `moved` where that is the next of `large`; how many of `large` follow as its buffers; its bytes. */
  readonly packed: Uint8Array;
  readonly large: readonly Uint8Array[];
}

/** Smaller ones are packed together: moving a buffer costs about as much as copying this. */
export const fromBytes: number = 16 << 10;
const headBytes = 8;
const moved = 0xffff_ffff;

export function sizeOf({ frame, buffers }: Parcel): number {
  return buffers.reduce((sum, { length }) => sum + length, frame.length);
}

/** `buffers`: what the message must move. */
export function pack(parcels: readonly Parcel[]): { readonly batch: Batch; readonly buffers: readonly ArrayBuffer[] } {
  const isLarge = (frame: Uint8Array): boolean => frame.length > fromBytes;
  const size = parcels.reduce((sum, { frame }) => sum + headBytes + (isLarge(frame) ? 0 : frame.length), 0);
  const packed = new Uint8Array(size);
  const view = new DataView(packed.buffer);
  const large: Uint8Array[] = [];
  let at = 0;
  for (const { frame, buffers } of parcels) {
    view.setUint32(at, isLarge(frame) ? moved : frame.length);
    view.setUint32(at + 4, buffers.length);
    at += headBytes;
    if (isLarge(frame)) large.push(whole(frame));
    else {
      packed.set(frame, at);
      at += frame.length;
    }
    large.push(...buffers.map(whole));
  }
  return {
    batch: { kind: 'frames', packed, large },
    buffers: [packed, ...large].map(({ buffer }) => buffer as ArrayBuffer),
  };
}

/** Only a whole buffer can be moved without taking its neighbours along. */
function whole(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

export function* unpack({ packed, large }: Batch): Generator<Parcel> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  let nextLarge = 0;
  for (let at = 0; at < packed.length; ) {
    const length = view.getUint32(at);
    const count = view.getUint32(at + 4);
    at += headBytes;
    const frame = length === moved ? large[nextLarge++]! : packed.subarray(at, at + length);
    if (length !== moved) at += length;
    const buffers = large.slice(nextLarge, nextLarge + count);
    nextLarge += count;
    yield { frame, buffers };
  }
}
