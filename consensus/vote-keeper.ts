// Law: weight is counted once per member and (round, kind), whatever that member sends: its first vote counts, a second one is
// remembered as evidence, and only a certificate (distinct signers of one value) may count a value past that rule.
import type { Ballot, ValueId, VoteKind } from './core.ts';

export interface KeptVote {
  readonly kind: VoteKind;
  readonly round: number;
  readonly voter: string;
  readonly value: Ballot;
}

export interface Tally {
  readonly weights: ReadonlyMap<Ballot, number>;
  readonly voters: ReadonlySet<string>;
  /** Every distinct vote, those that were not counted included. */
  readonly received: readonly KeptVote[];
}

export type KeeperOutput =
  | { readonly type: 'none' }
  | { readonly type: 'polkaAny' | 'polkaNil' | 'precommitAny' | 'skip'; readonly round: number }
  | { readonly type: 'polkaValue' | 'precommitValue'; readonly round: number; readonly value: ValueId };

export interface RoundVotes {
  readonly prevote: Tally;
  readonly precommit: Tally;
  /** Outputs given so far, by their text: each is given once, skips aside. */
  readonly emitted: ReadonlyMap<string, KeeperOutput>;
  readonly voterWeights: ReadonlyMap<string, number>;
}

export interface VoteKeeper {
  /** Weight that makes a polka or a commit. */
  readonly quorum: number;
  /** Weight that proves one honest member is in a later round. */
  readonly skip: number;
  readonly rounds: ReadonlyMap<number, RoundVotes>;
  /** Per equivocation, all votes of that member for that round and kind. */
  readonly evidence: readonly (readonly KeptVote[])[];
}

const emptyTally: Tally = { weights: new Map(), voters: new Set(), received: [] };
const emptyRound: RoundVotes = {
  prevote: emptyTally,
  precommit: emptyTally,
  emitted: new Map(),
  voterWeights: new Map(),
};

export function emptyKeeper(thresholds: { readonly quorum: number; readonly skip: number }): VoteKeeper {
  return { quorum: thresholds.quorum, skip: thresholds.skip, rounds: new Map(), evidence: [] };
}

/** Counts one vote of a member of that weight. `currentRound` is the round the node is in: later rounds can only make it skip there. */
export function applyVote(
  keeper: VoteKeeper,
  vote: KeptVote,
  weight: number,
  currentRound: number,
): { readonly keeper: VoteKeeper; readonly output: KeeperOutput } {
  const before = keeper.rounds.get(vote.round) ?? emptyRound;
  const tally = addVote(before[vote.kind], vote, weight);
  const voterWeights = before.voterWeights.has(vote.voter)
    ? before.voterWeights
    : new Map(before.voterWeights).set(vote.voter, weight);
  const output =
    vote.round > currentRound && sum(voterWeights) >= keeper.skip
      ? ({ type: 'skip', round: vote.round } as const)
      : fresh(before, reached(keeper, tally, vote.kind, vote.round, vote.value));
  const sent = tally.received.filter((kept) => kept.voter === vote.voter);
  return {
    keeper: {
      ...keeper,
      rounds: new Map(keeper.rounds).set(vote.round, {
        ...before,
        [vote.kind]: tally,
        voterWeights,
        emitted: withOutput(before, output),
      }),
      evidence:
        sent.length > 1 && !keeper.evidence.some((known) => sameVotes(known, sent))
          ? [...keeper.evidence, sent]
          : keeper.evidence,
    },
    output,
  };
}

/** Counts a verified certificate: `signers` (distinct, with their weights) all voted `value`, whatever else some of them said before. */
export function applyCertificate(
  keeper: VoteKeeper,
  kind: VoteKind,
  round: number,
  value: Ballot,
  signers: ReadonlyMap<string, number>,
): { readonly keeper: VoteKeeper; readonly output: KeeperOutput } {
  const before = keeper.rounds.get(round) ?? emptyRound;
  const weight = Math.max(before[kind].weights.get(value) ?? 0, sum(signers));
  const tally: Tally = {
    ...before[kind],
    weights: new Map(before[kind].weights).set(value, weight),
    voters: new Set([...before[kind].voters, ...signers.keys()]),
  };
  const output = fresh(before, reached(keeper, tally, kind, round, value));
  const next: RoundVotes = {
    ...before,
    [kind]: tally,
    voterWeights: new Map([...before.voterWeights, ...signers]),
    emitted: withOutput(before, output),
  };
  return { keeper: { ...keeper, rounds: new Map(keeper.rounds).set(round, next) }, output };
}

/** Forgets the rounds for which `keep` is false. */
export function forgetRounds(keeper: VoteKeeper, keep: (round: number) => boolean): VoteKeeper {
  return { ...keeper, rounds: new Map([...keeper.rounds].filter(([round]) => keep(round))) };
}

export function weightOf(keeper: VoteKeeper, kind: VoteKind, round: number, value: Ballot): number {
  return keeper.rounds.get(round)?.[kind].weights.get(value) ?? 0;
}

export function hasQuorumOn(keeper: VoteKeeper, kind: VoteKind, round: number, value: Ballot): boolean {
  return weightOf(keeper, kind, round, value) >= keeper.quorum;
}

export function hasQuorumOfAny(keeper: VoteKeeper, kind: VoteKind, round: number): boolean {
  const tally = keeper.rounds.get(round)?.[kind];
  return tally !== undefined && sum(tally.weights) >= keeper.quorum;
}

function addVote(tally: Tally, vote: KeptVote, weight: number): Tally {
  const received = tally.received.some((kept) => sameVote(kept, vote)) ? tally.received : [...tally.received, vote];
  if (tally.voters.has(vote.voter)) return { ...tally, received };
  return {
    weights: new Map(tally.weights).set(vote.value, (tally.weights.get(vote.value) ?? 0) + weight),
    voters: new Set(tally.voters).add(vote.voter),
    received,
  };
}

function reached(keeper: VoteKeeper, tally: Tally, kind: VoteKind, round: number, value: Ballot): KeeperOutput {
  const onValue = (tally.weights.get(value) ?? 0) >= keeper.quorum;
  if (!onValue && sum(tally.weights) < keeper.quorum) return { type: 'none' };
  if (onValue && value !== null) return { type: kind === 'prevote' ? 'polkaValue' : 'precommitValue', round, value };
  if (kind === 'precommit') return { type: 'precommitAny', round };
  return { type: onValue ? 'polkaNil' : 'polkaAny', round };
}

function fresh(round: RoundVotes, output: KeeperOutput): KeeperOutput {
  return round.emitted.has(outputText(output)) ? { type: 'none' } : output;
}

function withOutput(round: RoundVotes, output: KeeperOutput): ReadonlyMap<string, KeeperOutput> {
  return output.type === 'none' ? round.emitted : new Map(round.emitted).set(outputText(output), output);
}

function outputText(output: KeeperOutput): string {
  return 'value' in output ? `${output.type} ${output.value}` : output.type;
}

function sameVote(a: KeptVote, b: KeptVote): boolean {
  return a.kind === b.kind && a.round === b.round && a.voter === b.voter && a.value === b.value;
}

function sameVotes(a: readonly KeptVote[], b: readonly KeptVote[]): boolean {
  return a.length === b.length && a.every((vote) => b.some((other) => sameVote(vote, other)));
}

function sum(weights: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const weight of weights.values()) total += weight;
  return total;
}
