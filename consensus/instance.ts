// Law: one instance decides at most once. Its node signs at most one prevote, one precommit and one proposal per round, whatever happens;
// it prevotes only what it holds and found valid or what a polka proves; a decision by round-0 prevotes is never contradicted later.
import type { NodeId } from '../actors/system/index.ts';
import { hex } from '../protocols/wire/index.ts';
import { Ballots, type Conflict, type HeldVote } from './ballots.ts';
import type { CalmInstance } from './calm-instance.ts';
import {
  type Certificate,
  type CertificateKind,
  decodeCertificate,
  encodeCertificate,
  votesCertified,
} from './certificate.ts';
import { type CoreInput, type CoreState, initialCore, type TimeoutKind, type ValueId, type VoteKind } from './core.ts';
import type { TimerKind } from './engine-types.ts';
import { leaderOrder } from './epoch.ts';
import type { Sync } from './frame.ts';
import { Horizon } from './horizon.ts';
import type { InstanceHost } from './instance-host.ts';
import { Judge } from './judging.ts';
import { Leading, reportedValues } from './leading.ts';
import {
  decodeEntry,
  type InstanceId,
  isLeaderless,
  noAgreement,
  noHash,
  type Proposal,
  type Subject,
  type Vote,
  valueIdOf,
} from './messages.ts';
import { OwnStatements } from './own-statements.ts';
import { Pacer } from './pacer.ts';
import { type HeldProposal, Proposals } from './proposals.ts';
import { Restoring } from './restoring.ts';
import { Rounds } from './rounds.ts';
import { Settlement } from './settlement.ts';
import { HeldEntry, type SignedEntry } from './signed-entry.ts';

export class Instance {
  readonly id: InstanceId;
  readonly subject: Subject;
  /** Members in the order in which they lead. */
  readonly order: readonly NodeId[];
  readonly #host: InstanceHost;
  /** Whether nobody leads round 0. */
  readonly #isLeaderless: boolean;
  readonly #ballots: Ballots;
  readonly #proposals = new Proposals();
  readonly #own: OwnStatements;
  readonly #polkas = new Rounds<ValueId>();
  readonly #horizon: Horizon;
  readonly #judge: Judge;
  readonly #pacer: Pacer;
  #core: CoreState;
  #offer: ValueId | undefined;
  #settlement: Settlement | undefined;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.order = leaderOrder(id, host.epoch.weights.keys());
    this.#host = host;
    this.#isLeaderless = isLeaderless(subject.domain);
    if (this.#isLeaderless) this.#proposals.addPayload(valueIdOf(noAgreement, host.crypto), noAgreement);
    this.#ballots = new Ballots(host.epoch, host.rules, subject.domain);
    this.#own = new OwnStatements(id, subject, host, this.#ballots, this.#proposals);
    this.#horizon = new Horizon(host.epoch, host.limits.futureRounds);
    this.#judge = new Judge(id, subject, this.order, host, this.#ballots, this.#proposals, this.#polkas);
    this.#pacer = new Pacer(id, host, this.#own, this.#proposals);
    this.#core = initialCore(id);
  }

  get isDecided(): boolean {
    return this.#settlement !== undefined;
  }

  leader(round: number): NodeId {
    return this.order[round % this.order.length]!;
  }

  /** Goes on where the calm form ends: holds what it held, has said what it said, and takes the step that it could not. */
  takeOver(calm: CalmInstance): void {
    const { proposal, heldProposal: held, proposalHash: hash, vote, validity, offered, payload } = calm;
    if (calm.hasBegun) this.#core = this.#host.rules.core(this.#core, this.#entering(0)).state;
    this.#pacer.takeOver(calm);
    this.#own.takeOver(calm);
    if (offered !== undefined) {
      this.#proposals.addPayload(offered.value, offered.payload);
      this.#proposals.judged(offered.value, true);
      this.#offer = offered.value;
    }
    if (proposal !== undefined && held !== undefined) {
      this.#proposals.add({ proposal, held, hash, justification: undefined, permitted: true }, () => true);
      if (payload !== undefined) this.#proposals.addPayload(proposal.value, payload);
      if (validity !== undefined) this.#proposals.judged(proposal.value, validity);
      if (calm.hasVoted)
        this.#core = this.#host.rules.core(this.#core, { type: 'proposal', value: proposal.value }).state;
    }
    if (vote !== undefined) for (const each of calm.votes) this.#ballots.add({ vote, held: each }, 0, this.#onConflict);
    if (calm.settlement !== undefined) {
      this.#settlement = calm.settlement;
      const { round, value } = calm.settlement.decided;
      this.#core = this.#host.rules.core(this.#core, { type: 'commit', round, value }).state;
      return;
    }
    if (vote?.value !== undefined && vote.value !== null) this.#conclude(vote.kind, vote.round, vote.value);
    this.#advance();
  }

  begin(): void {
    this.#settlement?.announce();
    if (this.#settlement !== undefined || this.#core.step !== 'new') return;
    this.#enterRound(0);
    this.#pacer.armResend(0);
    this.#advance();
  }

  offer(payload: Uint8Array): void {
    const value = valueIdOf(payload, this.#host.crypto);
    this.#proposals.addPayload(value, payload);
    this.#proposals.judged(value, true);
    this.#offer = value;
    this.#advance();
  }

  onValidated(value: ValueId, ok: boolean): void {
    if (this.#proposals.validity(value) !== 'asked') return;
    this.#proposals.judged(value, ok);
    this.#advance();
  }

  /** A verified vote of a member. */
  onVote(vote: Vote, held: HeldEntry): void {
    if (!this.#take({ vote, held })) return;
    this.#own.remember(held);
    this.#show(vote, held);
    if (this.#settlement !== undefined) {
      this.#settlement.onVote(vote, held.signer);
      return;
    }
    if (vote.value !== null) this.#conclude(vote.kind, vote.round, vote.value);
    this.#advance();
  }

  /** A verified proposal of a member. */
  onProposal(proposal: Proposal, held: HeldEntry): void {
    const culprit = held.signer;
    if (this.leader(proposal.round) !== culprit) {
      this.#judge.convict({
        kind: 'unjustified',
        culprit,
        subject: this.subject,
        proposal: held.export(),
        justification: undefined,
      });
      return;
    }
    // What nobody may propose nobody reads; a leader of a later round has signed no round-0 proposal either.
    if (this.#isLeaderless && proposal.round === 0) return;
    if (!this.#horizon.isNear(proposal.round, this.#core.round)) return;
    const hash = hex.encode(this.#host.crypto.sha256(held.entry));
    const added: HeldProposal = { proposal, held, hash, justification: undefined, permitted: undefined };
    const { isKept, other } = this.#proposals.add(added, (named) => this.#ballots.isNamed(named));
    if (isKept) this.#own.remember(held);
    // As in `#onConflict`: an own proposal of this very call is not sealed yet when a second bearer of the key contradicts it.
    if (other?.held.isSealed === true && held.isSealed)
      this.#judge.convict({ kind: 'proposals', culprit, first: other.held.export(), second: held.export() });
    if (this.#settlement !== undefined) return;
    if (this.#proposals.payload(proposal.value) === undefined) this.#pacer.await(proposal.value);
    if (proposal.justificationHash !== noHash) this.#pacer.await(proposal.justificationHash);
    this.#advance();
  }

  onPayload(value: ValueId, payload: Uint8Array): void {
    if (this.#settlement?.isDelivered === true || this.#proposals.payload(value) !== undefined) return;
    const proposer = this.#settlement === undefined ? this.#proposals.proposerOf(value) : undefined;
    if (proposer !== undefined && !this.#host.holds(this.id, proposer, payload.length)) {
      this.#pacer.await(value);
      return;
    }
    this.#proposals.addPayload(value, payload);
    if (this.#settlement?.decided.value === value) this.#deliver();
    else this.#advance();
  }

  onJustification(hash: string, bytes: Uint8Array): void {
    this.#proposals.justify(hash, bytes);
    this.#advance();
  }

  /** A verified certificate of this instance. */
  onCertificate(certificate: Certificate): void {
    const { kind, round, value } = certificate;
    // Beside what it proves as a whole, each of its votes counts and may convict its signer.
    for (const signed of certificate.votes) {
      const entry = decodeEntry(signed.entry);
      const held = HeldEntry.of(signed);
      // A decision is written down as a whole; the votes of a polka may be what a lock rests on.
      if (entry.type === 'vote' && this.#take({ vote: entry.vote, held }) && kind === 'POLKA') this.#own.remember(held);
    }
    if (this.#settlement !== undefined) return;
    if (kind !== 'POLKA') {
      const encoded = encodeCertificate(certificate);
      this.#host.record(this.id, this.subject).certificates.push(encoded);
      this.#decide(kind, round, value, encoded);
    } else this.#conclude(votesCertified(kind), round, value);
    this.#advance();
  }

  /** `from` is undecided in `sync.round` and asks. */
  onSync(from: NodeId, sync: Sync): void {
    if (this.#settlement !== undefined) this.#settlement.answer(from, sync);
    else this.#pacer.answer(from, sync, this.#readCore);
  }

  onTimeout(kind: TimerKind, round: number): void {
    if (kind === 'resend') this.#onResend();
    if (kind === 'resend' || this.#settlement !== undefined || round !== this.#core.round) return;
    if (kind === 'precommit') this.#leave({ type: 'timeout', kind, instance: this.id, round });
    else this.#apply({ type: 'timeout', kind, instance: this.id, round });
    this.#advance();
  }

  onSuspect(node: NodeId): void {
    const { round, step } = this.#core;
    if (
      this.#settlement !== undefined ||
      step !== 'propose' ||
      this.leader(round) !== node ||
      this.#proposals.of(round) !== undefined
    )
      return;
    this.#apply({ type: 'timeout', kind: 'propose', instance: this.id, round });
    this.#advance();
  }

  /** Whether this certificate says nothing new: the same decision, or a polka that is known. */
  isProven(certificate: Certificate): boolean {
    if (certificate.kind === 'POLKA')
      return this.#settlement !== undefined || this.#polkas.get(certificate.round) === certificate.value;
    return this.#settlement?.decided.value === certificate.value;
  }

  /** What is left to say once the decision and its payload are here; undefined before. */
  get closed(): Settlement | undefined {
    return this.#settlement?.isDelivered === true ? this.#settlement : undefined;
  }

  /** Whether the signature of this very statement was verified before. */
  isKnown(signed: SignedEntry): boolean {
    return this.#ballots.isKnown(signed);
  }

  /** Takes what the log holds, before `resume`. */
  get restoring(): Restoring {
    return new Restoring(this.id, this.subject, this.order, this.#host, this.#ballots, this.#proposals, this.#own);
  }

  // --- restart -----------------------------------------------------------------------------------------------------------------------

  /** A decision from this node's own log. */
  restoreDecision(encoded: Uint8Array): void {
    const { kind, round, value } = decodeCertificate(encoded);
    if (kind === 'POLKA' || this.#settlement !== undefined) return;
    this.#settlement = new Settlement(this.id, this.subject, this.#host, { kind, round, value }, encoded);
    this.#host.settled(this.id, this.#pacer.awaited);
  }

  /** Takes up where the log ends: says again what was said, waits for what it waited for. */
  resume(): void {
    if (this.#settlement !== undefined) {
      this.#deliver();
      return;
    }
    if (!this.#own.isEmpty) this.#core = this.#own.impliedCore(this.#core);
    for (const { kind, round, value } of [...this.#ballots.values()]) this.#conclude(kind, round, value);
    if (this.#own.isEmpty) this.begin();
    else if (!this.isDecided) {
      if (this.#core.step === 'propose') this.#arm('propose');
      this.#onResend();
      this.#advance();
    }
  }

  /** Adds to its record what a rewritten log has to hold about this instance. */
  snapshot(): void {
    if (this.#settlement === undefined) this.restoring.snapshot();
    else this.#settlement.snapshot();
  }

  // --- the machine -------------------------------------------------------------------------------------------------------------------

  #enterRound(round: number): void {
    this.#pacer.enter();
    this.#core = this.#host.rules.core(this.#core, this.#entering(round)).state;
    for (const polka of this.#polkas.kept)
      this.#core = this.#host.rules.learnPolka(this.#core, polka.round, polka.value);
    this.#arm('propose');
    if (round === 0) return;
    this.#forget();
    this.#pacer.syncAll(this.#readCore);
  }

  #entering(round: number): CoreInput {
    const leads = this.leader(round) === this.#host.self && !(this.#isLeaderless && round === 0);
    return { type: leads ? 'newRoundAsLeader' : 'newRound', round };
  }

  #arm(kind: TimeoutKind): void {
    this.#pacer.arm(kind, this.#core.round, this.leader(this.#core.round));
  }

  #show(vote: Vote, held: HeldEntry): void {
    this.#host.emit({ type: 'vote', instance: this.id, subject: this.subject, signer: held.signer, vote });
  }

  #apply(input: CoreInput): void {
    const { state, output } = this.#host.rules.core(this.#core, input);
    this.#core = state;
    if (output.type === 'vote') {
      const said = this.#own.vote(output.kind, output.value, { ...state, round: output.round });
      if (said === undefined) return;
      this.#ballots.add(said, state.round, this.#onConflict);
      this.#show(said.vote, said.held);
      if (output.value !== null) this.#conclude(output.kind, output.round, output.value);
    } else if (output.type === 'timer') this.#arm(output.kind);
    else if (output.type === 'skip') this.#enterRound(output.round);
  }

  /** Leaves the round. Every node owes one round-0 report: without the silent ones' nil, later leaders might wait for ever. */
  #leave(input: CoreInput): void {
    const { round, step } = this.#core;
    if (round === 0 && step === 'propose') this.#apply({ type: 'timeout', kind: 'propose', instance: this.id, round });
    if (this.#settlement === undefined) this.#apply(input);
  }

  #advance(): void {
    while (this.#settlement === undefined && this.#core.step !== 'new' && this.#move());
  }

  /** Applies one rule that has become true; false where none has. */
  #move(): boolean {
    const { round, step } = this.#core;
    const ahead = this.#horizon.reached();
    if (ahead > round) {
      this.#leave({ type: 'roundSkip', round: ahead });
      return true;
    }
    if (this.#ballots.hasQuorumOfAny('precommit', round)) this.#apply({ type: 'precommitAny' });
    if (step === 'propose')
      return this.#isLeaderless && round === 0 ? this.#tryAnswer() : this.#tryPropose() || this.#tryPrevote();
    const polka = this.#polkas.get(round);
    if (polka !== undefined && (step === 'prevote' || (step === 'precommit' && this.#core.validRound < round))) {
      this.#apply({ type: 'polkaValue', value: polka });
      return true;
    }
    if (step !== 'prevote') return false;
    if (this.#ballots.hasNilQuorum(round)) {
      this.#apply({ type: 'polkaNil' });
      return true;
    }
    if (this.#ballots.hasQuorumOfAny('prevote', round)) this.#apply({ type: 'polkaAny' });
    return false;
  }

  /** Without a leader, a member prevotes what it found itself. */
  #tryAnswer(): boolean {
    if (this.#offer !== undefined) this.#apply({ type: 'proposal', value: this.#offer });
    else this.#want();
    return this.#offer !== undefined;
  }

  #want(): void {
    if (this.#host.self === undefined || !this.#pacer.once('wanted')) return;
    this.#host.emit({ type: 'wanted', instance: this.id, subject: this.subject, round: this.#core.round });
  }

  #tryPropose(): boolean {
    const { round, validValue } = this.#core;
    if (this.#host.self === undefined || this.leader(round) !== this.#host.self || this.#own.has('proposal', round))
      return false;
    const parts = [this.#ballots, this.#proposals, this.#own, this.#judge, this.#pacer] as const;
    const plan = new Leading(this.subject.domain, this.order, this.#host, ...parts).plan(
      this.#core,
      this.#offer,
      this.#readCore,
    );
    if (plan === undefined) return false;
    if (plan.value === undefined) {
      this.#want();
      return false;
    }
    if (validValue === null) this.#apply({ type: 'proposeValue', value: plan.value });
    this.#proposals.add(this.#own.propose(round, plan.value, this.#core.validRound, plan.justification), () => true);
    return true;
  }

  #tryPrevote(): boolean {
    const held = this.#proposals.of(this.#core.round);
    if (held === undefined) return false;
    const { value, polkaRound } = held.proposal;
    held.permitted ??= this.#judge.isPermitted(held);
    if (held.permitted === undefined) return false;
    const payload = this.#proposals.payload(value);
    if (held.permitted && payload === undefined) return false;
    if (!held.permitted) this.#apply({ type: 'proposalInvalid' });
    else if (polkaRound >= 0) this.#apply({ type: 'proposalWithPolka', value, polkaRound });
    else {
      const valid = this.#judge.isValid(value);
      if (valid === undefined) return false;
      this.#apply(valid ? { type: 'proposal', value } : { type: 'proposalInvalid' });
    }
    return true;
  }

  #conclude(kind: VoteKind, round: number, value: ValueId): void {
    const conclusion = this.#settlement === undefined ? this.#ballots.conclude(kind, round, value) : undefined;
    if (conclusion?.type === 'decide') this.#decide(conclusion.kind, round, value);
    else if (conclusion?.type === 'polka' && this.#polkas.get(round) === undefined) {
      this.#polkas.set(round, value);
      this.#core = this.#host.rules.learnPolka(this.#core, round, value);
    }
  }

  #decide(kind: Exclude<CertificateKind, 'POLKA'>, round: number, value: ValueId, encoded?: Uint8Array): void {
    this.#apply({ type: 'commit', round, value });
    const proof = encoded ?? this.#ballots.votesFor(votesCertified(kind), round, value);
    this.#settlement = new Settlement(this.id, this.subject, this.#host, { kind, round, value }, proof);
    this.#host.settled(this.id, this.#pacer.awaited);
    // Nobody waits for what an observer says, so it writes down what it learnt at once.
    if (this.#host.self === undefined) this.#host.due();
    this.#deliver();
  }

  #deliver(): void {
    const payload =
      this.#settlement === undefined ? undefined : this.#proposals.payload(this.#settlement.decided.value);
    if (payload === undefined) this.#askHolders();
    else this.#settlement?.deliver(payload);
  }

  // --- what may be lost is said again ------------------------------------------------------------------------------------------------

  #onResend(): void {
    if (this.#settlement === undefined) this.#pacer.resend(this.#readCore);
    else if (!this.#settlement.isDelivered) this.#askHolders();
  }

  #askHolders(): void {
    if (this.#settlement !== undefined)
      this.#pacer.askHolders(this.#settlement.decided.value, this.#settlement.holders(), this.#core.round);
  }

  // --- bounds ------------------------------------------------------------------------------------------------------------------------

  /** Keeps a vote; false where it is known, too far off, or one too many. */
  #take({ vote, held }: HeldVote): boolean {
    const { round } = this.#core;
    this.#horizon.saw(held.signer, vote.round, round);
    if (this.#horizon.isNear(vote.round, round)) return this.#ballots.add({ vote, held }, round, this.#onConflict);
    this.#advance();
    return false;
  }

  #forget(): void {
    const { validRound, lockedValue, validValue } = this.#core;
    const keep = (round: number): boolean => this.#horizon.isNear(round, this.#core.round) || round === validRound;
    this.#ballots.forget(keep);
    this.#polkas.forget(keep);
    this.#horizon.entered(this.#core.round);
    const reported = new Set(reportedValues(this.#ballots));
    this.#proposals.forget(
      keep,
      (value) =>
        value === this.#offer ||
        value === lockedValue ||
        value === validValue ||
        reported.has(value) ||
        (this.#isLeaderless && value === valueIdOf(noAgreement, this.#host.crypto)),
    );
  }

  readonly #readCore = (): CoreState => this.#core;

  readonly #onConflict = ({ kind, first, second }: Conflict): void => {
    // Only somebody else with this node's key can contradict what it says in this very call; the next repetition will show it.
    if (!first.isSealed || !second.isSealed) return;
    this.#judge.convict({ kind, culprit: first.signer, first: first.export(), second: second.export() });
  };
}
