// Law: the log is this node's memory of what it said; it is taken at its word, and an instance is rebuilt from it without saying anything.
import type { NodeId } from '../actors/system/index.ts';
import { hex } from '../protocols/wire/index.ts';
import type { Ballots } from './ballots.ts';
import type { InstanceHost } from './instance-host.ts';
import { type Entry, type InstanceId, type Subject, valueIdOf } from './messages.ts';
import type { OwnStatements } from './own-statements.ts';
import type { Proposals } from './proposals.ts';
import type { HeldEntry } from './signed-entry.ts';

export class Restoring {
  readonly #id: InstanceId;
  readonly #subject: Subject;
  readonly #order: readonly NodeId[];
  readonly #host: InstanceHost;
  readonly #ballots: Ballots;
  readonly #proposals: Proposals;
  readonly #own: OwnStatements;

  constructor(
    id: InstanceId,
    subject: Subject,
    order: readonly NodeId[],
    host: InstanceHost,
    ballots: Ballots,
    proposals: Proposals,
    own: OwnStatements,
  ) {
    this.#id = id;
    this.#subject = subject;
    this.#order = order;
    this.#host = host;
    this.#ballots = ballots;
    this.#proposals = proposals;
    this.#own = own;
  }

  /** An own statement, or one of another member that this node had kept. */
  entry(entry: Entry, held: HeldEntry): void {
    const isOwn = held.signer === this.#host.self;
    if (entry.type === 'vote') this.#ballots.restore({ vote: entry.vote, held });
    else if (isOwn || this.#order[entry.proposal.round % this.#order.length] === held.signer) {
      const hash = hex.encode(this.#host.crypto.sha256(held.entry));
      this.#proposals.add(
        { proposal: entry.proposal, held, hash, justification: undefined, permitted: isOwn ? true : undefined },
        () => true,
      );
    }
    if (isOwn) this.#own.restore(entry, held);
  }

  /** The log knows what the instance is about. */
  introduced(): void {
    this.#own.restored();
  }

  /** It was found valid before it was written down. */
  payload(payload: Uint8Array): void {
    const value = valueIdOf(payload, this.#host.crypto);
    this.#proposals.addPayload(value, payload);
    this.#proposals.judged(value, true);
    this.#own.restored(value);
  }

  /** Of a proposal restored before. */
  justification(bytes: Uint8Array): void {
    this.#proposals.justify(hex.encode(this.#host.crypto.sha256(bytes)), bytes);
  }

  /** The converse: what a rewritten log has to hold about this undecided instance. */
  snapshot(): void {
    const record = this.#host.record(this.#id, this.#subject);
    this.#own.snapshot();
    for (const value of this.#proposals.validValues()) record.payloads.push(this.#proposals.payload(value)!);
    for (const held of [...this.#ballots.everything(), ...this.#proposals.everything()])
      if (held.signer !== this.#host.self) record.entries.push(held.export());
  }
}
