// Law: a byte string is its owner's until it is given away, and can be given away once: what was not given is copied where it leaves.
import { type Aside, UnencodableValue } from '../codec/index.ts';
import { nameTag } from './frames.ts';

const given = new WeakSet<Uint8Array>();

/**
 * Gives a byte string away with the message that it is put in. To an actor in another thread it is then moved and not copied, whatever its
 * size, and is empty here from the end of this turn on. To any other actor it makes no difference. A part of a buffer is always copied.
 */
export function give<B extends Uint8Array>(bytes: B): B {
  given.add(bytes);
  return bytes;
}

/** Puts long byte strings into `buffers`, and their place into the frame. */
export function asideInto(buffers: Uint8Array[], fromBytes: number, maxBytes: number): Aside {
  let sizeBytes = 0;
  return (bytes) => {
    if (bytes.length < fromBytes) return undefined;
    sizeBytes += bytes.length;
    if (sizeBytes > maxBytes) throw new UnencodableValue(`a message takes more than ${maxBytes} bytes`);
    buffers.push(ownOf(bytes));
    return { tag: nameTag.buffer, value: buffers.length - 1 };
  };
}

function ownOf(bytes: Uint8Array): Uint8Array {
  const { buffer } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length;
  // Taken out: where it is sent to a second thread too, that one gets a copy.
  return given.delete(bytes) && isWhole ? bytes : new Uint8Array(bytes);
}
