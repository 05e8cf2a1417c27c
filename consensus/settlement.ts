// Law: once decided, an instance says one thing only: its certificate, to whoever is behind, and its payload to whoever lacks it.
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

export class Settlement {
  readonly decided: Decided;
  readonly #id: InstanceId;
  readonly #subject: Subject;
  readonly #host: InstanceHost;
  /** Until it is written down; afterwards its bytes are all that is held, thousands of decisions being thousands of small arrays less. */
  #certificate: Certificate | undefined;
  #encoded: Uint8Array | undefined;
  #payload: Uint8Array | undefined;
  #answers: Map<NodeId, number> | undefined;

  /** With `encoded`, the certificate is on record already. */
  constructor(
    id: InstanceId,
    subject: Subject,
    host: InstanceHost,
    decided: Decided,
    certificate?: Certificate,
    encoded?: Uint8Array,
  ) {
    this.#id = id;
    this.#subject = subject;
    this.#host = host;
    this.decided = decided;
    this.#certificate = certificate;
    this.#encoded = encoded;
  }

  /** False while the payload is still to come. */
  get isDelivered(): boolean {
    return this.#payload !== undefined;
  }

  /** What it holds, in bytes. */
  get sizeBytes(): number {
    return (this.#encoded?.length ?? 0) + (this.#payload?.length ?? 0);
  }

  /** Makes the certificate from `votes` unless it came with one, and writes it down. */
  certify(votes: readonly HeldEntry[]): void {
    if (this.#encoded !== undefined) return;
    const about = { ...this.decided, subject: this.#subject, instance: this.#id };
    const certificate = this.#certificate ?? assembleCertificate(about, votes, this.#host.epoch);
    if (certificate === undefined) throw new Error(`instance ${this.#id} decided without the votes to prove it`);
    this.#certificate = certificate;
    this.#encoded = encodeCertificate(certificate);
    this.#host.record(this.#id, this.#subject).certificates.push(this.#encoded);
  }

  /** Hands the decision over, now that its payload is here. */
  deliver(payload: Uint8Array): void {
    this.#payload = payload;
    this.announce();
  }

  announce(): void {
    if (this.#payload === undefined || this.#encoded === undefined) return;
    const certificate = this.#certificate ?? decodeCertificate(this.#encoded);
    this.#certificate = undefined;
    const { value } = this.decided;
    this.#host.emit({
      type: 'decided',
      instance: this.#id,
      subject: this.#subject,
      value,
      payload: this.#payload,
      certificate,
    });
  }

  snapshot(): void {
    const record = this.#host.record(this.#id, this.#subject);
    if (this.#encoded !== undefined) record.certificates.push(this.#encoded);
    if (this.#payload !== undefined) record.payloads.push(this.#payload);
  }

  /** Signers to ask for the payload: at least one of them is honest and held it when it voted. */
  holders(): NodeId[] {
    const certificate =
      this.#certificate ?? (this.#encoded === undefined ? undefined : decodeCertificate(this.#encoded));
    return certificate?.votes.map((vote) => vote.signer) ?? [];
  }

  /** A vote that others of its kind cannot have overtaken shows that its signer does not know of the decision. */
  onVote(vote: Vote, signer: NodeId): void {
    if (vote.value !== this.decided.value || vote.round > this.decided.round) this.answer(signer, undefined);
  }

  answer(to: NodeId, sync: Sync | undefined): void {
    if (to !== this.#host.self) this.#host.afterSeal(() => this.#answerNow(to, sync));
  }

  #answerNow(to: NodeId, sync: Sync | undefined): void {
    if (this.#encoded === undefined) return;
    this.#answers ??= new Map();
    const given = this.#answers.get(to) ?? 0;
    if (given >= this.#host.limits.answersPerPeer) {
      this.#host.emit({ type: 'refused', from: to, reason: `asked ${given} times about decided instance ${this.#id}` });
      return;
    }
    this.#answers.set(to, given + 1);
    const builder = this.#host.to(to);
    builder.subject(this.#id, this.#subject);
    builder.certificate(`${this.#id} decided`, this.#encoded);
    const wanted = sync?.wants.includes(this.decided.value) === true;
    if (this.#payload !== undefined && (wanted || this.#payload.length <= smallPayloadBytes))
      builder.payload(this.decided.value, this.#payload);
  }
}
