// Law: a keyed draw is a function of the seed and its key alone (who, to whom, the how-manieth, for what), never of what was drawn before:
// taking one fault out of a plan leaves every other latency, loss and crash as it was.
import { createRandom } from '../../actors/system/index.ts';

export interface Draws {
  /** A uniform 32-bit unsigned integer. */
  u32(purpose: number, a: number, b: number, c: number): number;
  /** Uniform in [0, bound), `bound` a whole number of at most 2^32. */
  below(bound: number, purpose: number, a: number, b: number, c: number): number;
  /** True `permille` times in a thousand. */
  chance(permille: number, purpose: number, a: number, b: number, c: number): boolean;
}

const knownPurposes = 0x200;

/** MurmurHash3's finaliser. */
function avalanche(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

export function createDraws(seed: number, label: string): Draws {
  const keyed = createRandom(seed).fork(`draws/${label}`);
  const [k0, k1, k2, k3, k4] = [keyed.u32(), keyed.u32(), keyed.u32(), keyed.u32(), keyed.u32()] as const;
  // Each word is spread by its own odd multiplier and mixed to the full before the next comes in; purposes are few.
  const first = (purpose: number): number => avalanche(k0 ^ Math.imul(purpose + 1, 0x9e3779b1));
  const firsts = Int32Array.from({ length: knownPurposes }, (_, purpose) => first(purpose));
  const u32 = (purpose: number, a: number, b: number, c: number): number => {
    let state = purpose < knownPurposes ? firsts[purpose]! : first(purpose);
    state = avalanche((state + k1) ^ Math.imul(a + 1, 0x85ebca77));
    state = avalanche((state + k2) ^ Math.imul(b + 1, 0xc2b2ae3d));
    state = avalanche((state + k3) ^ Math.imul(c + 1, 0x27d4eb2f));
    return avalanche(state + k4) >>> 0;
  };
  return {
    u32,
    // The bias is below bound / 2^32: nothing that a simulation could tell.
    below: (bound, purpose, a, b, c) => Math.floor((u32(purpose, a, b, c) / 0x1_0000_0000) * bound),
    chance: (permille, purpose, a, b, c) => u32(purpose, a, b, c) < (permille / 1000) * 0x1_0000_0000,
  };
}
