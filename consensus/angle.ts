// Law: the angle between two integer vectors is an integer of nanoradians, the same on every machine: it is computed in integers alone, since
// a platform's acos and sqrt may differ in their last bit, and a vote may hang on it.
const scale = 1n << 96n;
const seriesTerms = 40;

/** Largest integer whose square is at most `value`. */
function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** atan of `t` / scale for 0 ≤ t ≤ scale, times scale: halved thrice (atan t = 2 atan(t / (1 + √(1 + t²)))), then Taylor's series. */
function arcTangent(t: bigint): bigint {
  let reduced = t;
  for (let i = 0; i < 3; i++) reduced = (reduced * scale) / (scale + integerRoot(scale * scale + reduced * reduced));
  const square = (reduced * reduced) / scale;
  let sum = 0n;
  let power = reduced;
  for (let i = 0; i < seriesTerms; i++) {
    const term = power / BigInt(2 * i + 1);
    sum += i % 2 === 0 ? term : -term;
    power = (power * square) / scale;
  }
  return sum * 8n;
}

const pi = 4n * arcTangent(scale);

/** Nanoradians, rounded down, 0 to π. Both vectors are of equal length and neither is zero. */
export function angleBetween(a: readonly bigint[], b: readonly bigint[]): bigint {
  let dot = 0n;
  let squareA = 0n;
  let squareB = 0n;
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    dot += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  const across = integerRoot((squareA * squareB - dot * dot) * scale * scale);
  const along = (dot < 0n ? -dot : dot) * scale;
  const acute = across <= along ? arcTangent((across * scale) / along) : pi / 2n - arcTangent((along * scale) / across);
  const angle = dot < 0n ? pi - acute : acute;
  // Half a unit of 10^-15 rad: π / 2 and π come out of the series a little below themselves.
  return ((angle + scale / 10n ** 15n) * 1_000_000_000n) / scale;
}
