// Law: a relation says when a verifier's own result bears out a candidate's. It is asked once, by the verifier, never inside a vote;
// what it answers is an integer and a sign, and which relation counts is pinned by id, version and parameters before execution.
// Likeness is not transitive, so nobody is sorted into classes: a candidate stands where enough members found it close to their own (a star).
import type { Crypto } from '../actors/system/index.ts';
import { equalBytes, MalformedBytes } from '../protocols/wire/index.ts';
import type { Attestation, RelationRef } from './attestation.ts';
import type { Candidate } from './candidate.ts';
import { allowedDeviation, deviationOf, incomparable } from './deviation.ts';
import { canonicalJson, exactJson } from './json-text.ts';
import { paramsHashOf, type RelationSpec, type ValueRelation } from './relation-spec.ts';

export interface Judgement {
  readonly verdict: 1 | -1;
  /** Fixed point, 32 bits: millionths of what the relation allows, rounded up; 0 where it measures nothing. */
  readonly score: number;
}

/** What anyone can tell of a relation from its reference alone. */
export interface KnownRelation {
  readonly id: RelationSpec['kind'];
  readonly version: number;
  /** Why the attestation contradicts itself under this relation, seen from its bytes alone; undefined where it does not. */
  readonly contradiction: (attestation: Attestation, candidate: Candidate) => string | undefined;
}

/** What decides whether attestations made under a relation are enough. */
export interface RelationTerms extends RelationRef {
  /** Agreeing attestations, besides the executor's own word; 0 where only their weight counts. */
  readonly atLeast: number;
  /** Different model families among those; 0 where that does not matter. */
  readonly families: number;
}

export interface Relation extends RelationTerms, Pick<KnownRelation, 'contradiction'> {
  /** Whether members compute the result again, and compare; or judge the one there is. */
  readonly judging: { readonly skill: string; readonly input: unknown } | undefined;
  /** What is said of a result with which nothing can be compared. */
  readonly differs: Judgement;
  /** Throws MalformedBytes, saying why, where nothing can be compared with `output`. */
  readonly check: (output: Uint8Array) => void;
  /** What the verifier's own output says about the candidate's. Of judges: what the judge's output says. */
  readonly compare: (mine: Uint8Array, candidate: Uint8Array) => Judgement;
}

const version = 1;
const yes: Judgement = { verdict: 1, score: 0 };
const no: Judgement = { verdict: -1, score: 0 };
const beyond: Judgement = { verdict: -1, score: incomparable };

function exactContradiction(attestation: Attestation, candidate: Candidate): string | undefined {
  return attestation.verdict === 1 && !equalBytes(attestation.ownDigest, candidate.resultDigest)
    ? 'agrees with a result other than the one it found'
    : undefined;
}

/** The score is the measure and the verdict follows from it. */
function measuredContradiction({ verdict, score }: Attestation): string | undefined {
  const isWithin = score >= 0 && score <= allowedDeviation;
  return isWithin === (verdict === 1)
    ? undefined
    : `says ${verdict} of a result that it measured at ${score} of 1000000`;
}

/** A failure is a judgement that every honest node reaches alike, whatever the relation of results. */
const onResults =
  (contradiction: KnownRelation['contradiction']): KnownRelation['contradiction'] =>
  (attestation, candidate) =>
    candidate.outcome === 'failure'
      ? exactContradiction(attestation, candidate)
      : contradiction(attestation, candidate);

const unmeasured = (): undefined => undefined;
const contradictions: Readonly<Record<RelationSpec['kind'], KnownRelation['contradiction']>> = {
  exact: exactContradiction,
  canonical: onResults(unmeasured),
  numeric: onResults(measuredContradiction),
  embedding: onResults(measuredContradiction),
  fields: onResults(measuredContradiction),
  all: onResults(measuredContradiction),
  any: onResults(measuredContradiction),
  judges: onResults(unmeasured),
};

/** What is known of the relation a reference names, or undefined where this version of Parley does not know it: then nothing may be concluded. */
export function relationNamed(reference: RelationRef): KnownRelation | undefined {
  const id = reference.id as RelationSpec['kind'];
  if (reference.version !== version || !Object.hasOwn(contradictions, id)) return undefined;
  return { id, version, contradiction: contradictions[id] };
}

/** The relation that `spec`, in which `relationProblems` finds nothing, describes. */
export function relationOf(spec: RelationSpec, crypto: Pick<Crypto, 'sha256'>): Relation {
  const { kind: id, atLeast = 0, families = 0 } = spec;
  const terms = { id, version, paramsHash: paramsHashOf(spec, crypto), atLeast, families };
  const about = { ...terms, contradiction: contradictions[id], judging: undefined, differs: no };
  if (spec.kind === 'exact')
    return { ...about, check: () => {}, compare: (mine, candidate) => (equalBytes(mine, candidate) ? yes : no) };
  if (spec.kind === 'judges') {
    const { skill, input = {} } = spec;
    return { ...about, judging: { skill, input }, check: () => {}, compare: (judgement) => saidBy(judgement) };
  }
  if (spec.kind === 'canonical')
    return {
      ...about,
      check: (output) => void canonicalJson(output),
      compare: (mine, candidate) => (equalBytes(mine, candidate) || equalAsJson(mine, candidate) ? yes : no),
    };
  return {
    ...about,
    differs: beyond,
    check(output) {
      const value = exactJson(output);
      if (deviationOf(spec, value, value) >= incomparable)
        throw new MalformedBytes(`it has not the form that the relation ${id} compares`);
    },
    compare: (mine, candidate) => measured(spec, mine, candidate),
  };
}

/** A judge's output is a JSON object whose `accept` is true or false; anything else is no. */
function saidBy(judgement: Uint8Array): Judgement {
  try {
    const said = exactJson(judgement);
    return typeof said === 'object' && said !== null && 'accept' in said && said.accept === true ? yes : no;
  } catch (error) {
    if (error instanceof MalformedBytes) return no;
    throw error;
  }
}

function measured(spec: ValueRelation, mine: Uint8Array, candidate: Uint8Array): Judgement {
  try {
    const score = deviationOf(spec, exactJson(mine), exactJson(candidate));
    return { verdict: score <= allowedDeviation ? 1 : -1, score };
  } catch (error) {
    if (error instanceof MalformedBytes) return beyond;
    throw error;
  }
}

function equalAsJson(a: Uint8Array, b: Uint8Array): boolean {
  try {
    return equalBytes(canonicalJson(a), canonicalJson(b));
  } catch (error) {
    if (error instanceof MalformedBytes) return false;
    throw error;
  }
}

export function sameRelation(a: RelationRef, b: RelationRef): boolean {
  return a.id === b.id && a.version === b.version && equalBytes(a.paramsHash, b.paramsHash);
}

/** Equal bytes. For calls whose output is already canonical: every table, digest and count. */
export const exact: RelationTerms = { id: 'exact', version, paramsHash: new Uint8Array(32), atLeast: 0, families: 0 };
