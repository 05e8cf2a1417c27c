// Law: a trace from outside is decoded, never bent: integers stay exact, maps, sets and tuples keep what they hold,
// variants keep their tag. Format: the Informal Trace Format (Apalache ADR 015).

export interface Variant {
  readonly tag: string;
  readonly value: ItfValue;
}
export type ItfValue =
  | string
  | boolean
  | number
  | bigint
  | Variant
  | readonly ItfValue[]
  | ReadonlyMap<ItfValue, ItfValue>
  | ReadonlySet<ItfValue>
  | { readonly [field: string]: ItfValue };

export interface ItfTrace {
  readonly vars: readonly string[];
  /** One record per state; a variable is named by its last path segment (`a::b::state` → `state`). */
  readonly states: readonly Readonly<Record<string, ItfValue>>[];
}

export function parseItf(text: string): ItfTrace {
  const raw = JSON.parse(text) as { vars: string[]; states: Record<string, unknown>[] };
  const shortName = (name: string): string => name.slice(name.lastIndexOf(':') + 1);
  return {
    vars: raw.vars.map(shortName),
    states: raw.states.map((state) =>
      Object.fromEntries(
        Object.entries(state)
          .filter(([name]) => name !== '#meta')
          .map(([name, value]) => [shortName(name), decodeItf(value)]),
      ),
    ),
  };
}

export function decodeItf(value: unknown): ItfValue {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (Array.isArray(value)) return value.map(decodeItf);
  if (typeof value !== 'object' || value === null) throw new TypeError(`${String(value)} is no ITF value`);
  const fields = value as Record<string, unknown>;
  if (typeof fields['#bigint'] === 'string') {
    return exactInteger(fields['#bigint']);
  }
  if (Array.isArray(fields['#tup'])) return fields['#tup'].map(decodeItf);
  if (Array.isArray(fields['#set'])) return new Set(fields['#set'].map(decodeItf));
  if (Array.isArray(fields['#map'])) {
    return new Map(
      fields['#map'].map((pair) => [decodeItf((pair as unknown[])[0]), decodeItf((pair as unknown[])[1])]),
    );
  }
  return Object.fromEntries(Object.entries(fields).map(([name, inner]) => [name, decodeItf(inner)]));
}

/** A number where that is exact. */
export function exactInteger(digits: string): number | bigint {
  const exact = BigInt(digits);
  return exact > Number.MAX_SAFE_INTEGER || exact < Number.MIN_SAFE_INTEGER ? exact : Number(exact);
}

/** A text that two values share exactly when they are equal, whatever order their sets and maps were written in. */
export function canonicalText(value: ItfValue): string {
  if (value instanceof Set) return `{${[...value].map(canonicalText).sort().join(',')}}`;
  if (value instanceof Map)
    return `<${[...value]
      .map(([key, inner]) => `${canonicalText(key)}>${canonicalText(inner)}`)
      .sort()
      .join(',')}>`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value === 'object') {
    return `(${Object.entries(value)
      .map(([name, inner]) => `${name}=${canonicalText(inner)}`)
      .sort()
      .join(',')})`;
  }
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
