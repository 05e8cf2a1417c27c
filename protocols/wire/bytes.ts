// Law: one value has exactly one encoding. Whatever is signed or hashed is written with this writer, big-endian, every variable
// part behind its length, and read back with a reader that refuses anything the writer would not have produced.

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = {
  encode: (text: string): Uint8Array => utf8Encoder.encode(text),
  /** Throws TypeError where the bytes are not UTF-8. */
  decode: (bytes: Uint8Array): string => utf8Decoder.decode(bytes),
};

const hexScratch = Buffer.alloc(64);

export const hex = {
  encode(bytes: Uint8Array): string {
    // A short array has no buffer until somebody asks for it, and making one costs more than all the rest.
    if (bytes.length > hexScratch.length)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
    hexScratch.set(bytes);
    return hexScratch.toString('hex', 0, bytes.length);
  },
  /** Lower-case hex of even length only; anything else throws MalformedBytes. */
  decode(text: string): Uint8Array {
    if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new MalformedBytes('not lower-case hexadecimal');
    return new Uint8Array(Buffer.from(text, 'hex'));
  },
};

/** Bytewise order: negative, zero or positive as a sorts before, equals or sorts after b. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Total order of strings by UTF-16 code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** What a writer writes into. Arrays are costly to make, and more so to grow, so a finished writer leaves its own to the next. */
interface Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly buffer: Buffer;
}

const scratchBytes = 4096;
/** Larger ones are left to the collector. */
const scratchKeptBytes = 256 * 1024;
const scratchesMax = 8;
const scratches: Scratch[] = [];

function scratchOf(sizeBytes: number): Scratch {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer), buffer: Buffer.from(bytes.buffer) };
}

/** Appends fixed-layout fields; `domain` goes first, so that bytes signed for one purpose never verify for another. */
export class ByteWriter {
  #scratch = scratches.pop() ?? scratchOf(scratchBytes);
  #length = 0;

  constructor(domain?: string) {
    if (domain !== undefined) this.text(domain);
  }

  /** Call before touching `#scratch`: growing replaces it. */
  #reserve(size: number): number {
    const at = this.#length;
    const { bytes } = this.#scratch;
    if (at + size > bytes.length) {
      const grown = scratchOf(Math.max(bytes.length * 2, at + size));
      grown.bytes.set(bytes);
      this.#scratch = grown;
    }
    this.#length = at + size;
    return at;
  }

  u8(value: number): this {
    assertRange(value, 0xff);
    const at = this.#reserve(1);
    this.#scratch.bytes[at] = value;
    return this;
  }
  u16(value: number): this {
    assertRange(value, 0xffff);
    const at = this.#reserve(2);
    this.#scratch.view.setUint16(at, value);
    return this;
  }
  u32(value: number): this {
    assertRange(value, 0xffffffff);
    const at = this.#reserve(4);
    this.#scratch.view.setUint32(at, value);
    return this;
  }
  /** A safe integer, 0 ≤ value ≤ 2^53 − 1. */
  u64(value: number): this {
    assertRange(value, Number.MAX_SAFE_INTEGER);
    const at = this.#reserve(8);
    this.#scratch.view.setBigUint64(at, BigInt(value));
    return this;
  }
  /** A signed 32-bit integer. */
  i32(value: number): this {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff)
      throw new RangeError(`${value} is not a 32-bit integer`);
    const at = this.#reserve(4);
    this.#scratch.view.setInt32(at, value);
    return this;
  }
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }
  /** Exactly `length` bytes, without a length in front. */
  fixed(value: Uint8Array, length: number): this {
    if (value.length !== length) throw new RangeError(`expected ${length} bytes, got ${value.length}`);
    const at = this.#reserve(length);
    this.#scratch.bytes.set(value, at);
    return this;
  }
  /** The 32 bytes that 64 hexadecimal digits spell. */
  hash(text: string): this {
    const at = this.#reserve(32);
    if (text.length !== 64 || this.#scratch.buffer.write(text, at, 32, 'hex') !== 32)
      throw new MalformedBytes('a hash is written from 64 hexadecimal digits');
    return this;
  }
  bytes(value: Uint8Array): this {
    this.u32(value.length);
    const at = this.#reserve(value.length);
    this.#scratch.bytes.set(value, at);
    return this;
  }
  text(value: string): this {
    const lengthAt = this.#reserve(4);
    // A UTF-16 code unit takes at most three bytes.
    const at = this.#reserve(value.length * 3);
    const length = this.#scratch.buffer.write(value, at, 'utf8');
    this.#scratch.view.setUint32(lengthAt, length);
    this.#length = at + length;
    return this;
  }
  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }
  /** What was written. The writer is empty afterwards. */
  finish(): Uint8Array {
    return this.finishInto((bytes) => bytes.slice());
  }
  /** What `use` makes of what was written: it sees the bytes without a copy, and must not keep them. The writer is empty afterwards. */
  finishInto<T>(use: (bytes: Uint8Array) => T): T {
    const made = use(this.#scratch.bytes.subarray(0, this.#length));
    const { length } = this.#scratch.bytes;
    if (length >= scratchBytes && length <= scratchKeptBytes && scratches.length < scratchesMax)
      scratches.push(this.#scratch);
    this.#scratch = nothing;
    this.#length = 0;
    return made;
  }
}

const nothing = scratchOf(0);

function assertRange(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} is not an integer in [0, ${max}]`);
}

/** Reads what ByteWriter wrote; throws MalformedBytes on anything else. Call `end()` last: trailing bytes are refused. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array, domain?: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (domain !== undefined && this.text(256) !== domain) throw new MalformedBytes(`not a ${domain}`);
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at)
      throw new MalformedBytes(`ends after ${this.#bytes.length} bytes, ${at + size} needed`);
    this.#at = at + size;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedBytes(`${value} exceeds 2^53 - 1`);
    return Number(value);
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }
  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new MalformedBytes(`${value} is not a boolean`);
    return value === 1;
  }
  /** A copy, so that a retained field does not pin the whole message. */
  fixed(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }
  /** 32 bytes as 64 lower-case hexadecimal digits. */
  hash(): string {
    const at = this.#take(32);
    return this.#buffer.toString('hex', at, at + 32);
  }
  bytes(maxBytes: number): Uint8Array {
    return this.fixed(this.#length(maxBytes));
  }
  /** As `bytes`, without the copy: for what is dropped or copied soon, or kept together with the whole message. */
  bytesView(maxBytes: number): Uint8Array {
    const at = this.#take(this.#length(maxBytes));
    return this.#bytes.subarray(at, this.#at);
  }
  text(maxBytes: number): string {
    const at = this.#take(this.#length(maxBytes));
    try {
      return utf8.decode(this.#bytes.subarray(at, this.#at));
    } catch {
      throw new MalformedBytes('a text field is not UTF-8');
    }
  }
  #length(maxBytes: number): number {
    const length = this.u32();
    if (length > maxBytes) throw new MalformedBytes(`a field of ${length} bytes exceeds its limit of ${maxBytes}`);
    return length;
  }
  list<T>(maxItems: number, read: (reader: this) => T): T[] {
    const length = this.u32();
    if (length > maxItems) throw new MalformedBytes(`a list of ${length} items exceeds its limit of ${maxItems}`);
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(read(this));
    return items;
  }
  end(): void {
    if (this.#at !== this.#bytes.length) throw new MalformedBytes(`${this.#bytes.length - this.#at} bytes too many`);
  }
}
