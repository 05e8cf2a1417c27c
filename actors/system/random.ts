// Law: every draw comes from one seed. A fork is a function of its parent's seed and its label alone, never of how many
// numbers were drawn, so adding a draw in one concern leaves the others as they were. Fast and reproducible; not for secrets.
import type { Random } from './world.ts';

const golden = 0x9e3779b9;
/** Distinct odd multipliers keep the four lanes of the key from collapsing into one. */
const laneMultipliers = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1] as const;

type Key = readonly [number, number, number, number];

/** MurmurHash3's 32-bit finaliser: every input bit reaches every output bit. */
function avalanche(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Absorbs bytes into a 128-bit key, all lanes chained, length included so that trailing zeros count. */
function absorb(key: Key, bytes: Uint8Array): Key {
  const lanes: [number, number, number, number] = [...key];
  const step = (word: number): void => {
    for (let lane = 0; lane < 4; lane++) {
      const neighbour = lanes[(lane + 3) & 3]!;
      const mixed = Math.imul((lanes[lane]! ^ word) + golden, laneMultipliers[lane]!);
      lanes[lane] = (avalanche(mixed) + Math.imul(neighbour, 5)) >>> 0;
    }
  };
  for (const byte of bytes) step(byte + 1);
  step(0x100 + bytes.length);
  step(0);
  return lanes;
}

/** SplitMix's scheme on 32 bits: a Weyl sequence through the finaliser, one word of state per lane. */
function expand(key: Key): Key {
  const [a, b, c, d] = key.map((lane, index) => avalanche(lane + Math.imul(golden, index + 1))) as unknown as Key;
  // The all-zero state is the one fixed point of xoshiro.
  return (a | b | c | d) === 0 ? [golden, 0, 0, 0] : [a, b, c, d];
}

/** xoshiro128** 1.1 (Blackman and Vigna): period 2^128 − 1. */
class Xoshiro implements Random {
  private readonly key: Key;
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(key: Key) {
    this.key = key;
    [this.a, this.b, this.c, this.d] = expand(key);
  }

  u32(): number {
    const scaled = Math.imul(this.b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
      throw new RangeError(`random.below(${bound}): the bound must be an integer in [1, 2^32]`);
    }
    // Draws from the incomplete last block would favour small results.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let drawn = this.u32();
    while (drawn >= limit) drawn = this.u32();
    return drawn % bound;
  }

  chance(p: number): boolean {
    return this.u32() < p * 0x1_0000_0000;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 4) {
      const word = this.u32();
      for (let byte = 0; byte < 4 && at + byte < length; byte++) out[at + byte] = word >>> (8 * byte);
    }
    return out;
  }

  fork(label: string): Random {
    return new Xoshiro(absorb(this.key, new TextEncoder().encode(label)));
  }
}

/**
 * A seeded generator. A number seed is read as its decimal text, so every finite number is a seed of its own. Forking twice with one
 * label gives the same stream twice.
 */
export function createRandom(seed: Uint8Array | number): Random {
  const bytes = typeof seed === 'number' ? new TextEncoder().encode(`number ${seed}`) : seed;
  return new Xoshiro(absorb([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], bytes));
}
