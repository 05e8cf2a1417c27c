// Law: what members have said in an instance is kept signed, at most two different statements per member, round and kind (one to count,
// one to convict), and every conclusion (polka, commit, fast decision) can be shown with distinct signers.
import type { NodeId } from '../actors/system/index.ts';
import type { CertificateKind } from './certificate.ts';
import type { ValueId, VoteKind } from './core.ts';
import type { EpochView } from './epoch.ts';
import { conflictOf } from './evidence.ts';
import { decodeEntry, type Vote } from './messages.ts';
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

type RoundBallots = Record<VoteKind, Map<NodeId, HeldVote[]>>;
const statementsPerSlot = 2;

export class Ballots {
  readonly #epoch: EpochView;
  readonly #rules: Rules;
  readonly #rounds = new Map<number, RoundBallots>();
  #keeper: VoteKeeper;

  constructor(epoch: EpochView, rules: Rules) {
    this.#epoch = epoch;
    this.#rules = rules;
    this.#keeper = emptyKeeper(epoch.thresholds);
  }

  /** Keeps and counts a verified vote of a member. False: known already, or one statement too many. */
  add({ vote, held }: HeldVote, currentRound: number, onConflict: (conflict: Conflict) => void): boolean {
    const slot = this.#slot(vote.kind, vote.round, held.signer);
    if (slot.length >= statementsPerSlot || slot.some((known) => sameEntry(known.held, held))) return false;
    this.#findConflicts({ vote, held }, onConflict);
    slot.push({ vote, held });
    const kept = { kind: vote.kind, round: vote.round, voter: held.signer, value: vote.value };
    this.#keeper = this.#rules.applyVote(
      this.#keeper,
      kept,
      this.#epoch.weights.get(held.signer) ?? 0,
      currentRound,
    ).keeper;
    // The keeper counts an equivocator's first statement only. Its second one may complete a certificate for a value that others see.
    if (slot.length > 1 && vote.value !== null) this.#countCertificate(vote.kind, vote.round, vote.value);
    return true;
  }

  /** What holds about `value` in that round and kind now. */
  conclude(kind: VoteKind, round: number, value: ValueId): Conclusion | undefined {
    if (kind === 'prevote' && round === 0 && this.weightFor(kind, 0, value) >= this.#epoch.thresholds.fast) {
      return { type: 'decide', kind: 'FAST', round, value };
    }
    if (!hasQuorumOn(this.#keeper, kind, round, value)) return undefined;
    return kind === 'prevote' ? { type: 'polka', round, value } : { type: 'decide', kind: 'COMMIT', round, value };
  }

  /** Every value voted for, by round and kind: what a restarted node concludes from. */
  *values(): Iterable<{ readonly kind: VoteKind; readonly round: number; readonly value: ValueId }> {
    for (const [round, ballots] of this.#rounds) {
      for (const kind of ['prevote', 'precommit'] as const) {
        const values = new Set([...ballots[kind].values()].flatMap((votes) => votes.map(({ vote }) => vote.value)));
        for (const value of values) if (value !== null) yield { kind, round, value };
      }
    }
  }

  hasNilQuorum(round: number): boolean {
    return hasQuorumOn(this.#keeper, 'prevote', round, null);
  }

  hasQuorumOfAny(kind: VoteKind, round: number): boolean {
    return hasQuorumOfAny(this.#keeper, kind, round);
  }

  /** Statements by member; at most two each. */
  of(kind: VoteKind, round: number): ReadonlyMap<NodeId, readonly HeldVote[]> {
    return this.#rounds.get(round)?.[kind] ?? new Map();
  }

  /** One entry per member that voted for `value`. */
  votesFor(kind: VoteKind, round: number, value: ValueId): HeldEntry[] {
    const found: HeldEntry[] = [];
    for (const votes of this.of(kind, round).values()) {
      const vote = votes.find((each) => each.vote.value === value);
      if (vote !== undefined) found.push(vote.held);
    }
    return found;
  }

  weightFor(kind: VoteKind, round: number, value: ValueId): number {
    return this.votesFor(kind, round, value).reduce(
      (sum, held) => sum + (this.#epoch.weights.get(held.signer) ?? 0),
      0,
    );
  }

  /** Whether this very vote is held, so that its signature need not be checked again. */
  readonly isKnown = (signed: SignedEntry): boolean => {
    const entry = decodeEntry(signed.entry);
    if (entry.type !== 'vote') return false;
    const { kind, round } = entry.vote;
    return (
      this.of(kind, round)
        .get(signed.signer)
        ?.some((known) => sameSigned(known.held, signed)) === true
    );
  };

  /** Whether a round-0 prevote names the proposal of that hash. */
  isNamed(hash: string): boolean {
    for (const votes of this.of('prevote', 0).values())
      if (votes.some(({ vote }) => vote.proposalHash === hash)) return true;
    return false;
  }

  forget(keep: (round: number) => boolean): void {
    this.#keeper = forgetRounds(this.#keeper, keep);
    for (const round of [...this.#rounds.keys()]) if (!keep(round)) this.#rounds.delete(round);
  }

  #slot(kind: VoteKind, round: number, signer: NodeId): HeldVote[] {
    const ballots = this.#rounds.get(round) ?? { prevote: new Map(), precommit: new Map() };
    this.#rounds.set(round, ballots);
    const slot = ballots[kind].get(signer) ?? [];
    ballots[kind].set(signer, slot);
    return slot;
  }

  #countCertificate(kind: VoteKind, round: number, value: ValueId): void {
    const weights = new Map(
      this.votesFor(kind, round, value).map((held) => [held.signer, this.#epoch.weights.get(held.signer) ?? 0]),
    );
    const weight = [...weights.values()].reduce((sum, each) => sum + each, 0);
    if (weight >= this.#epoch.thresholds.quorum)
      this.#keeper = applyCertificate(this.#keeper, kind, round, value, weights).keeper;
  }

  #findConflicts({ vote, held }: HeldVote, onConflict: (conflict: Conflict) => void): void {
    for (const ballots of this.#rounds.values()) {
      for (const kind of ['prevote', 'precommit'] as const) {
        for (const known of ballots[kind].get(held.signer) ?? []) {
          const conflict = conflictOf(known.vote, vote);
          if (conflict !== undefined) onConflict({ kind: conflict, first: known.held, second: held });
        }
      }
    }
  }
}
