// Law: CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds every burst of up to 32 flipped bits. A guard against accidents, not against people.
// Eight bytes at a time: tables[k] says what a byte does to the checksum k bytes later ("slicing-by-8").
const width = 8;
const tables = Array.from({ length: width }, () => new Uint32Array(256));
for (let i = 0; i < 256; i++) {
  let remainder = i;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  tables[0]![i] = remainder >>> 0;
}
for (let k = 1; k < width; k++) {
  for (let i = 0; i < 256; i++) {
    const before = tables[k - 1]![i]!;
    tables[k]![i] = (before >>> 8) ^ tables[0]![before & 0xff]!;
  }
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** The checksum of the parts in order, an unsigned 32-bit integer. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const part of parts) {
    const whole = part.length - (part.length % width);
    let at = 0;
    for (; at < whole; at += width) {
      const low = crc ^ (part[at]! | (part[at + 1]! << 8) | (part[at + 2]! << 16) | (part[at + 3]! << 24));
      crc =
        t7[low & 0xff]! ^
        t6[(low >>> 8) & 0xff]! ^
        t5[(low >>> 16) & 0xff]! ^
        t4[low >>> 24]! ^
        t3[part[at + 4]!]! ^
        t2[part[at + 5]!]! ^
        t1[part[at + 6]!]! ^
        t0[part[at + 7]!]!;
    }
    for (; at < part.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ part[at]!) & 0xff]!;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
