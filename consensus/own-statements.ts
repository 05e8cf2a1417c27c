// Law: a slot (prevote, precommit or proposal of a round) is signed at most once, and from then on only those bytes are repeated, across
// restarts too. What is signed is written down together with what it takes to defend it.
import { hex } from '../protocols/wire/index.ts';
import type { Ballots } from './ballots.ts';
import type { CalmInstance } from './calm-instance.ts';
import { assembleCertificate, encodeCertificate } from './certificate.ts';
import type { Ballot, CoreState, ValueId, VoteKind } from './core.ts';
import type { FrameBuilder } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import {
  type Entry,
  encodeProposal,
  encodeVote,
  type InstanceId,
  noHash,
  type Proposal,
  type Subject,
  type Vote,
} from './messages.ts';
import type { HeldProposal, Proposals } from './proposals.ts';
import type { InstanceRecord } from './record.ts';
import { appended, nothing } from './rounds.ts';
import type { HeldEntry } from './signed-entry.ts';

type Slot = VoteKind | 'proposal';

interface OwnStatement {
  readonly slot: Slot;
  readonly round: number;
  readonly entry: Entry;
  readonly held: HeldEntry;
}

/** What a receiver needs beside the signed proposal: what it is about, what it proposes, and what permits it. */
export function attachProposal(
  builder: FrameBuilder,
  subject: Subject,
  parts: {
    readonly proposal: Proposal;
    readonly payload: Uint8Array | undefined;
    readonly justification: Uint8Array | undefined;
  },
): void {
  const { proposal, payload, justification } = parts;
  builder.subject(proposal.instance, subject);
  if (payload !== undefined) builder.payload(proposal.value, payload);
  if (justification !== undefined) builder.justification(proposal.justificationHash, justification);
}

export class OwnStatements {
  readonly #id: InstanceId;
  readonly #subject: Subject;
  readonly #host: InstanceHost;
  readonly #ballots: Ballots;
  readonly #proposals: Proposals;
  #statements: readonly OwnStatement[] = nothing;
  /** Values whose payload is on record. */
  #written: readonly ValueId[] = nothing;
  #isIntroduced = false;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost, ballots: Ballots, proposals: Proposals) {
    this.#id = id;
    this.#subject = subject;
    this.#host = host;
    this.#ballots = ballots;
    this.#proposals = proposals;
  }

  has(slot: Slot, round: number): boolean {
    return this.#statements.some((own) => own.round === round && own.slot === slot);
  }

  get isEmpty(): boolean {
    return this.#statements.length === 0;
  }

  /** Signs the vote of a slot, unless the slot was signed before or this node does not vote. */
  vote(kind: VoteKind, value: Ballot, core: CoreState): { readonly vote: Vote; readonly held: HeldEntry } | undefined {
    const { round } = core;
    if (this.#host.self === undefined || this.has(kind, round)) return undefined;
    const proposal = kind === 'prevote' && value !== null ? this.#proposals.of(round) : undefined;
    // The lock counts as the vote's justification where it is later than the proposal's: else honest re-voting would look like amnesia.
    const ownPolka = core.lockedValue === value ? core.lockedRound : -1;
    const vote: Vote = {
      kind,
      instance: this.#id,
      round,
      value,
      polkaRound: proposal === undefined ? -1 : Math.max(proposal.proposal.polkaRound, ownPolka),
      proposalHash: proposal?.hash ?? noHash,
    };
    const held = this.#host.sign(encodeVote(vote));
    this.#statements = appended(this.#statements, { slot: kind, round, entry: { type: 'vote', vote }, held });
    this.#writeDown(vote);
    return { vote, held };
  }

  /** Signs this node's proposal of a round it leads. */
  propose(round: number, value: ValueId, polkaRound: number, justification: Uint8Array | undefined): HeldProposal {
    const justificationHash =
      justification === undefined ? noHash : hex.encode(this.#host.crypto.sha256(justification));
    const proposal: Proposal = { instance: this.#id, round, value, polkaRound, justificationHash };
    const held = this.#host.sign(encodeProposal(proposal));
    this.#statements = appended(this.#statements, {
      slot: 'proposal',
      round,
      entry: { type: 'proposal', proposal },
      held,
    });
    if (justification !== undefined) this.#record().justifications.push(justification);
    this.#writePayload(value);
    this.#attach(this.#host.toAll(), proposal, justification);
    return { proposal, held, hash: hex.encode(this.#host.crypto.sha256(held.entry)), justification, permitted: true };
  }

  /** Where this node is, what it lacks, and what lets others follow: the polka of its valid value, else the round-0 reports. */
  sync(builder: FrameBuilder, core: CoreState, wants: readonly ValueId[]): void {
    builder.subject(this.#id, this.#subject);
    builder.sync({ instance: this.#id, round: Math.max(core.round, 0), wants });
    if (core.validValue !== null) {
      const polka = this.polka(core.validRound, core.validValue);
      if (polka !== undefined) builder.certificate(`${this.#id} polka`, polka);
    } else if (core.round > 0) {
      for (const { held } of this.#ballots.all('prevote', 0)) builder.relay(held.export());
      for (const { held } of this.#proposals.reportable()) builder.relay(held.export());
    }
  }

  /** Everything said in this round and the one before, as it was signed. */
  repeat(builder: FrameBuilder, round: number): void {
    for (const { held, entry, round: said } of this.#statements) {
      if (said < round - 1 || said > round) continue;
      builder.relay(held.export());
      if (entry.type !== 'proposal' || said !== round) continue;
      this.#attach(builder, entry.proposal, this.#proposals.of(round)?.justification);
    }
  }

  /** An own statement from the log. */
  restore(entry: Entry, held: HeldEntry): void {
    const { round } = entry.type === 'vote' ? entry.vote : entry.proposal;
    const slot: Slot = entry.type === 'vote' ? entry.vote.kind : 'proposal';
    this.#statements = appended(this.#statements, { slot, round, entry, held });
  }

  /** What the calm form said and wrote down. */
  takeOver(calm: CalmInstance): void {
    const { proposal, heldProposal, vote, votes } = calm;
    const { self } = this.#host;
    if (proposal !== undefined && heldProposal?.signer === self)
      this.restore({ type: 'proposal', proposal }, heldProposal!);
    const own = votes.find(({ signer }) => signer === self);
    if (own !== undefined) this.restore({ type: 'vote', vote: vote! }, own);
    this.#isIntroduced = calm.isIntroduced;
    if (calm.isWritten) this.#written = [proposal!.value];
  }

  /** Already on record: the instance, and the payload of `value`. */
  restored(value?: ValueId): void {
    this.#isIntroduced = true;
    if (value !== undefined) this.#written = appended(this.#written, value);
  }

  /** Has what another member said written down. */
  remember(held: HeldEntry): void {
    if (!this.#isIntroduced) this.#record();
    this.#host.remember(held, this.#record);
  }

  /** The core as the own statements imply it: the latest round, how far it got there, and the lock. */
  impliedCore(initial: CoreState): CoreState {
    let core = initial;
    for (const { entry, round } of this.#statements) {
      if (round > core.round) core = { ...core, round };
      if (
        entry.type !== 'vote' ||
        entry.vote.kind !== 'precommit' ||
        entry.vote.value === null ||
        round <= core.lockedRound
      )
        continue;
      const { value } = entry.vote;
      core = { ...core, lockedRound: round, lockedValue: value, validRound: round, validValue: value };
    }
    const step = this.has('precommit', core.round)
      ? 'precommit'
      : this.has('prevote', core.round)
        ? 'prevote'
        : 'propose';
    return { ...core, step };
  }

  /** Own statements and what was written down for them, for a log that is rewritten. */
  snapshot(): void {
    const record = this.#host.record(this.#id, this.#subject);
    for (const { held, entry, round } of this.#statements) {
      record.entries.push(held.export());
      if (entry.type === 'proposal') {
        const justification = this.#proposals.of(round)?.justification;
        if (justification !== undefined) record.justifications.push(justification);
      }
    }
  }

  /** The polka of `round` as a certificate's bytes; undefined where its votes are no longer held. */
  polka(round: number, value: ValueId): Uint8Array | undefined {
    const votes = this.#ballots.votesFor('prevote', round, value);
    if (votes.some((held) => !held.isSealed)) this.#host.sealNow();
    const about = { kind: 'POLKA', subject: this.#subject, instance: this.#id, round, value } as const;
    const certificate = assembleCertificate(about, votes, this.#host.epoch);
    return certificate === undefined ? undefined : encodeCertificate(certificate);
  }

  #attach(builder: FrameBuilder, proposal: Proposal, justification: Uint8Array | undefined): void {
    const payload = this.#proposals.payload(proposal.value);
    attachProposal(builder, this.#subject, { proposal, payload, justification });
  }

  #writeDown(vote: Vote): void {
    if (!this.#isIntroduced) this.#record();
    // A peer that never heard of the instance has to learn its subject before it can count a vote that came without a proposal.
    if (vote.value === null || (vote.kind === 'prevote' && vote.proposalHash === noHash))
      this.#host.toAll().subject(this.#id, this.#subject);
    if (vote.value !== null && vote.kind === 'prevote') this.#writePayload(vote.value);
  }

  #writePayload(value: ValueId): void {
    const payload = this.#proposals.payload(value);
    if (payload === undefined || this.#written.includes(value)) return;
    this.#written = appended(this.#written, value);
    this.#record().payloads.push(payload);
  }

  readonly #record = (): InstanceRecord => {
    this.#isIntroduced = true;
    return this.#host.record(this.#id, this.#subject);
  };
}
