// Law: one instance decides at most once. Its node signs at most one prevote, one precommit and one proposal per round, whatever happens;
// it prevotes only what it holds and found valid or what a polka proves; a decision by round-0 prevotes is never contradicted later.
import type { NodeId } from '../actors/system/index.ts';
import { Ballots, type Conflict, type HeldVote } from './ballots.ts';
import { type CertificateKind, votesCertified } from './certificate.ts';
import { type CoreInput, type CoreState, initialCore, type TimeoutKind, type ValueId, type VoteKind } from './core.ts';
import { leaderOrder } from './epoch.ts';
import { Horizon } from './horizon.ts';
import type { InstanceHost } from './instance-host.ts';
import { Judge } from './judging.ts';
import { Leading, reportedValues } from './leading.ts';
import { type InstanceId, isLeaderless, noAgreement, type Subject, type Vote, valueIdOf } from './messages.ts';
import { OwnStatements } from './own-statements.ts';
import { Pacer } from './pacer.ts';
import { Proposals } from './proposals.ts';
import { Rounds } from './rounds.ts';
import { Settlement } from './settlement.ts';
import type { HeldEntry } from './signed-entry.ts';

/** The round machine of one instance with all that it holds; `Instance` tells it what others say. */
export class RoundMachine {
  readonly id: InstanceId;
  readonly subject: Subject;
  /** Members in the order in which they lead. */
  readonly order: readonly NodeId[];
  readonly host: InstanceHost;
  /** Whether nobody leads round 0. */
  readonly isLeaderless: boolean;
  readonly ballots: Ballots;
  readonly proposals = new Proposals();
  readonly own: OwnStatements;
  readonly polkas = new Rounds<ValueId>();
  readonly horizon: Horizon;
  readonly judge: Judge;
  readonly pacer: Pacer;
  core: CoreState;
  offer: ValueId | undefined;
  settlement: Settlement | undefined;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.order = leaderOrder(id, host.epoch.weights.keys());
    this.host = host;
    this.isLeaderless = isLeaderless(subject.domain);
    if (this.isLeaderless) this.proposals.addPayload(valueIdOf(noAgreement, host.crypto), noAgreement);
    this.ballots = new Ballots(host.epoch, host.rules, subject.domain);
    this.own = new OwnStatements(id, subject, host, this.ballots, this.proposals);
    this.horizon = new Horizon(host.epoch, host.limits.futureRounds);
    this.judge = new Judge(id, subject, this.order, host, this.ballots, this.proposals, this.polkas);
    this.pacer = new Pacer(id, host, this.own, this.proposals);
    this.core = initialCore(id);
  }

  leader(round: number): NodeId {
    return this.order[round % this.order.length]!;
  }

  enterRound(round: number): void {
    this.pacer.enter();
    this.core = this.host.rules.core(this.core, this.entering(round)).state;
    for (const polka of this.polkas.kept) this.core = this.host.rules.learnPolka(this.core, polka.round, polka.value);
    this.arm('propose');
    if (round === 0) return;
    this.#forget();
    this.pacer.syncAll(this.readCore);
  }

  entering(round: number): CoreInput {
    const leads = this.leader(round) === this.host.self && !(this.isLeaderless && round === 0);
    return { type: leads ? 'newRoundAsLeader' : 'newRound', round };
  }

  arm(kind: TimeoutKind): void {
    this.pacer.arm(kind, this.core.round, this.leader(this.core.round));
  }

  show(vote: Vote, held: HeldEntry): void {
    this.host.emit({ type: 'vote', instance: this.id, subject: this.subject, signer: held.signer, vote });
  }

  apply(input: CoreInput): void {
    const { state, output } = this.host.rules.core(this.core, input);
    this.core = state;
    if (output.type === 'vote') {
      const said = this.own.vote(output.kind, output.value, { ...state, round: output.round });
      if (said === undefined) return;
      this.ballots.add(said, state.round, this.onConflict);
      this.show(said.vote, said.held);
      if (output.value !== null) this.conclude(output.kind, output.round, output.value);
    } else if (output.type === 'timer') this.arm(output.kind);
    else if (output.type === 'skip') this.enterRound(output.round);
  }

  /** Leaves the round. Every node owes one round-0 report: without the silent ones' nil, later leaders might wait for ever. */
  leave(input: CoreInput): void {
    const { round, step } = this.core;
    if (round === 0 && step === 'propose') this.apply({ type: 'timeout', kind: 'propose', instance: this.id, round });
    if (this.settlement === undefined) this.apply(input);
  }

  advance(): void {
    while (this.settlement === undefined && this.core.step !== 'new' && this.#move());
  }

  /** Applies one rule that has become true; false where none has. */
  #move(): boolean {
    const { round, step } = this.core;
    const ahead = this.horizon.reached();
    if (ahead > round) {
      this.leave({ type: 'roundSkip', round: ahead });
      return true;
    }
    if (this.ballots.hasQuorumOfAny('precommit', round)) this.apply({ type: 'precommitAny' });
    if (step === 'propose')
      return this.isLeaderless && round === 0 ? this.#tryAnswer() : this.#tryPropose() || this.#tryPrevote();
    const polka = this.polkas.get(round);
    if (polka !== undefined && (step === 'prevote' || (step === 'precommit' && this.core.validRound < round))) {
      this.apply({ type: 'polkaValue', value: polka });
      return true;
    }
    if (step !== 'prevote') return false;
    if (this.ballots.hasNilQuorum(round)) {
      this.apply({ type: 'polkaNil' });
      return true;
    }
    if (this.ballots.hasQuorumOfAny('prevote', round)) this.apply({ type: 'polkaAny' });
    return false;
  }

  /** Without a leader, a member prevotes what it found itself. */
  #tryAnswer(): boolean {
    if (this.offer !== undefined) this.apply({ type: 'proposal', value: this.offer });
    else this.#want();
    return this.offer !== undefined;
  }

  #want(): void {
    if (this.host.self === undefined || !this.pacer.once('wanted')) return;
    this.host.emit({ type: 'wanted', instance: this.id, subject: this.subject, round: this.core.round });
  }

  #tryPropose(): boolean {
    const { round, validValue } = this.core;
    if (this.host.self === undefined || this.leader(round) !== this.host.self || this.own.has('proposal', round))
      return false;
    const parts = [this.ballots, this.proposals, this.own, this.judge, this.pacer] as const;
    const plan = new Leading(this.subject.domain, this.order, this.host, ...parts).plan(
      this.core,
      this.offer,
      this.readCore,
    );
    if (plan === undefined) return false;
    if (plan.value === undefined) {
      this.#want();
      return false;
    }
    if (validValue === null) this.apply({ type: 'proposeValue', value: plan.value });
    this.proposals.add(this.own.propose(round, plan.value, this.core.validRound, plan.justification), () => true);
    return true;
  }

  #tryPrevote(): boolean {
    const held = this.proposals.of(this.core.round);
    if (held === undefined) return false;
    const { value, polkaRound } = held.proposal;
    held.permitted ??= this.judge.isPermitted(held);
    if (held.permitted === undefined) return false;
    const payload = this.proposals.payload(value);
    if (held.permitted && payload === undefined) return false;
    if (!held.permitted) this.apply({ type: 'proposalInvalid' });
    else if (polkaRound >= 0) this.apply({ type: 'proposalWithPolka', value, polkaRound });
    else {
      const valid = this.judge.isValid(value);
      if (valid === undefined) return false;
      this.apply(valid ? { type: 'proposal', value } : { type: 'proposalInvalid' });
    }
    return true;
  }

  conclude(kind: VoteKind, round: number, value: ValueId): void {
    const conclusion = this.settlement === undefined ? this.ballots.conclude(kind, round, value) : undefined;
    if (conclusion?.type === 'decide') this.decide(conclusion.kind, round, value);
    else if (conclusion?.type === 'polka' && this.polkas.get(round) === undefined) {
      this.polkas.set(round, value);
      this.core = this.host.rules.learnPolka(this.core, round, value);
    }
  }

  decide(kind: Exclude<CertificateKind, 'POLKA'>, round: number, value: ValueId, encoded?: Uint8Array): void {
    this.apply({ type: 'commit', round, value });
    const proof = encoded ?? this.ballots.votesFor(votesCertified(kind), round, value);
    this.settlement = new Settlement(this.id, this.subject, this.host, { kind, round, value }, proof);
    this.host.settled(this.id, this.pacer.awaited);
    // Nobody waits for what an observer says, so it writes down what it learnt at once.
    if (this.host.self === undefined) this.host.due();
    this.deliver();
  }

  deliver(): void {
    const payload = this.settlement === undefined ? undefined : this.proposals.payload(this.settlement.decided.value);
    if (payload === undefined) this.#askHolders();
    else this.settlement?.deliver(payload);
  }

  onResend(): void {
    if (this.settlement === undefined) this.pacer.resend(this.readCore);
    else if (!this.settlement.isDelivered) this.#askHolders();
  }

  #askHolders(): void {
    if (this.settlement !== undefined)
      this.pacer.askHolders(this.settlement.decided.value, this.settlement.holders(), this.core.round);
  }

  /** Keeps a vote; false where it is known, too far off, or one too many. */
  take({ vote, held }: HeldVote): boolean {
    const { round } = this.core;
    this.horizon.saw(held.signer, vote.round, round);
    if (this.horizon.isNear(vote.round, round)) return this.ballots.add({ vote, held }, round, this.onConflict);
    this.advance();
    return false;
  }

  #forget(): void {
    const { validRound, lockedValue, validValue } = this.core;
    const keep = (round: number): boolean => this.horizon.isNear(round, this.core.round) || round === validRound;
    this.ballots.forget(keep);
    this.polkas.forget(keep);
    this.horizon.entered(this.core.round);
    const reported = new Set(reportedValues(this.ballots));
    this.proposals.forget(
      keep,
      (value) =>
        value === this.offer ||
        value === lockedValue ||
        value === validValue ||
        reported.has(value) ||
        (this.isLeaderless && value === valueIdOf(noAgreement, this.host.crypto)),
    );
  }

  readonly readCore = (): CoreState => this.core;

  readonly onConflict = ({ kind, first, second }: Conflict): void => {
    // Only somebody else with this node's key can contradict what it says in this very call; the next repetition will show it.
    if (!first.isSealed || !second.isSealed) return;
    this.judge.convict({ kind, culprit: first.signer, first: first.export(), second: second.export() });
  };
}
