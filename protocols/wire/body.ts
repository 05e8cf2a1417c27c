// Law: a body is plain data. Maps with text keys, arrays, text, numbers, booleans, null and byte strings travel; records, extension
// types, functions, prototype keys, broken UTF-8 and lengths that the bytes do not back are refused before the decoder sees them.
import { isUtf8 } from 'node:buffer';
import { Packr } from 'msgpackr';
import { MalformedBytes, utf8 } from './bytes.ts';

/** Containers inside containers; the root counts as one. */
export const maxBodyDepth = 48;

const protoKey = '__proto__';

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  moreTypes: false,
  structuredClone: false,
  bundleStrings: false,
  useToJSON: false,
  encodeUndefinedAsNil: true,
  copyBuffers: true,
  int64AsType: 'bigint',
  // Absent and undefined are the same field to a schema, so they are the same bytes; not in the type declarations of 2.1.
  ...{ skipValues: [undefined] },
});

/** Throws MalformedBytes where `value` holds anything but plain data, or takes more than `maxBytes`. */
export function encodeBody(value: unknown, maxBytes: number): Uint8Array {
  assertPlain(value, 0);
  let packed: Uint8Array;
  try {
    packed = packr.pack(value);
  } catch (error) {
    throw new MalformedBytes(`a body is plain data: ${(error as Error).message}`);
  }
  if (packed.length > maxBytes)
    throw new MalformedBytes(`a body of ${packed.length} bytes exceeds its limit of ${maxBytes}`);
  // A copy: what the packer returns is a view of its pool.
  return new Uint8Array(packed);
}

/** msgpackr would turn a Set into an array and a function into null without a word; the author hears of it instead. */
function assertPlain(value: unknown, depth: number): void {
  if (depth > maxBodyDepth) throw new MalformedBytes(`a body is nested deeper than ${maxBodyDepth}`);
  if (typeof value === 'string') {
    if (!value.isWellFormed())
      throw new MalformedBytes('a text in a body is not UTF-8: it holds half a surrogate pair');
    return;
  }
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol')
      throw new MalformedBytes(`a body is plain data, not a ${typeof value}`);
    return;
  }
  if (value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (const item of value) assertPlain(item, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new MalformedBytes(`a body is plain data, not a ${value.constructor?.name ?? 'class instance'}`);
  for (const [key, item] of Object.entries(value)) {
    if (key === protoKey) throw new MalformedBytes(`a key in a body is not ${protoKey}`);
    if (!key.isWellFormed()) throw new MalformedBytes('a key in a body is not UTF-8');
    assertPlain(item, depth + 1);
  }
}

/** Throws MalformedBytes on anything `encodeBody` refuses. Byte strings are copies. */
export function decodeBody(bytes: Uint8Array): unknown {
  checkBody(bytes);
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new MalformedBytes(`a body is msgpack: ${(error as Error).message}`);
  }
}

/** Bytes after the token of nil, booleans, floats and integers. */
const scalarBytes: ReadonlyMap<number, number> = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** One pass over the structure that allocates nothing: a length that the bytes do not back ends where they end. */
function checkBody(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  let at = 0;

  const take = (size: number): number => {
    if (size > end - at) throw new MalformedBytes('a body ends inside a value');
    const start = at;
    at += size;
    return start;
  };
  const text = (size: number): void => {
    const start = take(size);
    let ascii = true;
    for (let i = start; i < at; i++) if (bytes[i]! > 0x7f) ascii = false;
    if (!ascii && !isUtf8(bytes.subarray(start, at))) throw new MalformedBytes('a text in a body is not UTF-8');
  };
  const length = (size: number): number => {
    const from = take(size);
    return size === 1 ? view.getUint8(from) : size === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  const key = (): void => {
    const token = bytes[take(1)]!;
    let size: number;
    if (token >= 0xa0 && token <= 0xbf) size = token - 0xa0;
    else if (token === 0xd9 || token === 0xda || token === 0xdb) size = length(1 << (token - 0xd9));
    else throw new MalformedBytes('a key in a body is text');
    const start = at;
    text(size);
    if (size === protoKey.length && utf8.decode(bytes.subarray(start, at)) === protoKey)
      throw new MalformedBytes(`a key in a body is not ${protoKey}`);
  };
  const map = (size: number, depth: number): void => {
    for (let i = 0; i < size; i++) {
      key();
      value(depth);
    }
  };
  const array = (size: number, depth: number): void => {
    for (let i = 0; i < size; i++) value(depth);
  };
  const value = (depth: number): void => {
    if (depth > maxBodyDepth) throw new MalformedBytes(`a body is nested deeper than ${maxBodyDepth}`);
    const token = bytes[take(1)]!;
    if (token <= 0x7f || token >= 0xe0) return;
    const scalar = scalarBytes.get(token);
    if (token <= 0x8f) map(token - 0x80, depth + 1);
    else if (token <= 0x9f) array(token - 0x90, depth + 1);
    else if (token <= 0xbf) text(token - 0xa0);
    else if (scalar !== undefined) take(scalar);
    else if (token === 0xc4 || token === 0xc5 || token === 0xc6) take(length(1 << (token - 0xc4)));
    else if (token === 0xd9 || token === 0xda || token === 0xdb) text(length(1 << (token - 0xd9)));
    else if (token === 0xdc || token === 0xdd) array(length(token === 0xdc ? 2 : 4), depth + 1);
    else if (token === 0xde || token === 0xdf) map(length(token === 0xde ? 2 : 4), depth + 1);
    else throw new MalformedBytes(`a body holds no msgpack type 0x${token.toString(16)}`);
  };

  value(0);
  if (at !== end) throw new MalformedBytes(`${end - at} bytes follow a body`);
}
