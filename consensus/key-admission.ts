// Law: a key gets a vote only if every Ed25519 verifier in the world agrees on what it signed. That holds for keys which are
// canonically encoded, on the curve, and of prime order: small-order and mixed-order keys make signatures that one correct
// verifier accepts and another refuses (cofactored or not). Checked once, when a member enters a config; never per signature.
const p = 2n ** 255n - 19n;
/** Order of the base point (RFC 8032 §5.1). */
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

const mod = (value: bigint): bigint => {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
};

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

/** -121665/121666 mod p. */
const d = mod(-121665n * power(121666n, p - 2n));
const squareRootOfMinusOne = power(2n, (p - 1n) / 4n);

/** Extended twisted Edwards coordinates: x = X/Z, y = Y/Z, xy = T/Z. */
interface Point {
  readonly X: bigint;
  readonly Y: bigint;
  readonly Z: bigint;
  readonly T: bigint;
}

const identity: Point = { X: 0n, Y: 1n, Z: 1n, T: 0n };

/** RFC 8032 §5.1.4; complete, so it also doubles. */
function add(a: Point, b: Point): Point {
  const A = mod((a.Y - a.X) * (b.Y - b.X));
  const B = mod((a.Y + a.X) * (b.Y + b.X));
  const C = mod(2n * d * mod(a.T * b.T));
  const D = mod(2n * a.Z * b.Z);
  const E = B - A;
  const F = D - C;
  const G = D + C;
  const H = B + A;
  return { X: mod(E * F), Y: mod(G * H), Z: mod(F * G), T: mod(E * H) };
}

function multiply(point: Point, scalar: bigint): Point {
  let result = identity;
  for (let doubled = point, rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

function isIdentity(point: Point): boolean {
  return point.X === 0n && point.Y === point.Z;
}

/** RFC 8032 §5.1.3, strict: undefined for y ≥ p, for a y without a point, and for the non-canonical "minus zero". */
function decode(key: Uint8Array): Point | undefined {
  let y = 0n;
  for (let i = 31; i >= 0; i--) y = (y << 8n) | BigInt(key[i]!);
  const sign = y >> 255n;
  y &= 2n ** 255n - 1n;
  if (y >= p) return undefined;
  const u = mod(y * y - 1n);
  const v = mod(d * mod(y * y) + 1n);
  const v3 = mod(v * mod(v * v));
  let x = mod(u * v3 * power(mod(u * v3 * mod(v3 * v)), (p - 5n) / 8n));
  if (mod(v * x * x) !== u) {
    x = mod(x * squareRootOfMinusOne);
    if (mod(v * x * x) !== u) return undefined;
  }
  if (x === 0n && sign === 1n) return undefined;
  if ((x & 1n) !== sign) x = p - x;
  return { X: x, Y: y, Z: 1n, T: mod(x * y) };
}

/**
 * True where the 32 bytes may be a member's key: canonical, on the curve, not the identity, and in the prime-order subgroup
 * (which excludes the eight small-order points and everything with a torsion component). Takes about a millisecond.
 */
export function isAdmissibleKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  const point = decode(publicKey);
  return point !== undefined && !isIdentity(point) && isIdentity(multiply(point, order));
}
