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
  readonly weights: Map<Ballot, number>;
  readonly voters: Set<string>;
  /** Every distinct vote, those that were not counted included. */
  readonly received: KeptVote[];
  /** The sum of `weights`. */
  total: number;
}

export type KeeperOutput =
  | { readonly type: 'none' }
  | { readonly type: 'polkaAny' | 'polkaNil' | 'precommitAny' | 'skip'; readonly round: number }
  | { readonly type: 'polkaValue' | 'precommitValue'; readonly round: number; readonly value: ValueId };

export interface RoundVotes {
  readonly prevote: Tally;
  readonly precommit: Tally;
  /** Outputs given so far: each is given once, skips aside. */
  readonly emitted: KeeperOutput[];
  readonly voterWeights: Map<string, number>;
}

/** Changed in place: of thousands of instances each counts a handful of votes, and copies would cost more than the counting. */
export interface VoteKeeper {
  /** Weight that makes a polka or a commit. */
  readonly quorum: number;
  /** Weight that proves one honest member is in a later round. */
  readonly skip: number;
  readonly rounds: Map<number, RoundVotes>;
  /** Per equivocation, all votes of that member for that round and kind. */
  readonly evidence: (readonly KeptVote[])[];
}

const emptyTally = (): Tally => ({ weights: new Map(), voters: new Set(), received: [], total: 0 });
const none: KeeperOutput = { type: 'none' };

export function emptyKeeper(thresholds: { readonly quorum: number; readonly skip: number }): VoteKeeper {
  return { quorum: thresholds.quorum, skip: thresholds.skip, rounds: new Map(), evidence: [] };
}

/** Counts one vote of a member of that weight. `currentRound` is the round the node is in: later rounds can only make it skip there. */
export function applyVote(keeper: VoteKeeper, vote: KeptVote, weight: number, currentRound: number): KeeperOutput {
  const votes = roundOf(keeper, vote.round);
  const tally = votes[vote.kind];
  if (!tally.voters.has(vote.voter)) {
    tally.voters.add(vote.voter);
    tally.received.push(vote);
    add(tally, vote.value, weight);
  } else if (!tally.received.some((kept) => sameVote(kept, vote))) {
    tally.received.push(vote);
    const sent = tally.received.filter((kept) => kept.voter === vote.voter);
    // A member known by a certificate only has said nothing here before.
    if (sent.length > 1) keeper.evidence.push(sent);
  }
  if (!votes.voterWeights.has(vote.voter)) votes.voterWeights.set(vote.voter, weight);
  if (vote.round > currentRound && sum(votes.voterWeights) >= keeper.skip)
    return emit(votes, { type: 'skip', round: vote.round }, true);
  return emit(votes, reached(keeper, tally, vote.kind, vote.round, vote.value), false);
}

/** Counts a verified certificate: `signers` (distinct, with their weights) all voted `value`, whatever else some of them said before. */
export function applyCertificate(
  keeper: VoteKeeper,
  kind: VoteKind,
  round: number,
  value: Ballot,
  signers: ReadonlyMap<string, number>,
): KeeperOutput {
  const votes = roundOf(keeper, round);
  const tally = votes[kind];
  add(tally, value, Math.max(0, sum(signers) - (tally.weights.get(value) ?? 0)));
  for (const [voter, weight] of signers) {
    tally.voters.add(voter);
    votes.voterWeights.set(voter, weight);
  }
  return emit(votes, reached(keeper, tally, kind, round, value), false);
}

/** Forgets the rounds for which `keep` is false. */
export function forgetRounds(keeper: VoteKeeper, keep: (round: number) => boolean): void {
  for (const round of keeper.rounds.keys()) if (!keep(round)) keeper.rounds.delete(round);
}

export function weightOf(keeper: VoteKeeper, kind: VoteKind, round: number, value: Ballot): number {
  return keeper.rounds.get(round)?.[kind].weights.get(value) ?? 0;
}

export function hasQuorumOn(keeper: VoteKeeper, kind: VoteKind, round: number, value: Ballot): boolean {
  return weightOf(keeper, kind, round, value) >= keeper.quorum;
}

export function hasQuorumOfAny(keeper: VoteKeeper, kind: VoteKind, round: number): boolean {
  const tally = keeper.rounds.get(round)?.[kind];
  return tally !== undefined && tally.total >= keeper.quorum;
}

function roundOf(keeper: VoteKeeper, round: number): RoundVotes {
  let votes = keeper.rounds.get(round);
  if (votes === undefined) {
    votes = { prevote: emptyTally(), precommit: emptyTally(), emitted: [], voterWeights: new Map() };
    keeper.rounds.set(round, votes);
  }
  return votes;
}

function add(tally: Tally, value: Ballot, weight: number): void {
  tally.weights.set(value, (tally.weights.get(value) ?? 0) + weight);
  tally.total += weight;
}

function reached(keeper: VoteKeeper, tally: Tally, kind: VoteKind, round: number, value: Ballot): KeeperOutput {
  const onValue = (tally.weights.get(value) ?? 0) >= keeper.quorum;
  if (!onValue && tally.total < keeper.quorum) return none;
  if (onValue && value !== null) return { type: kind === 'prevote' ? 'polkaValue' : 'precommitValue', round, value };
  if (kind === 'precommit') return { type: 'precommitAny', round };
  return { type: onValue ? 'polkaNil' : 'polkaAny', round };
}

/** Answers `output` if it was not given before, or may be `again`. */
function emit(votes: RoundVotes, output: KeeperOutput, again: boolean): KeeperOutput {
  if (output.type === 'none') return output;
  const isKnown = votes.emitted.some((given) => given.type === output.type && valueIn(given) === valueIn(output));
  if (!isKnown) votes.emitted.push(output);
  return isKnown && !again ? none : output;
}

function valueIn(output: KeeperOutput): ValueId | undefined {
  return 'value' in output ? output.value : undefined;
}

function sameVote(a: KeptVote, b: KeptVote): boolean {
  return a.kind === b.kind && a.round === b.round && a.voter === b.voter && a.value === b.value;
}

function sum(weights: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const weight of weights.values()) total += weight;
  return total;
}
