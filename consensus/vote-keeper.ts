// Law: weight is counted once per member and (round, kind), whatever that member sends: its first vote counts, a second one is
// remembered as evidence, and only a certificate (distinct signers of one value) may count a value past that rule.
import type { Ballot, ValueId, VoteKind } from './core.ts';
import { appended, nothing, Rounds } from './rounds.ts';

export interface KeptVote {
  readonly kind: VoteKind;
  readonly round: number;
  readonly voter: string;
  readonly value: Ballot;
}

export interface CountedVote {
  readonly voter: string;
  /** Undefined for a member of whom only a certificate is known. */
  readonly value: Ballot | undefined;
  readonly weight: number;
}

export interface Tally {
  /** One vote of each member: its first. */
  counted: readonly CountedVote[];
  /** Distinct votes that were not counted. */
  others: readonly KeptVote[];
  /** Weight that certificates showed beyond the votes that were counted. */
  certified: ReadonlyMap<Ballot, number> | undefined;
  /** Of all values together. */
  total: number;
}

export type KeeperOutput =
  | { readonly type: 'none' }
  | { readonly type: 'polkaAny' | 'polkaNil' | 'precommitAny' | 'skip'; readonly round: number }
  | { readonly type: 'polkaValue' | 'precommitValue'; readonly round: number; readonly value: ValueId };

export interface RoundVotes {
  prevote: Tally | undefined;
  precommit: Tally | undefined;
  /** Outputs given so far: each is given once, skips aside. */
  emitted: readonly KeeperOutput[];
}

/**
 * Changed in place, and lists rather than maps: of thousands of instances each counts a handful of votes, and what they hold while they are
 * under way is what the collector has to move.
 */
export interface VoteKeeper {
  /** Weight that makes a polka or a commit. */
  readonly quorum: number;
  /** Weight that proves one honest member is in a later round. */
  readonly skip: number;
  readonly rounds: Rounds<RoundVotes>;
  /** Per equivocation, all votes of that member for that round and kind. */
  evidence: readonly (readonly KeptVote[])[];
}

const none: KeeperOutput = { type: 'none' };

export function emptyKeeper(thresholds: { readonly quorum: number; readonly skip: number }): VoteKeeper {
  return { quorum: thresholds.quorum, skip: thresholds.skip, rounds: new Rounds(), evidence: nothing };
}

/** Counts one vote of a member of that weight. `currentRound` is the round the node is in: later rounds can only make it skip there. */
export function applyVote(keeper: VoteKeeper, vote: KeptVote, weight: number, currentRound: number): KeeperOutput {
  const { kind, round, voter, value } = vote;
  const votes = roundOf(keeper, round);
  const tally = tallyOf(votes, kind);
  const first = tally.counted.find((counted) => counted.voter === voter);
  if (first === undefined) {
    tally.counted = appended(tally.counted, { voter, value, weight });
    tally.total += weight;
  } else if (first.value !== value && !tally.others.some((kept) => sameVote(kept, vote))) {
    tally.others = appended(tally.others, vote);
    const sent = receivedBy(tally, kind, round).filter((kept) => kept.voter === voter);
    // A member known by a certificate only has said nothing here before.
    if (sent.length > 1) keeper.evidence = appended(keeper.evidence, sent);
  }
  if (round > currentRound && sumOf(votersOf(votes)) >= keeper.skip) return emit(votes, { type: 'skip', round }, true);
  return emit(votes, reached(keeper, tally, kind, round, value), false);
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
  const tally = tallyOf(votes, kind);
  const more = Math.max(0, sumOf(signers) - weightIn(tally, value));
  tally.certified = new Map(tally.certified).set(value, (tally.certified?.get(value) ?? 0) + more);
  tally.total += more;
  for (const [voter, weight] of signers)
    if (!tally.counted.some((counted) => counted.voter === voter))
      tally.counted = appended(tally.counted, { voter, value: undefined, weight });
  return emit(votes, reached(keeper, tally, kind, round, value), false);
}

/** Forgets the rounds for which `keep` is false. */
export function forgetRounds(keeper: VoteKeeper, keep: (round: number) => boolean): void {
  keeper.rounds.forget(keep);
}

export function hasQuorumOn(keeper: VoteKeeper, kind: VoteKind, round: number, value: Ballot): boolean {
  const tally = keeper.rounds.get(round)?.[kind];
  return tally !== undefined && weightIn(tally, value) >= keeper.quorum;
}

export function hasQuorumOfAny(keeper: VoteKeeper, kind: VoteKind, round: number): boolean {
  const tally = keeper.rounds.get(round)?.[kind];
  return tally !== undefined && tally.total >= keeper.quorum;
}

/** Every distinct vote that was received, those that were not counted included. */
export function receivedBy(tally: Tally, kind: VoteKind, round: number): KeptVote[] {
  const counted = tally.counted.flatMap(({ voter, value }) =>
    value === undefined ? [] : [{ kind, round, voter, value }],
  );
  return [...counted, ...tally.others];
}

/** Who voted in a round, in either kind, with their weights. */
export function votersOf({ prevote, precommit }: RoundVotes): ReadonlyMap<string, number> {
  const voters = new Map<string, number>();
  for (const tally of [prevote, precommit])
    for (const { voter, weight } of tally?.counted ?? nothing) if (!voters.has(voter)) voters.set(voter, weight);
  return voters;
}

function roundOf(keeper: VoteKeeper, round: number): RoundVotes {
  let votes = keeper.rounds.get(round);
  if (votes === undefined) {
    votes = { prevote: undefined, precommit: undefined, emitted: nothing };
    keeper.rounds.set(round, votes);
  }
  return votes;
}

function tallyOf(votes: RoundVotes, kind: VoteKind): Tally {
  votes[kind] ??= { counted: nothing, others: nothing, certified: undefined, total: 0 };
  return votes[kind];
}

function weightIn(tally: Tally, value: Ballot): number {
  let weight = tally.certified?.get(value) ?? 0;
  for (const counted of tally.counted) if (counted.value === value) weight += counted.weight;
  return weight;
}

function reached(keeper: VoteKeeper, tally: Tally, kind: VoteKind, round: number, value: Ballot): KeeperOutput {
  if (tally.total < keeper.quorum) return none;
  const onValue = weightIn(tally, value) >= keeper.quorum;
  if (onValue && value !== null) return { type: kind === 'prevote' ? 'polkaValue' : 'precommitValue', round, value };
  if (kind === 'precommit') return { type: 'precommitAny', round };
  return { type: onValue ? 'polkaNil' : 'polkaAny', round };
}

/** Answers `output` if it was not given before, or may be `again`. */
function emit(votes: RoundVotes, output: KeeperOutput, again: boolean): KeeperOutput {
  if (output.type === 'none') return output;
  const isKnown = votes.emitted.some((given) => given.type === output.type && valueIn(given) === valueIn(output));
  if (!isKnown) votes.emitted = appended(votes.emitted, output);
  return isKnown && !again ? none : output;
}

function valueIn(output: KeeperOutput): ValueId | undefined {
  return 'value' in output ? output.value : undefined;
}

function sameVote(a: KeptVote, b: KeptVote): boolean {
  return a.kind === b.kind && a.round === b.round && a.voter === b.voter && a.value === b.value;
}

function sumOf(weights: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const weight of weights.values()) total += weight;
  return total;
}
