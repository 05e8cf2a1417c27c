// Law: what others say about an instance is taken in here, once and as far as it is of use, and each thing taken in lets the machine move.
// Its node says nothing of its own but through the machine, so a restart, a certificate or a late vote cannot make it say two things.
import type { NodeId } from '../actors/system/index.ts';
import { hex } from '../protocols/wire/index.ts';
import type { CalmInstance } from './calm-instance.ts';
import { type Certificate, decodeCertificate, encodeCertificate, votesCertified } from './certificate.ts';
import type { ValueId } from './core.ts';
import type { TimerKind } from './engine-types.ts';
import type { Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import { decodeEntry, type InstanceId, noHash, type Proposal, type Subject, type Vote, valueIdOf } from './messages.ts';
import type { HeldProposal } from './proposals.ts';
import { Restoring } from './restoring.ts';
import { RoundMachine } from './round-machine.ts';
import { Settlement } from './settlement.ts';
import { HeldEntry, type SignedEntry } from './signed-entry.ts';

export class Instance {
  readonly id: InstanceId;
  readonly subject: Subject;
  readonly #machine: RoundMachine;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.#machine = new RoundMachine(id, subject, host);
  }

  get isDecided(): boolean {
    return this.#machine.settlement !== undefined;
  }

  /** Goes on where the calm form ends: holds what it held, has said what it said, and takes the step that it could not. */
  takeOver(calm: CalmInstance): void {
    const { proposal, heldProposal: held, proposalHash: hash, vote, validity, offered, payload } = calm;
    if (calm.hasBegun)
      this.#machine.core = this.#machine.host.rules.core(this.#machine.core, this.#machine.entering(0)).state;
    this.#machine.pacer.takeOver(calm);
    this.#machine.own.takeOver(calm);
    if (offered !== undefined) {
      this.#machine.proposals.addPayload(offered.value, offered.payload);
      this.#machine.proposals.judged(offered.value, true);
      this.#machine.offer = offered.value;
    }
    if (proposal !== undefined && held !== undefined) {
      this.#machine.proposals.add({ proposal, held, hash, justification: undefined, permitted: true }, () => true);
      if (payload !== undefined) this.#machine.proposals.addPayload(proposal.value, payload);
      if (validity !== undefined) this.#machine.proposals.judged(proposal.value, validity);
      if (calm.hasVoted)
        this.#machine.core = this.#machine.host.rules.core(this.#machine.core, {
          type: 'proposal',
          value: proposal.value,
        }).state;
    }
    if (vote !== undefined)
      for (const each of calm.votes) this.#machine.ballots.add({ vote, held: each }, 0, this.#machine.onConflict);
    if (calm.settlement !== undefined) {
      this.#machine.settlement = calm.settlement;
      const { round, value } = calm.settlement.decided;
      this.#machine.core = this.#machine.host.rules.core(this.#machine.core, { type: 'commit', round, value }).state;
      return;
    }
    if (vote?.value !== undefined && vote.value !== null) this.#machine.conclude(vote.kind, vote.round, vote.value);
    this.#machine.advance();
  }

  begin(): void {
    this.#machine.settlement?.announce();
    if (this.#machine.settlement !== undefined || this.#machine.core.step !== 'new') return;
    this.#machine.enterRound(0);
    this.#machine.pacer.armResend(0);
    this.#machine.advance();
  }

  offer(payload: Uint8Array): void {
    const value = valueIdOf(payload, this.#machine.host.crypto);
    this.#machine.proposals.addPayload(value, payload);
    this.#machine.proposals.judged(value, true);
    this.#machine.offer = value;
    // What was decided without its payload may be what this node itself has come to since.
    if (this.#machine.settlement?.decided.value === value) this.#machine.deliver();
    else this.#machine.advance();
  }

  onValidated(value: ValueId, ok: boolean): void {
    if (this.#machine.proposals.validity(value) !== 'asked') return;
    this.#machine.proposals.judged(value, ok);
    this.#machine.advance();
  }

  /** A verified vote of a member. */
  onVote(vote: Vote, held: HeldEntry): void {
    if (!this.#machine.take({ vote, held })) return;
    this.#machine.own.remember(held);
    this.#machine.show(vote, held);
    if (this.#machine.settlement !== undefined) {
      this.#machine.settlement.onVote(vote, held.signer);
      return;
    }
    if (vote.value !== null) this.#machine.conclude(vote.kind, vote.round, vote.value);
    this.#machine.advance();
  }

  /** A verified proposal of a member. */
  onProposal(proposal: Proposal, held: HeldEntry): void {
    const culprit = held.signer;
    if (this.#machine.leader(proposal.round) !== culprit) {
      this.#machine.judge.convict({
        kind: 'unjustified',
        culprit,
        subject: this.subject,
        proposal: held.export(),
        justification: undefined,
      });
      return;
    }
    // What nobody may propose nobody reads; a leader of a later round has signed no round-0 proposal either.
    if (this.#machine.isLeaderless && proposal.round === 0) return;
    if (!this.#machine.horizon.isNear(proposal.round, this.#machine.core.round)) return;
    const hash = hex.encode(this.#machine.host.crypto.sha256(held.entry));
    const added: HeldProposal = { proposal, held, hash, justification: undefined, permitted: undefined };
    const { isKept, other } = this.#machine.proposals.add(added, (named) => this.#machine.ballots.isNamed(named));
    if (isKept) this.#machine.own.remember(held);
    // As in `#onConflict`: an own proposal of this very call is not sealed yet when a second bearer of the key contradicts it.
    if (other?.held.isSealed === true && held.isSealed)
      this.#machine.judge.convict({ kind: 'proposals', culprit, first: other.held.export(), second: held.export() });
    if (this.#machine.settlement !== undefined) return;
    if (this.#machine.proposals.payload(proposal.value) === undefined) this.#machine.pacer.await(proposal.value);
    if (proposal.justificationHash !== noHash) this.#machine.pacer.await(proposal.justificationHash);
    this.#machine.advance();
  }

  onPayload(value: ValueId, payload: Uint8Array): void {
    if (this.#machine.settlement?.isDelivered === true || this.#machine.proposals.payload(value) !== undefined) return;
    const proposer = this.#machine.settlement === undefined ? this.#machine.proposals.proposerOf(value) : undefined;
    if (proposer !== undefined && !this.#machine.host.holds(this.id, proposer, payload.length)) {
      this.#machine.pacer.await(value);
      return;
    }
    this.#machine.proposals.addPayload(value, payload);
    if (this.#machine.settlement?.decided.value === value) this.#machine.deliver();
    else this.#machine.advance();
  }

  onJustification(hash: string, bytes: Uint8Array): void {
    // A payload that somebody hands over as a justification is waited for as before.
    if (!this.#machine.proposals.justify(hash, bytes)) this.#machine.pacer.await(hash);
    this.#machine.advance();
  }

  /** A verified certificate of this instance. */
  onCertificate(certificate: Certificate): void {
    const { kind, round, value } = certificate;
    // Beside what it proves as a whole, each of its votes counts and may convict its signer.
    for (const signed of certificate.votes) {
      const entry = decodeEntry(signed.entry);
      const held = HeldEntry.of(signed);
      // A decision is written down as a whole; the votes of a polka may be what a lock rests on.
      if (entry.type === 'vote' && this.#machine.take({ vote: entry.vote, held }) && kind === 'POLKA')
        this.#machine.own.remember(held);
    }
    if (this.#machine.settlement !== undefined) return;
    if (kind !== 'POLKA') {
      const encoded = encodeCertificate(certificate);
      this.#machine.host.record(this.id, this.subject).certificates.push(encoded);
      this.#machine.decide(kind, round, value, encoded);
    } else this.#machine.conclude(votesCertified(kind), round, value);
    this.#machine.advance();
  }

  /** `from` is undecided in `sync.round` and asks. */
  onSync(from: NodeId, sync: Sync): void {
    if (this.#machine.settlement !== undefined) this.#machine.settlement.answer(from, sync);
    else this.#machine.pacer.answer(from, sync, this.#machine.readCore);
  }

  onTimeout(kind: TimerKind, round: number): void {
    // The machine never waits for more than it needs.
    if (kind === 'fast') return;
    if (kind === 'resend') this.#machine.onResend();
    if (kind === 'resend' || this.#machine.settlement !== undefined || round !== this.#machine.core.round) return;
    if (kind === 'precommit') this.#machine.leave({ type: 'timeout', kind, instance: this.id, round });
    else this.#machine.apply({ type: 'timeout', kind, instance: this.id, round });
    this.#machine.advance();
  }

  onSuspect(node: NodeId): void {
    const { round, step } = this.#machine.core;
    if (
      this.#machine.settlement !== undefined ||
      step !== 'propose' ||
      this.#machine.leader(round) !== node ||
      this.#machine.proposals.of(round) !== undefined
    )
      return;
    this.#machine.apply({ type: 'timeout', kind: 'propose', instance: this.id, round });
    this.#machine.advance();
  }

  /** Whether this certificate says nothing new: the same decision, or a polka that is known. */
  isProven(certificate: Certificate): boolean {
    if (certificate.kind === 'POLKA')
      return (
        this.#machine.settlement !== undefined || this.#machine.polkas.get(certificate.round) === certificate.value
      );
    return this.#machine.settlement?.decided.value === certificate.value;
  }

  /** What is left to say once the decision and its payload are here; undefined before. */
  get closed(): Settlement | undefined {
    return this.#machine.settlement?.isDelivered === true ? this.#machine.settlement : undefined;
  }

  /** Whether the signature of this very statement was verified before. */
  isKnown(signed: SignedEntry): boolean {
    return this.#machine.ballots.isKnown(signed);
  }

  /** Takes what the log holds, before `resume`. */
  get restoring(): Restoring {
    return new Restoring(
      this.id,
      this.subject,
      this.#machine.order,
      this.#machine.host,
      this.#machine.ballots,
      this.#machine.proposals,
      this.#machine.own,
    );
  }

  // --- restart -----------------------------------------------------------------------------------------------------------------------

  /** A decision from this node's own log. */
  restoreDecision(encoded: Uint8Array): void {
    const { kind, round, value } = decodeCertificate(encoded);
    if (kind === 'POLKA' || this.#machine.settlement !== undefined) return;
    this.#machine.settlement = new Settlement(
      this.id,
      this.subject,
      this.#machine.host,
      { kind, round, value },
      encoded,
    );
    this.#machine.host.settled(this.id, this.#machine.pacer.awaited);
  }

  /** Takes up where the log ends: says again what was said, waits for what it waited for. */
  resume(): void {
    if (this.#machine.settlement !== undefined) {
      this.#machine.deliver();
      return;
    }
    if (!this.#machine.own.isEmpty) this.#machine.core = this.#machine.own.impliedCore(this.#machine.core);
    for (const { kind, round, value } of [...this.#machine.ballots.values()])
      this.#machine.conclude(kind, round, value);
    if (this.#machine.own.isEmpty) this.begin();
    else if (!this.isDecided) {
      if (this.#machine.core.step === 'propose') this.#machine.arm('propose');
      this.#machine.onResend();
      this.#machine.advance();
    }
  }

  /** Adds to its record what a rewritten log has to hold about this instance. */
  snapshot(): void {
    if (this.#machine.settlement === undefined) this.restoring.snapshot();
    else this.#machine.settlement.snapshot();
  }
}
