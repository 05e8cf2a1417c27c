// Law: once decided, an instance says one thing only: its certificate, to whoever is behind, and its payload to whoever lacks it. A
// certificate is made when somebody asks for it; until then the votes, as they came, prove as much.
import type { NodeId } from '../actors/system/index.ts';
import {
  assembleCertificate,
  type Certificate,
  type CertificateKind,
  decodeCertificate,
  encodeCertificate,
} from './certificate.ts';
import type { ValueId } from './core.ts';
import type { Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import type { InstanceId, Subject, Vote } from './messages.ts';
import type { HeldEntry } from './signed-entry.ts';

/** Payloads up to this size travel with the certificate unasked. */
const smallPayloadBytes = 16 * 1024;

export interface Decided {
  readonly kind: Exclude<CertificateKind, 'POLKA'>;
  readonly round: number;
  readonly value: ValueId;
}

/** What proves it: a certificate's bytes, or the votes that one is made of when somebody asks for it. */
export type Proof = Uint8Array | readonly HeldEntry[];

export class Settlement {
  readonly decided: Decided;
  readonly id: InstanceId;
  readonly subject: Subject;
  readonly proof: Proof;
  /** Undefined while it is still to come. */
  payload: Uint8Array | undefined;
  /** How many answers each peer was given. */
  answers: Map<NodeId, number> | undefined;
  readonly #host: InstanceHost;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost, decided: Decided, proof: Proof) {
    this.id = id;
    this.subject = subject;
    this.#host = host;
    this.decided = decided;
    this.proof = proof;
  }

  /** False while the payload is still to come. */
  get isDelivered(): boolean {
    return this.payload !== undefined;
  }

  /** Throws where an own vote in it is not sealed yet. */
  certificate(): Certificate {
    if (this.proof instanceof Uint8Array) return decodeCertificate(this.proof);
    const about = { ...this.decided, subject: this.subject, instance: this.id };
    const certificate = assembleCertificate(about, this.proof, this.#host.epoch);
    if (certificate === undefined) throw new Error(`instance ${this.id} decided without the votes to prove it`);
    return certificate;
  }

  /** Hands the decision over, now that its payload is here. */
  deliver(payload: Uint8Array): void {
    this.payload = payload;
    this.announce();
  }

  announce(): void {
    if (this.payload === undefined) return;
    const settlement = this;
    this.#host.emit({
      type: 'decided',
      instance: this.id,
      subject: this.subject,
      value: this.decided.value,
      payload: this.payload,
      get certificate() {
        return settlement.certificate();
      },
    });
  }

  snapshot(): void {
    const record = this.#host.record(this.id, this.subject);
    if (this.proof instanceof Uint8Array) record.certificates.push(this.proof);
    else for (const held of this.proof) this.#host.keep(held, record);
    if (this.payload !== undefined) record.payloads.push(this.payload);
  }

  /** Signers to ask for the payload: at least one of them is honest and held it when it voted. */
  holders(): NodeId[] {
    const votes = this.proof instanceof Uint8Array ? this.certificate().votes : this.proof;
    return votes.map(({ signer }) => signer);
  }

  /** A vote that others of its kind cannot have overtaken shows that its signer does not know of the decision. */
  onVote(vote: Vote, signer: NodeId): void {
    if (vote.value !== this.decided.value || vote.round > this.decided.round) this.answer(signer, undefined);
  }

  answer(to: NodeId, sync: Sync | undefined): void {
    if (to !== this.#host.self) this.#host.afterSeal(() => this.#answerNow(to, sync));
  }

  #answerNow(to: NodeId, sync: Sync | undefined): void {
    this.answers ??= new Map();
    const given = this.answers.get(to) ?? 0;
    if (given >= this.#host.limits.answersPerPeer) {
      this.#host.emit({ type: 'refused', from: to, reason: `asked ${given} times about decided instance ${this.id}` });
      return;
    }
    this.answers.set(to, given + 1);
    const builder = this.#host.to(to);
    builder.subject(this.id, this.subject);
    builder.certificate(`${this.id} decided`, this.#encoded());
    const wanted = sync?.wants.includes(this.decided.value) === true;
    if (this.payload !== undefined && (wanted || this.payload.length <= smallPayloadBytes))
      builder.payload(this.decided.value, this.payload);
  }

  #encoded(): Uint8Array {
    return this.proof instanceof Uint8Array ? this.proof : encodeCertificate(this.certificate());
  }
}
