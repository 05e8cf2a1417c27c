// Law: what a plan says of a relation is plain data with bounds, spelled in one way, and its hash pins every parameter before anything is
// executed. What is not understood here is refused with its place, not ignored.
import canonicalize from 'canonicalize';
import type { Crypto } from '../actors/system/index.ts';
import { ByteWriter, MalformedBytes } from '../protocols/wire/index.ts';
import { Decimal } from './decimal.ts';

/** How two JSON values are compared. */
export type ValueRelation =
  /** Equal values, whatever their spelling. */
  | { readonly kind: 'canonical' }
  /**
   * Every number within max(absolute, relative · the larger magnitude) of its counterpart; all else equal. The bounds are decimals in text, at
   * least one of them is given.
   */
  | { readonly kind: 'numeric'; readonly absolute?: string; readonly relative?: string }
  /** Vectors of integers (quantized) at an angle of at most so many microradians. `model` only says whose vectors these are. */
  | { readonly kind: 'embedding'; readonly microradians: number; readonly model?: string }
  /** Objects: each named field by its own relation; the others equal, or of no account. */
  | {
      readonly kind: 'fields';
      readonly fields: { readonly [name: string]: ValueRelation };
      readonly others?: 'canonical' | 'ignored';
    }
  /** Of several relations all, or at least one. */
  | { readonly kind: 'all' | 'any'; readonly of: readonly ValueRelation[] };

/** What a plan may ask of those who check a result, beyond the weight that a certificate needs. */
interface Endorsed {
  /** Attestations that agree, besides the executor's own word. */
  readonly atLeast?: number;
  /** Different model families among those. */
  readonly families?: number;
}

export type RelationSpec = Endorsed &
  (
    | ValueRelation
    /** Equal bytes: what a task that names no relation is held to. */
    | { readonly kind: 'exact' }
    /** Members do not recompute but judge: each runs `skill` with this input on the candidate and says yes or no. */
    | {
        readonly kind: 'judges';
        readonly skill: string;
        readonly input?: unknown;
        /** How many attempts they may refuse before the task is rejected. Default 1. */
        readonly attempts?: number;
      }
  );

export interface SpecProblem {
  readonly path: readonly (string | number)[];
  /** The key is meant, not the value. */
  readonly atKey: boolean;
  readonly message: string;
}

const valueKinds = ['canonical', 'numeric', 'embedding', 'fields', 'all', 'any'] as const;
const kinds = ['exact', ...valueKinds, 'judges'] as const;
const keysOf: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  exact: [],
  canonical: [],
  numeric: ['absolute', 'relative'],
  embedding: ['microradians', 'model'],
  fields: ['fields', 'others'],
  all: ['of'],
  any: ['of'],
  judges: ['skill', 'input', 'attempts'],
};
const depthMax = 4;
const partsMax = 64;
const attestationsMax = 64;
/** As many as a task has. */
const attemptsMax = 3;
/** A little below π: at π everything is alike. */
const microradiansMax = 3_141_592;

type Report = (path: SpecProblem['path'], message: string, atKey?: boolean) => void;

/** Everything that is wrong with what a plan calls a relation; empty where it is one. Never throws. */
export function relationProblems(value: unknown): readonly SpecProblem[] {
  const problems: SpecProblem[] = [];
  const report: Report = (path, message, atKey = false) => void problems.push({ path, atKey, message });
  checkRelation(value, [], kinds, report);
  if (!isObject(value)) return problems;
  for (const key of ['atLeast', 'families'] as const) {
    const count = value[key];
    if (count !== undefined && !isCount(count, 1, attestationsMax))
      report([key], `"${key}" must be an integer from 1 to ${attestationsMax}`);
  }
  if (Number(value.families) > Number(value.atLeast ?? attestationsMax))
    report(['families'], '"families" must not be more than "atLeast"');
  if (value.kind === 'judges' && value.atLeast === undefined)
    report([], '"judges" lacks "atLeast": how many must say yes');
  return problems;
}

function checkRelation(value: unknown, path: SpecProblem['path'], allowed: readonly string[], report: Report): void {
  if (!isObject(value)) {
    report(path, `a relation is one of ${allowed.join(', ')}, with its parameters`);
    return;
  }
  const { kind } = value;
  if (typeof kind !== 'string' || !allowed.includes(kind)) {
    report('kind' in value ? [...path, 'kind'] : path, `"kind" must be one of ${allowed.join(', ')}`);
    return;
  }
  const known = ['kind', ...keysOf[kind as keyof typeof keysOf], ...(path.length === 0 ? ['atLeast', 'families'] : [])];
  for (const key of Object.keys(value))
    if (!known.includes(key))
      report([...path, key], `the relation ${kind} has no "${key}"; it has ${known.join(', ')}`, true);
  if (kind === 'numeric') checkNumeric(value, path, report);
  if (kind === 'embedding') checkEmbedding(value, path, report);
  if (kind === 'judges' && (typeof value.skill !== 'string' || value.skill === '' || value.skill.length > 64))
    report([...path, 'skill'], '"skill" must name the skill that judges');
  if (kind === 'judges' && value.attempts !== undefined && !isCount(value.attempts, 1, attemptsMax))
    report([...path, 'attempts'], `"attempts" must be an integer from 1 to ${attemptsMax}`);
  if (kind === 'fields' || kind === 'all' || kind === 'any') checkParts(kind, value, path, report);
}

function checkNumeric(value: Record<string, unknown>, path: SpecProblem['path'], report: Report): void {
  const { absolute, relative } = value;
  if (absolute === undefined && relative === undefined) report(path, 'numeric needs "absolute" or "relative", or both');
  for (const [key, bound] of Object.entries({ absolute, relative })) {
    if (bound === undefined) continue;
    try {
      if (typeof bound !== 'string') throw new MalformedBytes('not a text');
      const decimal = Decimal.parse(bound);
      if (decimal.digits < 0n) report([...path, key], `"${key}" must not be negative`);
      else if (key === 'relative' && isAtLeastOne(decimal)) report([...path, key], '"relative" must be less than 1');
    } catch (error) {
      report([...path, key], `"${key}" must be a decimal number, as "0.01": ${(error as Error).message}`);
    }
  }
}

const isAtLeastOne = ({ digits, exponent }: Decimal): boolean =>
  exponent >= 0 ? digits >= 1n : digits >= 10n ** BigInt(-exponent);

function checkEmbedding(value: Record<string, unknown>, path: SpecProblem['path'], report: Report): void {
  if (!isCount(value.microradians, 0, microradiansMax))
    report([...path, 'microradians'], `"microradians" must be an integer from 0 to ${microradiansMax}`);
  if (value.model !== undefined && (typeof value.model !== 'string' || value.model.length > 200))
    report([...path, 'model'], '"model" must be a text of at most 200 characters');
}

function checkParts(
  kind: 'fields' | 'all' | 'any',
  value: Record<string, unknown>,
  path: SpecProblem['path'],
  report: Report,
): void {
  if (path.length >= 2 * depthMax) {
    report(path, `relations stand in each other at most ${depthMax} deep`);
    return;
  }
  const key = kind === 'fields' ? 'fields' : 'of';
  const held = value[key];
  const isRight = kind === 'fields' ? isObject(held) : Array.isArray(held);
  const parts: readonly (readonly [string | number, unknown])[] = !isRight
    ? []
    : Array.isArray(held)
      ? held.map((part, i) => [i, part] as const)
      : Object.entries(held as object);
  if (parts.length === 0 || parts.length > partsMax)
    report([...path, key], `"${key}" must hold 1 to ${partsMax} relations`);
  else for (const [name, part] of parts) checkRelation(part, [...path, key, name], valueKinds, report);
  if (kind === 'fields' && value.others !== undefined && value.others !== 'canonical' && value.others !== 'ignored')
    report([...path, 'others'], '"others" must be canonical or ignored');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

const noParameters = new Uint8Array(32);

/** 32 bytes: what pins a relation's parameters. All zero where there are none. */
export function paramsHashOf(spec: RelationSpec, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  if (Object.keys(spec).length === 1) return noParameters;
  return crypto.sha256(new ByteWriter('parley/relation/1').text(canonicalize(spec)!).finish());
}
