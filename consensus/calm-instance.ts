// Law: while every member says the same in round 0 and nothing is late, an instance is this: one proposal, one payload, one wording of the
// vote and who signed it. It decides and keeps what `Instance` would, with a tenth of the memory; whatever else happens (another wording, a
// timeout, nil, a certificate) is refused here and goes to an `Instance` made of what is held. So does a quorum that is not enough to decide at
// once, after a short wait for the rest: to say a vote later is always safe, and a timer, or a suspicion, ends the wait.
import type { NodeId } from '../actors/system/index.ts';
import { equalBytes, hex } from '../protocols/wire/index.ts';
import type { ValueId } from './core.ts';
import { leaderOf, thresholdsIn } from './epoch.ts';
import type { Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import {
  encodeProposal,
  encodeVote,
  type InstanceId,
  noHash,
  type Proposal,
  type Subject,
  type Vote,
  valueIdOf,
} from './messages.ts';
import { attachProposal } from './own-statements.ts';
import { fastDelayMs, resendDelayMs, roundDelayMs } from './pacer.ts';
import { assertPayloadSize } from './proposals.ts';
import type { InstanceRecord } from './record.ts';
import { nothing } from './rounds.ts';
import { Settlement } from './settlement.ts';
import { type HeldEntry, type SignedEntry, sameEntry, sameSigned } from './signed-entry.ts';

export interface KnownValue {
  readonly value: ValueId;
  readonly payload: Uint8Array;
}

export class CalmInstance {
  readonly id: InstanceId;
  readonly subject: Subject;
  /** Of round 0. */
  readonly leader: NodeId;
  readonly #host: InstanceHost;
  hasBegun = false;
  /** Whether this node said that it has nothing to propose. */
  hasWanted = false;
  /** Whether this node's prevote is given; an observer's never is, and is past all the same. */
  hasVoted = false;
  isIntroduced = false;
  /** Whether the payload is on record. */
  isWritten = false;
  /** Whether the payload of the proposal is asked for. */
  isAwaiting = false;
  #isPatient = false;
  /** What this node would propose. */
  offered: KnownValue | undefined;
  proposal: Proposal | undefined;
  heldProposal: HeldEntry | undefined;
  proposalHash = noHash;
  /** Of the proposal. */
  payload: Uint8Array | undefined;
  validity: boolean | 'asked' | undefined;
  /** What everybody who voted said. */
  vote: Vote | undefined;
  /** One of each member, in the order in which they came. */
  readonly votes: HeldEntry[] = [];
  #weight = 0;
  settlement: Settlement | undefined;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.#host = host;
    this.leader = leaderOf(id, host.epoch);
  }

  /** A quorum says so, and it takes more to decide at once, or the payload is missing: there is something to say or to ask. */
  get isOverCalm(): boolean {
    return this.settlement === undefined && this.#weight >= this.#host.epoch.thresholds.quorum;
  }

  /**
   * Whether to wait for what would decide at once: votes, or the payload, of members that are not suspected. The first time it is worth it, a
   * timer is set that ends it.
   */
  waits(): boolean {
    const { epoch, isSuspected } = this.#host;
    let reach = this.#weight;
    for (const [id, weight] of epoch.weights)
      if (!isSuspected(id) && !this.votes.some(({ signer }) => signer === id)) reach += weight;
    if (reach < thresholdsIn(epoch, this.subject.domain).fast) return false;
    if (this.payload === undefined && isSuspected(this.leader)) return false;
    if (!this.#isPatient) this.#timer('fast', fastDelayMs(this.#host.timeouts));
    this.#isPatient = true;
    return true;
  }

  begin(): void {
    if (this.settlement !== undefined) this.settlement.announce();
    else if (!this.hasBegun) {
      this.hasBegun = true;
      const { timeouts, isSuspected } = this.#host;
      this.#timer('propose', roundDelayMs(timeouts, 0, isSuspected(this.leader)));
      this.#timer('resend', resendDelayMs(timeouts, 0));
      this.#lead();
    }
  }

  /** As all below: false where this is no calm matter any more. Nothing has happened then. */
  offer(payload: Uint8Array): boolean {
    assertPayloadSize(payload);
    if (this.settlement !== undefined) return true;
    const value = valueIdOf(payload, this.#host.crypto);
    if (this.offered !== undefined) return this.offered.value === value;
    this.offered = { value, payload };
    if (this.proposal?.value === value) {
      this.payload ??= payload;
      this.validity = true;
    }
    if (this.hasBegun) {
      this.#lead();
      this.#tryVote();
    }
    return true;
  }

  onProposal(proposal: Proposal, held: HeldEntry): boolean {
    const { heldProposal, vote } = this;
    if (heldProposal !== undefined) return sameEntry(heldProposal, held);
    if (proposal.round !== 0 || held.signer !== this.leader || this.leader === this.#host.self) return false;
    const hash = hex.encode(this.#host.crypto.sha256(held.entry));
    if (vote !== undefined && (vote.value !== proposal.value || vote.proposalHash !== hash)) return false;
    this.#propose(proposal, held, hash);
    this.#remember(held);
    if (this.offered?.value === proposal.value) {
      this.payload = this.offered.payload;
      this.validity = true;
    } else {
      this.isAwaiting = true;
      this.#host.awaits(proposal.value, this.id);
    }
    this.#tryVote();
    return true;
  }

  onVote(vote: Vote, held: HeldEntry): boolean {
    if (vote.kind !== 'prevote' || vote.round !== 0 || vote.value === null || vote.proposalHash === noHash)
      return false;
    const { proposal, votes, leader } = this;
    // What this node has not proposed yet nobody can have voted for: its own vote must not follow a wording that a liar made up.
    if (proposal === undefined && leader === this.#host.self) return false;
    const [first] = votes;
    if (first !== undefined ? !sameBytes(first.entry, held.entry) : proposal !== undefined && !this.#names(vote))
      return false;
    for (const { signer } of votes) if (signer === held.signer) return true;
    // Somebody else has this node's key, or it forgot what it said.
    if (held.signer === this.#host.self) return false;
    this.#remember(held);
    this.#add(vote, held);
    return true;
  }

  onPayload(value: ValueId, payload: Uint8Array): boolean {
    if (this.settlement !== undefined || this.payload !== undefined) return true;
    if (this.proposal?.value !== value) return false;
    if (this.#host.holds(this.id, this.leader, payload.length)) {
      this.isAwaiting = false;
      this.payload = payload;
      this.#tryVote();
      this.#tryDecide();
    } else this.#host.awaits(value, this.id);
    return true;
  }

  onValidated(value: ValueId, ok: boolean): boolean {
    if (this.proposal?.value !== value || this.validity !== 'asked') return true;
    if (!ok) return false;
    this.validity = true;
    this.#tryVote();
    return true;
  }

  onTimeout(): boolean {
    return this.settlement !== undefined;
  }

  onSuspect(node: NodeId): boolean {
    return this.settlement !== undefined || this.leader !== node || this.proposal !== undefined;
  }

  onSync(from: NodeId, sync: Sync): boolean {
    this.settlement?.answer(from, sync);
    return this.settlement !== undefined || !this.#holdsAny(sync.wants);
  }

  /** Whether the signature of this very statement was verified before. */
  isKnown(signed: SignedEntry): boolean {
    return this.votes.some((held) => sameSigned(held, signed));
  }

  /** Adds to its record what a rewritten log has to hold about this instance. */
  snapshot(): void {
    if (this.settlement !== undefined) {
      this.settlement.snapshot();
      return;
    }
    const { heldProposal, offered, proposal, payload } = this;
    const record = this.#host.record(this.id, this.subject);
    for (const held of heldProposal === undefined ? this.votes : [heldProposal, ...this.votes])
      record.entries.push(held.export());
    if (offered !== undefined) record.payloads.push(offered.payload);
    if (payload !== undefined && this.validity === true && offered?.value !== proposal!.value)
      record.payloads.push(payload);
  }

  #holdsAny(wants: readonly ValueId[]): boolean {
    if (wants.length === 0) return false;
    return (
      (this.payload !== undefined && wants.includes(this.proposal!.value)) ||
      (this.offered !== undefined && wants.includes(this.offered.value))
    );
  }

  #lead(): void {
    const { self, crypto, sign, toAll, emit } = this.#host;
    if (this.leader !== self || this.proposal !== undefined) return;
    if (this.offered === undefined) {
      if (!this.hasWanted) emit({ type: 'wanted', instance: this.id, subject: this.subject, round: 0 });
      this.hasWanted = true;
      return;
    }
    const { value, payload } = this.offered;
    const proposal: Proposal = { instance: this.id, round: 0, value, polkaRound: -1, justificationHash: noHash };
    const held = sign(encodeProposal(proposal));
    this.#propose(proposal, held, hex.encode(crypto.sha256(held.entry)));
    this.payload = payload;
    this.validity = true;
    this.#writePayload();
    attachProposal(toAll(), this.subject, { proposal, payload, justification: undefined });
    this.#tryVote();
  }

  #propose(proposal: Proposal, held: HeldEntry, hash: string): void {
    this.proposal = proposal;
    this.heldProposal = held;
    this.proposalHash = hash;
  }

  #names({ value, proposalHash }: Vote): boolean {
    return value === this.proposal!.value && proposalHash === this.proposalHash;
  }

  #tryVote(): void {
    const { proposal, payload } = this;
    if (this.hasVoted || proposal === undefined || payload === undefined) return;
    if (this.validity === undefined) {
      this.validity = 'asked';
      const { id, subject } = this;
      this.#host.emit({ type: 'validate', instance: id, subject, value: proposal.value, payload });
    }
    if (this.validity !== true) return;
    this.hasVoted = true;
    if (this.#host.self === undefined) return;
    const vote: Vote = this.vote ?? {
      kind: 'prevote',
      instance: this.id,
      round: 0,
      value: proposal.value,
      polkaRound: -1,
      proposalHash: this.proposalHash,
    };
    const held = this.#host.sign(encodeVote(vote));
    this.#writePayload();
    this.#add(vote, held);
  }

  #add(vote: Vote, held: HeldEntry): void {
    const { epoch } = this.#host;
    this.vote ??= vote;
    this.votes.push(held);
    this.#weight += epoch.weights.get(held.signer) ?? 0;
    this.#host.emit({ type: 'vote', instance: this.id, subject: this.subject, signer: held.signer, vote: this.vote });
    this.#tryDecide();
  }

  #tryDecide(): void {
    if (this.settlement !== undefined || this.payload === undefined) return;
    if (this.#weight >= thresholdsIn(this.#host.epoch, this.subject.domain).fast) this.#decide(this.payload);
  }

  #decide(payload: Uint8Array): void {
    const host = this.#host;
    const { value } = this.proposal!;
    const decided = { kind: 'FAST', round: 0, value } as const;
    this.settlement = new Settlement(this.id, this.subject, host, decided, this.votes.slice());
    host.settled(this.id, this.isAwaiting ? [value] : nothing);
    // Nobody waits for what an observer says, so it writes down what it learnt at once.
    if (host.self === undefined) host.due();
    this.settlement.deliver(payload);
  }

  #remember(held: HeldEntry): void {
    if (!this.isIntroduced) this.#record();
    this.#host.remember(held, this.#record);
  }

  #writePayload(): void {
    if (this.isWritten || this.payload === undefined) return;
    this.isWritten = true;
    this.#record().payloads.push(this.payload);
  }

  readonly #record = (): InstanceRecord => {
    this.isIntroduced = true;
    return this.#host.record(this.id, this.subject);
  };

  #timer(kind: 'propose' | 'resend' | 'fast', delayMs: number): void {
    this.#host.emit({ type: 'timer', instance: this.id, kind, round: 0, delayMs });
  }
}

/** Mostly one array: what members say alike is kept once. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || equalBytes(a, b);
}
