// Law: what members have said in an instance is kept signed, at most two different statements per member, round and kind (one to count,
// one to convict), and every conclusion (polka, commit, fast decision) can be shown with distinct signers.
import type { NodeId } from '../actors/system/index.ts';
import type { CertificateKind } from './certificate.ts';
import type { ValueId, VoteKind } from './core.ts';
import { type EpochView, thresholdsIn } from './epoch.ts';
import { conflictOf } from './evidence.ts';
import { type Domain, decodeEntry, type Vote } from './messages.ts';
import { appended, nothing, Rounds } from './rounds.ts';
import type { Rules } from './rules.ts';
import { type HeldEntry, type SignedEntry, sameEntry, sameSigned } from './signed-entry.ts';
import {
  applyCertificate,
  emptyKeeper,
  forgetRounds,
  hasQuorumOfAny,
  hasQuorumOn,
  type VoteKeeper,
} from './vote-keeper.ts';

export interface HeldVote {
  readonly vote: Vote;
  readonly held: HeldEntry;
}

/** Something two votes of one member prove against it. */
export interface Conflict {
  readonly kind: 'prevotes' | 'precommits' | 'amnesia';
  readonly first: HeldEntry;
  readonly second: HeldEntry;
}

/** What a new vote brought about. */
export type Conclusion =
  | { readonly type: 'polka'; readonly round: number; readonly value: ValueId }
  | {
      readonly type: 'decide';
      readonly kind: Exclude<CertificateKind, 'POLKA'>;
      readonly round: number;
      readonly value: ValueId;
    };

/** Statements of one kind and round. */
interface Slots {
  /** What each member said first. */
  first: readonly HeldVote[];
  /** What a member said besides: it convicts, and one is enough. Of what a log holds, all. */
  second: readonly HeldVote[];
}
interface RoundBallots {
  prevote: Slots | undefined;
  precommit: Slots | undefined;
}
const kinds = ['prevote', 'precommit'] as const;

export class Ballots {
  readonly #epoch: EpochView;
  readonly #rules: Rules;
  readonly #rounds = new Rounds<RoundBallots>();
  readonly #keeper: VoteKeeper;
  readonly #fast: number;

  constructor(epoch: EpochView, rules: Rules, domain: Domain) {
    this.#epoch = epoch;
    this.#rules = rules;
    this.#keeper = emptyKeeper(epoch.thresholds);
    this.#fast = thresholdsIn(epoch, domain).fast;
  }

  /** Keeps and counts a verified vote of a member. False: known already, or one statement too many. */
  add(added: HeldVote, currentRound: number, onConflict: (conflict: Conflict) => void): boolean {
    const { vote, held } = added;
    const slots = this.#slots(vote.kind, vote.round);
    const first = of(slots.first, held.signer);
    if (first !== undefined && (of(slots.second, held.signer) !== undefined || sameEntry(first.held, held)))
      return false;
    this.#findConflicts(added, onConflict);
    this.#keep(added, slots, currentRound);
    return true;
  }

  /**
   * Keeps and counts what this node's log holds, in whatever order, however much a member said: a decision may rest on any of it, and it was
   * bounded when it was written.
   */
  restore(added: HeldVote): void {
    const { kind, round } = added.vote;
    if (this.all(kind, round).some(({ held }) => sameEntry(held, added.held))) return;
    this.#keep(added, this.#slots(kind, round), round);
  }

  #keep(added: HeldVote, slots: Slots, currentRound: number): void {
    const { kind, round, value } = added.vote;
    const { signer } = added.held;
    if (of(slots.first, signer) === undefined) slots.first = appended(slots.first, added);
    else slots.second = appended(slots.second, added);
    const weight = this.#epoch.weights.get(signer) ?? 0;
    this.#rules.applyVote(this.#keeper, { kind, round, voter: signer, value }, weight, currentRound);
    // The keeper counts an equivocator's first statement only. Its second one may complete a certificate for a value that others see, and so
    // may what others say after it.
    if (slots.second.length > 0 && value !== null) this.#countCertificate(kind, round, value);
  }

  /** What holds about `value` in that round and kind now. */
  conclude(kind: VoteKind, round: number, value: ValueId): Conclusion | undefined {
    if (kind === 'prevote' && round === 0 && this.#weightFor(kind, 0, value) >= this.#fast) {
      return { type: 'decide', kind: 'FAST', round, value };
    }
    if (!hasQuorumOn(this.#keeper, kind, round, value)) return undefined;
    return kind === 'prevote' ? { type: 'polka', round, value } : { type: 'decide', kind: 'COMMIT', round, value };
  }

  /** Every value voted for, by round and kind: what a restarted node concludes from. */
  *values(): Iterable<{ readonly kind: VoteKind; readonly round: number; readonly value: ValueId }> {
    for (const { round } of this.#rounds.kept) {
      for (const kind of kinds) {
        const values = new Set<ValueId>();
        for (const { vote } of this.all(kind, round)) if (vote.value !== null) values.add(vote.value);
        for (const value of values) yield { kind, round, value };
      }
    }
  }

  hasNilQuorum(round: number): boolean {
    return hasQuorumOn(this.#keeper, 'prevote', round, null);
  }

  hasQuorumOfAny(kind: VoteKind, round: number): boolean {
    return hasQuorumOfAny(this.#keeper, kind, round);
  }

  /** All statements; at most two of each member, but for what a log held. */
  all(kind: VoteKind, round: number): readonly HeldVote[] {
    const slots = this.#rounds.get(round)?.[kind];
    if (slots === undefined) return nothing;
    return slots.second.length === 0 ? slots.first : [...slots.first, ...slots.second];
  }

  /** All statements of all kinds and rounds. */
  *everything(): Iterable<HeldEntry> {
    for (const { round } of this.#rounds.kept)
      for (const kind of kinds) for (const { held } of this.all(kind, round)) yield held;
  }

  /** One entry per member that voted for `value`. */
  votesFor(kind: VoteKind, round: number, value: ValueId): HeldEntry[] {
    const found: HeldEntry[] = [];
    for (const { vote, held } of this.all(kind, round)) if (vote.value === value) addOnce(found, held);
    return found;
  }

  #weightFor(kind: VoteKind, round: number, value: ValueId): number {
    const slots = this.#rounds.get(round)?.[kind];
    if (slots === undefined) return 0;
    if (slots.second.length > 0) return this.#weigh(this.votesFor(kind, round, value));
    let weight = 0;
    for (const { vote, held } of slots.first)
      if (vote.value === value) weight += this.#epoch.weights.get(held.signer) ?? 0;
    return weight;
  }

  #weigh(votes: readonly HeldEntry[]): number {
    return votes.reduce((sum, { signer }) => sum + (this.#epoch.weights.get(signer) ?? 0), 0);
  }

  /** Whether this very vote is held, so that its signature need not be checked again. */
  isKnown(signed: SignedEntry): boolean {
    const entry = decodeEntry(signed.entry);
    if (entry.type !== 'vote') return false;
    const slots = this.#rounds.get(entry.vote.round)?.[entry.vote.kind];
    if (slots === undefined) return false;
    const known = [of(slots.first, signed.signer), of(slots.second, signed.signer)];
    return known.some((each) => each !== undefined && sameSigned(each.held, signed));
  }

  /** Whether a round-0 prevote names the proposal of that hash. */
  isNamed(hash: string): boolean {
    for (const { vote } of this.all('prevote', 0)) if (vote.proposalHash === hash) return true;
    return false;
  }

  forget(keep: (round: number) => boolean): void {
    forgetRounds(this.#keeper, keep);
    this.#rounds.forget(keep);
  }

  #slots(kind: VoteKind, round: number): Slots {
    let ballots = this.#rounds.get(round);
    if (ballots === undefined) {
      ballots = { prevote: undefined, precommit: undefined };
      this.#rounds.set(round, ballots);
    }
    ballots[kind] ??= { first: nothing, second: nothing };
    return ballots[kind];
  }

  #countCertificate(kind: VoteKind, round: number, value: ValueId): void {
    const votes = this.votesFor(kind, round, value);
    if (this.#weigh(votes) < this.#epoch.thresholds.quorum) return;
    const weights = new Map(votes.map(({ signer }) => [signer, this.#epoch.weights.get(signer) ?? 0]));
    applyCertificate(this.#keeper, kind, round, value, weights);
  }

  #findConflicts({ vote, held }: HeldVote, onConflict: (conflict: Conflict) => void): void {
    for (const { round } of this.#rounds.kept) {
      for (const kind of kinds) {
        for (const known of this.all(kind, round)) {
          const conflict = known.held.signer === held.signer ? conflictOf(known.vote, vote) : undefined;
          if (conflict !== undefined) onConflict({ kind: conflict, first: known.held, second: held });
        }
      }
    }
  }
}

/** A member may have made two different statements for one value. */
function addOnce(found: HeldEntry[], held: HeldEntry): void {
  if (!found.some(({ signer }) => signer === held.signer)) found.push(held);
}

function of(votes: readonly HeldVote[], signer: NodeId): HeldVote | undefined {
  for (const each of votes) if (each.held.signer === signer) return each;
  return undefined;
}
