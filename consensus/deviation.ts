// Law: how far two values lie from each other is one integer: millionths of what the relation allows, rounded up, so that it is at most a
// million exactly where they lie within it. The same from either side, and the same on every machine.
import { angleBetween } from './angle.ts';
import { aligned, Decimal, magnitude, sameNumber, times } from './decimal.ts';
import type { Exact } from './json-text.ts';
import type { ValueRelation } from './relation-spec.ts';

/** The whole of what is allowed. */
export const allowedDeviation = 1_000_000;
/** Beyond any measure: of another form, or not what the relation compares. */
export const incomparable = 2 ** 31 - 1;

const zero = new Decimal(0n, 0);
const dimensionsMax = 8_192;
/** Components are quantized to 16 bits. */
const componentMax = 32_767n;

export function deviationOf(relation: ValueRelation, a: Exact, b: Exact): number {
  switch (relation.kind) {
    case 'canonical':
      return eachNumber(a, b, (x, y) => (sameNumber(x, y) ? 0 : incomparable));
    case 'numeric': {
      const absolute = relation.absolute === undefined ? zero : Decimal.parse(relation.absolute);
      const relative = relation.relative === undefined ? zero : Decimal.parse(relation.relative);
      return eachNumber(a, b, (x, y) => numberDeviation(x, y, absolute, relative));
    }
    case 'embedding':
      return vectorDeviation(a, b, BigInt(relation.microradians) * 1_000n);
    case 'fields':
      return fieldsDeviation(relation, a, b);
    case 'all':
      return Math.max(...relation.of.map((part) => deviationOf(part, a, b)));
    case 'any':
      return Math.min(...relation.of.map((part) => deviationOf(part, a, b)));
  }
}

/** Millionths that `distance` is of `allowed`, rounded up. */
function millionths(distance: bigint, allowed: bigint): number {
  if (distance === 0n) return 0;
  if (allowed === 0n) return incomparable;
  const share = (distance * 1_000_000n + allowed - 1n) / allowed;
  return share < BigInt(incomparable) ? Number(share) : incomparable;
}

function numberDeviation(a: Decimal, b: Decimal, absolute: Decimal, relative: Decimal): number {
  const [x, y, fixed, shareX, shareY] = aligned(a, b, absolute, times(a, relative), times(b, relative));
  const apart = magnitude(x! - y!);
  // Of the widest bound it is the least share.
  return Math.min(...[fixed!, shareX!, shareY!].map((bound) => millionths(apart, magnitude(bound))));
}

/** The largest deviation of corresponding numbers, where everything else is equal. */
function eachNumber(a: Exact, b: Exact, compare: (a: Decimal, b: Decimal) => number): number {
  if (a instanceof Decimal || b instanceof Decimal)
    return a instanceof Decimal && b instanceof Decimal ? compare(a, b) : incomparable;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b ? 0 : incomparable;
  if (Array.isArray(a) !== Array.isArray(b)) return incomparable;
  const left = a as Readonly<Record<string, Exact>>;
  const right = b as Readonly<Record<string, Exact>>;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return incomparable;
  let most = 0;
  for (const name of names) {
    if (!Object.hasOwn(right, name)) return incomparable;
    most = Math.max(most, eachNumber(left[name]!, right[name]!, compare));
  }
  return most;
}

function vectorDeviation(a: Exact, b: Exact, allowedNanoradians: bigint): number {
  const left = vectorOf(a);
  const right = vectorOf(b);
  if (left === undefined || right === undefined || left.length !== right.length) return incomparable;
  return millionths(angleBetween(left, right), allowedNanoradians);
}

/** Undefined where it is not a list of 16-bit integers, or points nowhere. */
function vectorOf(value: Exact): bigint[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > dimensionsMax) return undefined;
  const components: bigint[] = [];
  for (const item of value as readonly Exact[]) {
    // 1.0 and 1e2 are integers too, but no quantizer writes them so.
    if (!(item instanceof Decimal) || item.exponent !== 0 || magnitude(item.digits) > componentMax) return undefined;
    components.push(item.digits);
  }
  return components.some((component) => component !== 0n) ? components : undefined;
}

function fieldsDeviation(relation: ValueRelation & { readonly kind: 'fields' }, a: Exact, b: Exact): number {
  if (!isObject(a) || !isObject(b)) return incomparable;
  const { fields, others = 'canonical' } = relation;
  let most = 0;
  for (const [name, part] of Object.entries(fields)) {
    if (!Object.hasOwn(a, name) || !Object.hasOwn(b, name)) return incomparable;
    most = Math.max(most, deviationOf(part, a[name]!, b[name]!));
  }
  if (others === 'ignored') return most;
  const rest = (value: Readonly<Record<string, Exact>>): Exact =>
    Object.fromEntries(Object.entries(value).filter(([name]) => !Object.hasOwn(fields, name)));
  return Math.max(most, deviationOf({ kind: 'canonical' }, rest(a), rest(b)));
}

function isObject(value: Exact): value is Readonly<Record<string, Exact>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}
