// Law: CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds every burst of up to 32 flipped bits. A guard against accidents, not against people.
const table = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let remainder = i;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  table[i] = remainder >>> 0;
}

/** The checksum of the parts in order, an unsigned 32-bit integer. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) crc = (crc >>> 8) ^ table[(crc ^ part[i]!) & 0xff]!;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
