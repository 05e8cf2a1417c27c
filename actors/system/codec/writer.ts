// Law: one value has one encoding: integers take the shortest form, fields keep the order of the object, fields that are undefined are absent.
import { type Aside, type Lower, maxDepth, maxValueBytes, UnencodableValue, undefinedTag } from './values.ts';

const startBytes = 4096;
/** Shorter text is tried as ASCII first: most keys and ids are. */
const shortText = 64;
const utf8 = new TextEncoder();

class Writer {
  private bytes = new Uint8Array(startBytes);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  private maxBytes = maxValueBytes;
  private lower: Lower | undefined = undefined;
  private aside: Aside | undefined = undefined;

  encode(value: unknown, lower: Lower | undefined, maxBytes: number, aside: Aside | undefined): Uint8Array {
    this.at = 0;
    this.lower = lower;
    this.aside = aside;
    this.maxBytes = maxBytes;
    this.write(value, 0);
    const encoded = this.bytes.slice(0, this.at);
    if (this.bytes.length > 16 * startBytes) {
      this.bytes = new Uint8Array(startBytes);
      this.view = new DataView(this.bytes.buffer);
    }
    return encoded;
  }

  private reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.maxBytes + 64) throw new UnencodableValue(`a value takes more than ${this.maxBytes} bytes`);
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  private write(value: unknown, depth: number): void {
    this.reserve(16);
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.bytes[this.at++] = value ? 0xc3 : 0xc2;
    else if (value === null) this.bytes[this.at++] = 0xc0;
    else if (typeof value === 'object') this.object(value, depth);
    else if (value === undefined) this.undefined();
    else if (typeof value === 'bigint') this.bigint(value);
    else throw new UnencodableValue(`a ${typeof value} is not plain data`);
  }

  private undefined(): void {
    this.bytes[this.at++] = 0xc7;
    this.bytes[this.at++] = 0;
    this.bytes[this.at++] = undefinedTag;
  }

  private number(value: number): void {
    const { bytes, view } = this;
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff || Object.is(value, -0)) {
      bytes[this.at] = 0xcb;
      view.setFloat64(this.at + 1, value);
      this.at += 9;
    } else if (value >= 0) {
      if (value < 0x80) bytes[this.at++] = value;
      else if (value < 0x100) {
        bytes[this.at++] = 0xcc;
        bytes[this.at++] = value;
      } else if (value < 0x1_0000) this.sized16(0xcd, value);
      else this.sized32(0xce, value);
    } else if (value >= -32) bytes[this.at++] = value + 0x100;
    else if (value >= -0x80) {
      bytes[this.at++] = 0xd0;
      bytes[this.at++] = value + 0x100;
    } else if (value >= -0x8000) this.sized16(0xd1, value & 0xffff);
    else this.sized32(0xd2, value >>> 0);
  }

  private sized16(token: number, value: number): void {
    this.bytes[this.at++] = token;
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value & 0xff;
  }

  private sized32(token: number, value: number): void {
    this.bytes[this.at] = token;
    this.view.setUint32(this.at + 1, value);
    this.at += 5;
  }

  private bigint(value: bigint): void {
    if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn)
      throw new UnencodableValue(`the bigint ${value} takes more than 64 bits`);
    this.bytes[this.at] = value < 0n ? 0xd3 : 0xcf;
    this.view.setBigUint64(this.at + 1, BigInt.asUintN(64, value));
    this.at += 9;
  }

  private text(value: string): void {
    const { length } = value;
    if (length < shortText) {
      this.reserve(length + 2);
      const start = this.at;
      if (length < 32) this.bytes[this.at++] = 0xa0 | length;
      else {
        this.bytes[this.at++] = 0xd9;
        this.bytes[this.at++] = length;
      }
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code >= 0x80) break;
        this.bytes[this.at + index] = code;
      }
      if (index === length) {
        this.at += length;
        return;
      }
      this.at = start;
    }
    if (!value.isWellFormed()) throw new UnencodableValue('a text holds half a surrogate pair');
    const encoded = utf8.encode(value);
    if (encoded.length < 32) this.bytes[this.at++] = 0xa0 | encoded.length;
    else this.header(0xd9, encoded.length);
    this.raw(encoded);
  }

  /** `token8` and the two after it are the forms with a length of 8, 16 and 32 bits. */
  private header(token8: number, length: number): void {
    if (length < 0x100) {
      this.bytes[this.at++] = token8;
      this.bytes[this.at++] = length;
    } else if (length < 0x1_0000) this.sized16(token8 + 1, length);
    else this.sized32(token8 + 2, length);
  }

  private raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  private object(value: object, depth: number): void {
    if (depth >= maxDepth) throw new UnencodableValue(`a value is nested deeper than ${maxDepth}`);
    if (Array.isArray(value)) {
      const { length } = value;
      if (length < 16) this.bytes[this.at++] = 0x90 | length;
      else if (length < 0x1_0000) this.sized16(0xdc, length);
      else this.sized32(0xdd, length);
      for (let index = 0; index < length; index++) this.write(value[index], depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.map(value as Record<string, unknown>, depth);
    } else if (value instanceof Uint8Array) {
      const lowered = this.aside?.(value);
      if (lowered !== undefined) {
        this.named(lowered.tag, lowered.value, depth);
        return;
      }
      this.header(0xc4, value.length);
      this.raw(value);
    } else {
      const lowered = this.lower?.(value);
      if (lowered === undefined) {
        const what = (value.constructor as { readonly name?: string } | undefined)?.name ?? 'nameless class';
        throw new UnencodableValue(`an object of ${what} is not plain data`);
      }
      this.named(lowered.tag, lowered.value, depth);
    }
  }

  private map(value: Record<string, unknown>, depth: number): void {
    let count = 0;
    const start = this.at;
    // The length is known after the fields; nearly all maps are short.
    this.at += 1;
    for (const key in value) {
      const field = value[key];
      if (field === undefined) continue;
      if (key === '__proto__') throw new UnencodableValue('a field is not called __proto__');
      count++;
      this.reserve(16);
      this.text(key);
      this.write(field, depth + 1);
    }
    if (count < 16) {
      this.bytes[start] = 0x80 | count;
      return;
    }
    this.reserve(4);
    this.bytes.copyWithin(start + 5, start + 1, this.at);
    this.bytes[start] = 0xdf;
    this.view.setUint32(start + 1, count);
    this.at += 4;
  }

  private named(tag: number, value: unknown, depth: number): void {
    const start = this.at;
    this.at += 6;
    this.write(value, depth + 1);
    this.bytes[start] = 0xc9;
    this.view.setUint32(start + 1, this.at - start - 6);
    this.bytes[start + 5] = tag;
  }
}

const writer = new Writer();

/**
 * The bytes of a value. Throws UnencodableValue where it holds anything but plain data that `lower` does not lower, or takes more than
 * `maxBytes`, not counting what `aside` took.
 */
export function encodeValue(
  value: unknown,
  lower?: Lower,
  maxBytes: number = maxValueBytes,
  aside?: Aside,
): Uint8Array {
  const bytes = writer.encode(value, lower, maxBytes, aside);
  if (bytes.length > maxBytes)
    throw new UnencodableValue(`a value of ${bytes.length} bytes exceeds its limit of ${maxBytes}`);
  return bytes;
}
