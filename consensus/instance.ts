// Law: one instance decides at most once. Its node signs at most one prevote, one precommit and one proposal per round, whatever happens;
// it prevotes only what it holds and found valid or what a polka proves; a decision by round-0 prevotes is never contradicted later.
import type { NodeId } from '../actors/system/index.ts';
import { hex } from '../protocols/wire/index.ts';
import { Ballots, type Conflict, type HeldVote } from './ballots.ts';
import { type Certificate, type CertificateKind, votesCertified } from './certificate.ts';
import { type CoreInput, type CoreState, initialCore, type TimeoutKind, type ValueId, type VoteKind } from './core.ts';
import type { TimerKind } from './engine-types.ts';
import { leaderOrder } from './epoch.ts';
import type { Evidence } from './evidence.ts';
import type { FrameBuilder, Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import { checkJustification, encodeReportSet } from './justification.ts';
import { exportPlan, isSealed, planFromReports, type ReportPlan, reportedValues } from './leading.ts';
import { decodeEntry, type Entry, type InstanceId, noHash, type Proposal, type Subject, type Vote, valueIdOf } from './messages.ts';
import { OwnStatements } from './own-statements.ts';
import { type HeldProposal, Proposals } from './proposals.ts';
import { Settlement } from './settlement.ts';
import { HeldEntry, type SignedEntry } from './signed-entry.ts';

export class Instance {
  readonly id: InstanceId;
  readonly subject: Subject;
  /** Members in the order in which they lead. */
  readonly order: readonly NodeId[];
  readonly #host: InstanceHost;
  readonly #ballots: Ballots;
  readonly #proposals = new Proposals();
  readonly #own: OwnStatements;
  readonly #polkas = new Map<number, ValueId>();
  /** The latest round in which a member was seen beyond this node's. */
  readonly #ahead = new Map<NodeId, number>();
  readonly #armed = new Set<string>();
  /** Values asked for in this round. */
  readonly #asked = new Set<ValueId>();
  /** Hashes of payloads and justifications this instance waits for. */
  readonly #awaited = new Set<string>();
  readonly #answers = new Map<NodeId, number>();
  readonly #convicted = new Set<string>();
  #core: CoreState;
  #offer: ValueId | undefined;
  #resends = 0;
  #settlement: Settlement | undefined;
  #isCompact = false;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.order = leaderOrder(id, host.epoch.weights.keys());
    this.#host = host;
    this.#ballots = new Ballots(host.epoch, host.rules);
    this.#own = new OwnStatements(id, subject, host, this.#ballots, this.#proposals);
    this.#core = initialCore(id);
  }

  get isDecided(): boolean {
    return this.#settlement !== undefined;
  }

  leader(round: number): NodeId {
    return this.order[round % this.order.length]!;
  }

  begin(): void {
    if (this.#settlement !== undefined) this.#settlement.announce(this.id, this.subject, this.#host);
    if (this.#core.step !== 'new') return;
    this.#enterRound(0);
    this.#armResend();
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
    this.#show(vote, held);
    if (this.#settlement !== undefined) {
      // A vote that others of its kind cannot have overtaken: its signer does not know of the decision.
      if (vote.value !== this.#settlement.value || vote.round > this.#settlement.round) this.#answerSettled(held.signer, undefined);
      return;
    }
    if (vote.value !== null) this.#conclude(vote.kind, vote.round, vote.value);
    this.#advance();
  }

  /** A verified proposal of a member. */
  onProposal(proposal: Proposal, held: HeldEntry): void {
    const culprit = held.signer;
    if (this.leader(proposal.round) !== culprit) {
      this.#convict({ kind: 'unjustified', culprit, subject: this.subject, proposal: held.export(), justification: undefined });
      return;
    }
    if (!this.#isNear(proposal.round) || this.#isCompact) return;
    const hash = hex.encode(this.#host.crypto.sha256(held.entry));
    const added: HeldProposal = { proposal, held, hash, justification: undefined, permitted: undefined };
    const other = this.#proposals.add(added, (named) => this.#isNamed(named));
    if (other !== undefined) {
      this.#convict({ kind: 'proposals', culprit, first: other.held.export(), second: held.export() });
    }
    if (this.#settlement !== undefined) return;
    if (this.#proposals.payload(proposal.value) === undefined) this.#await(proposal.value);
    if (proposal.justificationHash !== noHash) this.#await(proposal.justificationHash);
    this.#advance();
  }

  onPayload(value: ValueId, payload: Uint8Array): void {
    if (this.#settlement?.payload !== undefined) return;
    this.#proposals.addPayload(value, payload);
    if (this.#settlement?.value === value) return this.#deliver();
    this.#advance();
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
      if (entry.type === 'vote') this.#take({ vote: entry.vote, held: HeldEntry.of(signed) });
    }
    if (this.#settlement !== undefined) return;
    if (kind !== 'POLKA') this.#decide(kind, round, value, certificate);
    else this.#conclude(votesCertified(kind), round, value);
    this.#advance();
  }

  /** `from` is undecided in `sync.round` and asks. */
  onSync(from: NodeId, sync: Sync): void {
    if (this.#settlement !== undefined) return this.#answerSettled(from, sync);
    const held = sync.wants.flatMap((value) => {
      const payload = this.#proposals.payload(value);
      return payload === undefined ? [] : [{ value, payload }];
    });
    if (sync.round >= this.#core.round && held.length === 0) return;
    const given = this.#answers.get(from) ?? 0;
    if (given >= this.#host.limits.answersPerPeer) {
      this.#host.emit({ type: 'refused', from, reason: `asked ${given} times about instance ${this.id}` });
      return;
    }
    this.#answers.set(from, given + 1);
    this.#host.afterSeal(() => {
      const builder = this.#host.to(from);
      if (sync.round < this.#core.round) this.#repeat(builder);
      for (const { value, payload } of held) builder.payload(value, payload);
    });
  }

  onTimeout(kind: TimerKind, round: number): void {
    if (kind === 'resend') return this.#onResend();
    if (this.#settlement !== undefined || round !== this.#core.round) return;
    if (kind === 'precommit') this.#leave({ type: 'timeout', kind, instance: this.id, round });
    else this.#apply({ type: 'timeout', kind, instance: this.id, round });
    this.#advance();
  }

  onSuspect(node: NodeId): void {
    const { round, step } = this.#core;
    if (this.#settlement !== undefined || step !== 'propose' || this.leader(round) !== node || this.#proposals.of(round) !== undefined) return;
    this.#apply({ type: 'timeout', kind: 'propose', instance: this.id, round });
    this.#advance();
  }

  /** Whether this certificate says nothing new: the same decision, or a polka that is known. */
  isProven(certificate: Certificate): boolean {
    if (certificate.kind === 'POLKA') return this.#settlement !== undefined || this.#polkas.get(certificate.round) === certificate.value;
    return this.#settlement?.value === certificate.value;
  }

  /** Forgets what only helps to convict late: once decided, the certificate and the payload are all that is needed. */
  compact(): void {
    if (this.#settlement === undefined) return;
    this.#isCompact = true;
    this.#ballots.forget(() => false);
    this.#proposals.settle(this.#settlement.value);
  }

  /** Whether the signature of this very statement was verified before. */
  isKnown(signed: SignedEntry): boolean {
    const entry = decodeEntry(signed.entry);
    return entry.type === 'vote' && this.#ballots.holds(entry.vote, signed);
  }

  // --- restart -----------------------------------------------------------------------------------------------------------------------

  /** A statement from this node's own log. */
  restoreEntry(entry: Entry, held: HeldEntry): void {
    if (entry.type === 'vote') this.#ballots.add({ vote: entry.vote, held }, entry.vote.round, this.#onConflict);
    else {
      const hash = hex.encode(this.#host.crypto.sha256(held.entry));
      const isOwn = held.signer === this.#host.self;
      this.#proposals.add({ proposal: entry.proposal, held, hash, justification: undefined, permitted: isOwn ? true : undefined }, () => true);
    }
    if (held.signer === this.#host.self) this.#own.restore(entry, held);
  }

  /** A payload from this node's own log: it was found valid before it was written down. */
  restorePayload(payload: Uint8Array): void {
    const value = valueIdOf(payload, this.#host.crypto);
    this.#proposals.addPayload(value, payload);
    this.#proposals.judged(value, true);
    this.#own.restored(value);
  }

  /** The justification of an own proposal. It may be read before the proposal is, so it is kept until then. */
  restoreJustification(bytes: Uint8Array): void {
    this.#proposals.justify(hex.encode(this.#host.crypto.sha256(bytes)), bytes);
  }

  restoreCertificate(certificate: Certificate, encoded: Uint8Array): void {
    const { kind, round, value } = certificate;
    if (kind !== 'POLKA') {
      this.#settlement = new Settlement(kind, round, value, certificate);
      this.#settlement.restore(encoded);
      this.#host.settled(this.id, this.#awaited);
      return;
    }
    for (const signed of certificate.votes) {
      const entry = decodeEntry(signed.entry);
      if (entry.type === 'vote') this.#ballots.add({ vote: entry.vote, held: HeldEntry.of(signed) }, round, this.#onConflict);
    }
  }

  /** Takes up where the log ends: says again what was said, waits for what it waited for. */
  resume(): void {
    if (this.#settlement !== undefined) {
      const payload = this.#proposals.payload(this.#settlement.value);
      if (payload === undefined) return this.#askHolders();
      return this.#settlement.deliver(this.id, this.subject, payload, this.#host);
    }
    if (this.#own.isEmpty) return this.begin();
    this.#core = this.#own.impliedCore(this.#core);
    for (const { kind, round, value } of [...this.#ballots.values()]) this.#conclude(kind, round, value);
    if (this.#core.step === 'propose') this.#arm('propose');
    this.#onResend();
    this.#advance();
  }

  /** What a rewritten log has to hold about this instance. */
  snapshot(): void {
    const record = this.#host.record(this.id, this.subject);
    if (this.#settlement?.encoded !== undefined) {
      record.certificates.push(this.#settlement.encoded);
      const payload = this.#settlement.payload;
      if (payload !== undefined) record.payloads.push(payload);
      return;
    }
    this.#own.snapshot();
    for (const value of this.#proposals.validValues()) record.payloads.push(this.#proposals.payload(value)!);
    const polka = this.#core.validValue === null ? undefined : this.#own.polka(this.#core.validRound, this.#core.validValue);
    if (polka !== undefined) record.certificates.push(polka);
  }

  // --- the machine -------------------------------------------------------------------------------------------------------------------

  #enterRound(round: number): void {
    this.#armed.clear();
    this.#asked.clear();
    this.#resends = 0;
    const leads = this.leader(round) === this.#host.self;
    this.#core = this.#host.rules.core(this.#core, { type: leads ? 'newRoundAsLeader' : 'newRound', round }).state;
    for (const [polkaRound, value] of this.#polkas) this.#core = this.#host.rules.learnPolka(this.#core, polkaRound, value);
    this.#arm('propose');
    this.#forget();
    if (round > 0) this.#host.afterSeal(() => this.#own.sync(this.#host.toAll(), this.#core, this.#wants()));
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
    const ahead = this.#roundAhead();
    if (ahead > round) {
      this.#leave({ type: 'roundSkip', round: ahead });
      return true;
    }
    if (this.#ballots.hasQuorumOfAny('precommit', round)) this.#apply({ type: 'precommitAny' });
    if (step === 'propose') return this.#tryPropose() || this.#tryPrevote();
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

  #tryPropose(): boolean {
    const { round, validRound, validValue } = this.#core;
    if (this.#host.self === undefined || this.leader(round) !== this.#host.self || this.#own.has('proposal', round)) return false;
    let value = this.#offer;
    let justification: Uint8Array | undefined;
    if (validValue !== null) {
      value = validValue;
      justification = this.#own.polka(validRound, validValue);
      if (this.#ask([validValue]) || justification === undefined) return false;
    } else if (round > 0) {
      const plan = this.#plan();
      if (plan === undefined) return false;
      value = plan.value;
      if (!isSealed(plan)) this.#host.sealNow();
      justification = encodeReportSet(exportPlan(plan));
    }
    if (value === undefined) {
      if (!this.#armed.has('wanted')) this.#host.emit({ type: 'wanted', instance: this.id, subject: this.subject, round });
      this.#armed.add('wanted');
      return false;
    }
    if (validValue === null) this.#apply({ type: 'proposeValue', value });
    this.#proposals.add(this.#own.propose(round, value, validRound, justification), () => true);
    return true;
  }

  #plan(): ReportPlan | undefined {
    const reported = reportedValues(this.#ballots);
    this.#ask(reported);
    for (const value of reported) this.#isValid(value);
    const own = this.#offer ?? this.#proposals.validValues()[0];
    return planFromReports(this.#ballots, this.#proposals, this.#host.epoch, this.#host.rules, this.leader(0), own);
  }

  #tryPrevote(): boolean {
    const held = this.#proposals.of(this.#core.round);
    if (held === undefined) return false;
    const { value, polkaRound } = held.proposal;
    held.permitted ??= this.#isPermitted(held);
    if (held.permitted === undefined) return false;
    const payload = this.#proposals.payload(value);
    if (held.permitted && payload === undefined) return false;
    if (!held.permitted) this.#apply({ type: 'proposalInvalid' });
    else if (polkaRound >= 0) this.#apply({ type: 'proposalWithPolka', value, polkaRound });
    else {
      const valid = this.#isValid(value);
      if (valid === undefined) return false;
      this.#apply(valid ? { type: 'proposal', value } : { type: 'proposalInvalid' });
    }
    return true;
  }

  #isPermitted(held: HeldProposal): boolean | undefined {
    const { proposal, justification } = held;
    if (proposal.polkaRound >= 0 && this.#polkas.get(proposal.polkaRound) === proposal.value) return true;
    if (proposal.round > 0 && justification === undefined) return undefined;
    const { epoch, crypto, rules } = this.#host;
    const context = { epoch, crypto, order: this.order, judge: rules.judgeReports, isKnown: (signed: SignedEntry) => this.isKnown(signed) };
    if (checkJustification(proposal, justification, context).ok) return true;
    const { signer: culprit } = held.held;
    this.#convict({ kind: 'unjustified', culprit, subject: this.subject, proposal: held.held.export(), justification });
    return false;
  }

  /** Whether the payload is valid, asking the shell where nobody knows yet. A polka is proof and is never judged again. */
  #isValid(value: ValueId): boolean | undefined {
    const known = this.#proposals.validity(value);
    if (typeof known === 'boolean') return known;
    if ([...this.#polkas.values()].includes(value)) return true;
    const payload = this.#proposals.payload(value);
    if (known === undefined && payload !== undefined) {
      this.#proposals.judged(value, 'asked');
      this.#host.emit({ type: 'validate', instance: this.id, subject: this.subject, value, payload });
    }
    return undefined;
  }

  #conclude(kind: VoteKind, round: number, value: ValueId): void {
    const conclusion = this.#settlement === undefined ? this.#ballots.conclude(kind, round, value) : undefined;
    if (conclusion?.type === 'decide') this.#decide(conclusion.kind, round, value);
    else if (conclusion?.type === 'polka' && !this.#polkas.has(round)) {
      this.#polkas.set(round, value);
      this.#core = this.#host.rules.learnPolka(this.#core, round, value);
    }
  }

  #decide(kind: Exclude<CertificateKind, 'POLKA'>, round: number, value: ValueId, certificate?: Certificate): void {
    this.#apply({ type: 'commit', round, value });
    const settlement = new Settlement(kind, round, value, certificate);
    this.#settlement = settlement;
    this.#host.settled(this.id, this.#awaited);
    this.#host.afterSeal(() => {
      settlement.certify(this.id, this.subject, this.#ballots.votesFor(votesCertified(kind), round, value), this.#host);
      this.#deliver();
    });
  }

  #deliver(): void {
    const payload = this.#settlement === undefined ? undefined : this.#proposals.payload(this.#settlement.value);
    if (payload === undefined) this.#askHolders();
    else this.#settlement?.deliver(this.id, this.subject, payload, this.#host);
  }

  // --- what may be lost is said again ------------------------------------------------------------------------------------------------

  #arm(kind: TimeoutKind): void {
    if (this.#armed.has(kind)) return;
    this.#armed.add(kind);
    const { round } = this.#core;
    const { baseMs, maxMs } = this.#host.timeouts;
    const delayMs = Math.min(maxMs, Math.round(baseMs * (1 + round / 2)));
    const isHurried = kind === 'propose' && this.#host.isSuspected(this.leader(round));
    this.#emitTimer(kind, round, isHurried ? Math.round(Math.min(delayMs, baseMs) / 4) : delayMs);
  }

  #armResend(): void {
    const { baseMs, maxMs } = this.#host.timeouts;
    this.#emitTimer('resend', Math.max(this.#core.round, 0), Math.min(maxMs, baseMs * 2 ** Math.min(this.#resends + 1, 20)));
  }

  #emitTimer(kind: TimerKind, round: number, delayMs: number): void {
    this.#host.emit({ type: 'timer', instance: this.id, kind, round, delayMs });
  }

  #onResend(): void {
    if (this.#settlement !== undefined) {
      if (this.#settlement.payload === undefined) this.#askHolders();
      return;
    }
    this.#resends++;
    this.#host.afterSeal(() => this.#repeat(this.#host.toAll()));
    this.#armResend();
  }

  #repeat(builder: FrameBuilder): void {
    this.#own.sync(builder, this.#core, this.#wants());
    this.#own.repeat(builder, this.#core.round);
  }

  #await(hash: string): void {
    this.#awaited.add(hash);
    this.#host.awaits(hash, this.id);
  }

  #wants(): ValueId[] {
    const proposed = this.#proposals.of(this.#core.round)?.proposal.value;
    const wants = new Set(proposed === undefined ? this.#asked : [proposed, ...this.#asked]);
    return [...wants].filter((value) => this.#proposals.payload(value) === undefined);
  }

  /** Asks everybody, once a round, for payloads this node needs in order to lead. True where any is missing. */
  #ask(values: readonly ValueId[]): boolean {
    const missing = values.filter((value) => this.#proposals.payload(value) === undefined);
    const isNew = missing.some((value) => !this.#asked.has(value));
    for (const value of missing) {
      this.#asked.add(value);
      this.#await(value);
    }
    if (isNew) this.#host.afterSeal(() => this.#own.sync(this.#host.toAll(), this.#core, this.#wants()));
    return missing.length > 0;
  }

  /** The decision is known and its payload is not: asks its signers, one at a time. */
  #askHolders(): void {
    const settlement = this.#settlement!;
    const holders = settlement.holders().filter((node) => node !== this.#host.self);
    const holder = holders[this.#resends++ % Math.max(holders.length, 1)];
    this.#await(settlement.value);
    if (holder !== undefined) {
      this.#host.afterSeal(() => {
        this.#host.to(holder).sync({ instance: this.id, round: Math.max(this.#core.round, 0), wants: [settlement.value] });
      });
    }
    this.#armResend();
  }

  #answerSettled(to: NodeId, sync: Sync | undefined): void {
    if (to === this.#host.self) return;
    this.#host.afterSeal(() => this.#settlement?.answer(this.id, this.subject, to, sync, this.#host));
  }

  // --- bounds ------------------------------------------------------------------------------------------------------------------------

  /** Keeps a vote; false where it is known, too far off, or one too many. */
  #take({ vote, held }: HeldVote): boolean {
    if (this.#isCompact) return true;
    const { round } = this.#core;
    if (vote.round > round) this.#ahead.set(held.signer, Math.max(vote.round, this.#ahead.get(held.signer) ?? -1));
    if (this.#isNear(vote.round)) return this.#ballots.add({ vote, held }, round, this.#onConflict);
    this.#advance();
    return false;
  }

  /** Round 0 is kept for its reports; else what is far from this round is of no use, or not yet. */
  #isNear(round: number): boolean {
    return round === 0 || Math.abs(round - this.#core.round) <= this.#host.limits.futureRounds;
  }

  /** The latest round that members of more than f weight have reached: one of them is honest. */
  #roundAhead(): number {
    let weight = 0;
    for (const [node, round] of [...this.#ahead].sort(([, a], [, b]) => b - a)) {
      weight += this.#host.epoch.weights.get(node) ?? 0;
      if (weight >= this.#host.epoch.thresholds.skip) return round;
    }
    return -1;
  }

  #isNamed(hash: string): boolean {
    for (const votes of this.#ballots.of('prevote', 0).values()) if (votes.some(({ vote }) => vote.proposalHash === hash)) return true;
    return false;
  }

  #forget(): void {
    const { validRound, lockedValue, validValue } = this.#core;
    const keep = (round: number): boolean => this.#isNear(round) || round === validRound;
    this.#ballots.forget(keep);
    for (const round of [...this.#polkas.keys()]) if (!keep(round)) this.#polkas.delete(round);
    for (const [node, round] of this.#ahead) if (round <= this.#core.round) this.#ahead.delete(node);
    const reported = new Set(reportedValues(this.#ballots));
    this.#proposals.forget(keep, (value) => value === this.#offer || value === lockedValue || value === validValue || reported.has(value));
  }

  readonly #onConflict = ({ kind, first, second }: Conflict): void => {
    // Only somebody else with this node's key can contradict what it says in this very call; the next repetition will show it.
    if (!first.isSealed || !second.isSealed) return;
    this.#convict({ kind, culprit: first.signer, first: first.export(), second: second.export() });
  };

  #convict(evidence: Evidence): void {
    const name = `${evidence.kind} ${evidence.culprit}`;
    if (this.#convicted.has(name)) return;
    this.#convicted.add(name);
    this.#host.emit({ type: 'evidence', evidence });
  }
}
