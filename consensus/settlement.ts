// Law: once decided, an instance says one thing only: its certificate, to whoever is behind, and its payload to whoever lacks it.
import type { NodeId } from '../actors/system/index.ts';
import { assembleCertificate, type Certificate, type CertificateKind, encodeCertificate } from './certificate.ts';
import type { ValueId } from './core.ts';
import type { Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import type { InstanceId, Subject } from './messages.ts';
import type { InstanceRecord } from './record.ts';
import type { HeldEntry } from './signed-entry.ts';

/** Payloads up to this size travel with the certificate unasked. */
const smallPayloadBytes = 16 * 1024;

export class Settlement {
  readonly kind: Exclude<CertificateKind, 'POLKA'>;
  readonly round: number;
  readonly value: ValueId;
  #certificate: Certificate | undefined;
  #encoded: Uint8Array | undefined;
  #payload: Uint8Array | undefined;
  readonly #answers = new Map<NodeId, number>();

  constructor(kind: Exclude<CertificateKind, 'POLKA'>, round: number, value: ValueId, certificate?: Certificate) {
    this.kind = kind;
    this.round = round;
    this.value = value;
    this.#certificate = certificate;
  }

  get payload(): Uint8Array | undefined {
    return this.#payload;
  }

  /** Makes the certificate from `votes` unless it came with one, and writes it down. */
  certify(id: InstanceId, subject: Subject, votes: readonly HeldEntry[], host: InstanceHost): void {
    if (this.#encoded !== undefined) return;
    const about = { kind: this.kind, subject, instance: id, round: this.round, value: this.value };
    this.#certificate ??= assembleCertificate(about, votes, host.epoch);
    if (this.#certificate === undefined) throw new Error(`instance ${id} decided without the votes to prove it`);
    this.#encoded = encodeCertificate(this.#certificate);
    host.record(id, subject).certificates.push(this.#encoded);
  }

  /** Hands the decision over, now that its payload is here. */
  deliver(id: InstanceId, subject: Subject, payload: Uint8Array, host: InstanceHost): void {
    this.#payload = payload;
    this.announce(id, subject, host);
  }

  announce(id: InstanceId, subject: Subject, host: InstanceHost): void {
    if (this.#payload === undefined || this.#certificate === undefined) return;
    host.emit({
      type: 'decided',
      instance: id,
      subject,
      value: this.value,
      payload: this.#payload,
      certificate: this.#certificate,
    });
  }

  restore(encoded: Uint8Array): void {
    this.#encoded = encoded;
  }

  snapshot(record: InstanceRecord): void {
    if (this.#encoded !== undefined) record.certificates.push(this.#encoded);
    if (this.#payload !== undefined) record.payloads.push(this.#payload);
  }

  /** Signers to ask for the payload: at least one of them is honest and held it when it voted. */
  holders(): NodeId[] {
    return this.#certificate?.votes.map((vote) => vote.signer) ?? [];
  }

  answer(id: InstanceId, subject: Subject, to: NodeId, sync: Sync | undefined, host: InstanceHost): void {
    const given = this.#answers.get(to) ?? 0;
    if (this.#encoded === undefined) return;
    if (given >= host.limits.answersPerPeer) {
      host.emit({ type: 'refused', from: to, reason: `asked ${given} times about decided instance ${id}` });
      return;
    }
    this.#answers.set(to, given + 1);
    const builder = host.to(to);
    builder.subject(id, subject);
    builder.certificate(`${id} decided`, this.#encoded);
    const wanted = sync?.wants.includes(this.value) === true;
    if (this.#payload !== undefined && (wanted || this.#payload.length <= smallPayloadBytes))
      builder.payload(this.value, this.#payload);
  }
}
