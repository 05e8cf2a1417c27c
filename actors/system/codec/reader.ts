// Law: hostile bytes cost no more than their length: every length is checked against what is there before anything is made of it.
import { MalformedValue, maxDepth, type Raise, undefinedTag } from './values.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const shortText = 64;

const nothing = new Uint8Array(0);

/** Field names, types and paths come again and again: the last text of each hash is kept. */
const seenTexts: string[] = new Array<string>(1024).fill('');

/** The text, if all of it is ASCII. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let hash = 0;
  for (let index = start; index < end; index++) {
    const code = bytes[index]!;
    if (code >= 0x80) return undefined;
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  const slot = (hash ^ (hash >>> 10)) & 1023;
  const seen = seenTexts[slot]!;
  if (seen.length === end - start) {
    let index = start;
    while (index < end && seen.charCodeAt(index - start) === bytes[index]) index++;
    if (index === end) return seen;
  }
  let text = '';
  for (let index = start; index < end; index++) text += String.fromCharCode(bytes[index]!);
  seenTexts[slot] = text;
  return text;
}

class Reader {
  private bytes: Uint8Array = nothing;
  /** Made for the first value that needs it: most need none. */
  private view: DataView | undefined = undefined;
  private raise: Raise | undefined = undefined;
  private at = 0;
  private end = 0;

  decode(bytes: Uint8Array, raise: Raise | undefined): unknown {
    this.bytes = bytes;
    this.view = undefined;
    this.raise = raise;
    this.at = 0;
    this.end = bytes.length;
    try {
      const value = this.read(0);
      if (this.at !== this.end) throw new MalformedValue(`${this.end - this.at} bytes follow the value`);
      return value;
    } finally {
      this.bytes = nothing;
      this.view = undefined;
      this.raise = undefined;
    }
  }

  private get words(): DataView {
    const { bytes } = this;
    this.view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.view;
  }

  /** Where `count` bytes begin that are there. */
  private take(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw new MalformedValue('the bytes end before the value does');
    this.at = start + count;
    return start;
  }

  private read(depth: number): unknown {
    const token = this.bytes[this.take(1)]!;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token < 0x90) return this.map(token & 0x0f, depth);
    if (token < 0xa0) return this.array(token & 0x0f, depth);
    if (token < 0xc0) return this.text(token & 0x1f);
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.raw(this.u8());
      case 0xc5:
        return this.raw(this.u16());
      case 0xc6:
        return this.raw(this.u32());
      case 0xc7:
        return this.named(this.u8(), depth);
      case 0xc9:
        return this.named(this.u32(), depth);
      case 0xcb:
        return this.words.getFloat64(this.take(8));
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.u16();
      case 0xce:
        return this.u32();
      case 0xcf:
        return this.words.getBigUint64(this.take(8));
      case 0xd0:
        return (this.u8() << 24) >> 24;
      case 0xd1:
        return (this.u16() << 16) >> 16;
      case 0xd2:
        return this.u32() | 0;
      case 0xd3:
        return this.words.getBigInt64(this.take(8));
      case 0xd9:
        return this.text(this.u8());
      case 0xda:
        return this.text(this.u16());
      case 0xdb:
        return this.text(this.u32());
      case 0xdc:
        return this.array(this.u16(), depth);
      case 0xdd:
        return this.array(this.u32(), depth);
      case 0xdf:
        return this.map(this.u32(), depth);
      default:
        throw new MalformedValue(`no value begins with 0x${token.toString(16)}`);
    }
  }

  private u8(): number {
    return this.bytes[this.take(1)]!;
  }

  private u16(): number {
    const at = this.take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  private u32(): number {
    return this.words.getUint32(this.take(4));
  }

  private text(length: number): string {
    const start = this.take(length);
    const { bytes } = this;
    if (length < shortText) {
      const text = shortAscii(bytes, start, this.at);
      if (text !== undefined) return text;
    }
    try {
      return utf8.decode(bytes.subarray(start, this.at));
    } catch {
      throw new MalformedValue('a text is not UTF-8');
    }
  }

  /** A copy: the frame it came in may be used again. */
  private raw(length: number): Uint8Array {
    const start = this.take(length);
    // Not `slice`: that of a Buffer is no copy.
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(start, this.at));
    return copy;
  }

  private array(length: number, depth: number): unknown[] {
    this.checkContainer(length, depth);
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.read(depth + 1));
    return items;
  }

  private map(length: number, depth: number): Record<string, unknown> {
    this.checkContainer(2 * length, depth);
    const fields: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.read(maxDepth);
      if (typeof key !== 'string' || key === '__proto__') throw new MalformedValue('a field needs a name');
      fields[key] = this.read(depth + 1);
    }
    return fields;
  }

  /** Each item takes a byte at least. */
  private checkContainer(items: number, depth: number): void {
    if (depth >= maxDepth) throw new MalformedValue(`a value is nested deeper than ${maxDepth}`);
    if (items > this.end - this.at) throw new MalformedValue('the bytes end before the value does');
  }

  private named(length: number, depth: number): unknown {
    const tag = this.u8();
    if (length > this.end - this.at) throw new MalformedValue('the bytes end before the value does');
    if (tag === undefinedTag && length === 0) return undefined;
    if (this.raise === undefined || depth >= maxDepth)
      throw new MalformedValue(`names of tag ${tag} do not belong here`);
    const outer = this.end;
    this.end = this.at + length;
    const value = this.read(depth + 1);
    if (this.at !== this.end) throw new MalformedValue('a name is longer than its value');
    this.end = outer;
    return this.raise(tag, value);
  }
}

const reader = new Reader();

/** Throws MalformedValue on anything `encodeValue` does not produce, and what `raise` throws. Byte strings are copies. `raise` decodes nothing itself. */
export function decodeValue(bytes: Uint8Array, raise?: Raise): unknown {
  return reader.decode(bytes, raise);
}
