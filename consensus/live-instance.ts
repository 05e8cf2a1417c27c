// Law: an instance is calm until something happens that only the whole machine can judge; then it is an `Instance`, for good. Who speaks to it
// need not know which: both answer alike.
import type { NodeId } from '../actors/system/index.ts';
import { CalmInstance } from './calm-instance.ts';
import type { Certificate } from './certificate.ts';
import type { ValueId } from './core.ts';
import type { TimerKind } from './engine-types.ts';
import type { Sync } from './frame.ts';
import { Instance } from './instance.ts';
import type { InstanceHost } from './instance-host.ts';
import type { Entry, InstanceId, Proposal, Subject, Vote } from './messages.ts';
import type { Restoring } from './restoring.ts';
import { nothing } from './rounds.ts';
import type { Settlement } from './settlement.ts';
import type { HeldEntry, SignedEntry } from './signed-entry.ts';

export class LiveInstance {
  readonly id: InstanceId;
  readonly subject: Subject;
  /** Who introduced it, while it is undecided and this node did not start it. */
  introducer: NodeId | undefined;
  /** Room taken for payloads while it is undecided. */
  holds: readonly { readonly proposer: NodeId; readonly sizeBytes: number }[] = nothing;
  #isGone = false;
  /** Looked at once more at the end of this call. */
  #isWatched = false;
  /** The last batch that something about it came in, by number. */
  lastBatch = -1;
  readonly #host: InstanceHost;
  #calm: CalmInstance | undefined;
  #whole: Instance | undefined;

  constructor(id: InstanceId, subject: Subject, host: InstanceHost) {
    this.id = id;
    this.subject = subject;
    this.#host = host;
    if (host.rules.beginsCalm(subject.domain)) this.#calm = new CalmInstance(id, subject, host);
    else this.#whole = new Instance(id, subject, host);
  }

  /** It is decided and archived: what is about it is not for it any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Lets go of what it holds, since it may be remembered itself for a while. */
  leave(): void {
    this.#isGone = true;
    this.#calm = undefined;
    this.#whole = undefined;
  }

  get isDecided(): boolean {
    return this.#calm === undefined ? this.#whole!.isDecided : this.#calm.settlement !== undefined;
  }

  /** What is left to say once the decision and its payload are here; undefined before. */
  get closed(): Settlement | undefined {
    return this.#calm === undefined ? this.#whole!.closed : this.#calm.settlement;
  }

  begin(): void {
    if (this.#calm === undefined) {
      this.#whole!.begin();
      return;
    }
    this.#calm.begin();
    this.#after(true);
  }

  offer(payload: Uint8Array): void {
    if (!this.#after(this.#calm?.offer(payload))) this.#machine().offer(payload);
  }

  onValidated(value: ValueId, ok: boolean): void {
    if (!this.#after(this.#calm?.onValidated(value, ok))) this.#machine().onValidated(value, ok);
  }

  /** A verified statement of a member. */
  onEntry(entry: Entry, held: HeldEntry): void {
    if (entry.type === 'vote') this.onVote(entry.vote, held);
    else this.onProposal(entry.proposal, held);
  }

  onVote(vote: Vote, held: HeldEntry): void {
    if (!this.#after(this.#calm?.onVote(vote, held))) this.#machine().onVote(vote, held);
  }

  onProposal(proposal: Proposal, held: HeldEntry): void {
    if (!this.#after(this.#calm?.onProposal(proposal, held))) this.#machine().onProposal(proposal, held);
  }

  onPayload(value: ValueId, payload: Uint8Array): void {
    if (!this.#after(this.#calm?.onPayload(value, payload))) this.#machine().onPayload(value, payload);
  }

  onJustification(hash: string, bytes: Uint8Array): void {
    this.#machine().onJustification(hash, bytes);
  }

  /** A verified certificate of this instance. */
  onCertificate(certificate: Certificate): void {
    this.#machine().onCertificate(certificate);
  }

  /** `from` is undecided in `sync.round` and asks. */
  onSync(from: NodeId, sync: Sync): void {
    if (this.#calm?.onSync(from, sync) !== true) this.#machine().onSync(from, sync);
  }

  onTimeout(kind: TimerKind, round: number): void {
    if (this.#calm?.onTimeout() !== true) this.#machine().onTimeout(kind, round);
  }

  onSuspect(node: NodeId): void {
    if (!this.#after(this.#calm?.onSuspect(node))) this.#machine().onSuspect(node);
  }

  /** Whether this certificate says nothing new: the same decision, or a polka that is known. */
  isProven(certificate: Certificate): boolean {
    if (this.#calm === undefined) return this.#whole!.isProven(certificate);
    const { settlement } = this.#calm;
    return settlement !== undefined && (certificate.kind === 'POLKA' || settlement.decided.value === certificate.value);
  }

  /** Whether the signature of this very statement was verified before. */
  isKnown(signed: SignedEntry): boolean {
    return (this.#calm ?? this.#whole!).isKnown(signed);
  }

  // --- restart -----------------------------------------------------------------------------------------------------------------------

  /** Takes what the log holds, before `resume`. */
  get restoring(): Restoring {
    return this.#machine().restoring;
  }

  /** A decision from this node's own log. */
  restoreDecision(encoded: Uint8Array): void {
    this.#machine().restoreDecision(encoded);
  }

  /** Takes up where the log ends: says again what was said, waits for what it waited for. */
  resume(): void {
    this.#machine().resume();
  }

  /** Adds to its record what a rewritten log has to hold about this instance. */
  snapshot(): void {
    (this.#calm ?? this.#whole!).snapshot();
  }

  /**
   * Passes on whether the calm form took what came. What it brought about may be more than the calm form can judge; that is looked at once a
   * call, since what else came in it may decide.
   */
  #after(isTaken: boolean | undefined): boolean {
    if (isTaken === true && !this.#isWatched && this.#calm?.isOverCalm === true) {
      this.#isWatched = true;
      this.#host.lastly(() => this.#judge());
    }
    return isTaken === true;
  }

  #judge(): void {
    this.#isWatched = false;
    if (this.#calm?.isOverCalm === true && !this.#calm.waits()) this.#machine();
  }

  #machine(): Instance {
    const calm = this.#calm;
    if (calm !== undefined) {
      this.#calm = undefined;
      this.#whole = new Instance(this.id, this.subject, this.#host);
      this.#whole.takeOver(calm);
    }
    return this.#whole!;
  }
}
