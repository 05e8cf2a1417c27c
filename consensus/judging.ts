// Law: a proposal is followed only where its justification permits it, and its payload only where it is valid: judged once, by the shell,
// or proven by a polka, after which it is never judged again.
import type { NodeId } from '../actors/system/index.ts';
import type { Ballots } from './ballots.ts';
import type { ValueId } from './core.ts';
import type { Evidence } from './evidence.ts';
import type { InstanceHost } from './instance-host.ts';
import { checkJustification } from './justification.ts';
import { type InstanceId, isLeaderless, type Subject } from './messages.ts';
import type { HeldProposal, Proposals } from './proposals.ts';
import type { Rounds } from './rounds.ts';
import type { SignedEntry } from './signed-entry.ts';

export class Judge {
  readonly #id: InstanceId;
  readonly #subject: Subject;
  readonly #order: readonly NodeId[];
  readonly #host: InstanceHost;
  readonly #ballots: Ballots;
  readonly #proposals: Proposals;
  /** Values that a quorum prevoted, by round. */
  readonly #polkas: Rounds<ValueId>;
  #convicted: Set<string> | undefined;

  constructor(
    id: InstanceId,
    subject: Subject,
    order: readonly NodeId[],
    host: InstanceHost,
    ballots: Ballots,
    proposals: Proposals,
    polkas: Rounds<ValueId>,
  ) {
    this.#id = id;
    this.#subject = subject;
    this.#order = order;
    this.#host = host;
    this.#ballots = ballots;
    this.#proposals = proposals;
    this.#polkas = polkas;
  }

  /** Undefined while its justification is still to come. */
  isPermitted(held: HeldProposal): boolean | undefined {
    const { proposal, justification } = held;
    if (proposal.polkaRound >= 0 && this.#polkas.get(proposal.polkaRound) === proposal.value) return true;
    if (proposal.round > 0 && justification === undefined) return undefined;
    const { epoch, crypto, rules } = this.#host;
    const isKnown = (signed: SignedEntry): boolean => this.#ballots.isKnown(signed);
    const { domain } = this.#subject;
    const context = { epoch, crypto, domain, order: this.#order, judge: rules.judgeReports, isKnown };
    if (checkJustification(proposal, justification, context).ok) return true;
    const { signer: culprit } = held.held;
    this.convict({ kind: 'unjustified', culprit, subject: this.#subject, proposal: held.held.export(), justification });
    return false;
  }

  /** Undefined while the shell has not said, and after asking it. */
  isValid(value: ValueId): boolean | undefined {
    // What is proposed of a domain without a leader, honest members found or none was found: that is a matter of votes.
    if (isLeaderless(this.#subject.domain)) return true;
    const known = this.#proposals.validity(value);
    if (typeof known === 'boolean') return known;
    if (this.#polkas.kept.some((polka) => polka.value === value)) return true;
    const payload = this.#proposals.payload(value);
    if (known === undefined && payload !== undefined) {
      this.#proposals.judged(value, 'asked');
      this.#host.emit({ type: 'validate', instance: this.#id, subject: this.#subject, value, payload });
    }
    return undefined;
  }

  /** Once per kind and culprit. */
  convict(evidence: Evidence): void {
    const name = `${evidence.kind} ${evidence.culprit}`;
    this.#convicted ??= new Set();
    if (this.#convicted.has(name)) return;
    this.#convicted.add(name);
    this.#host.emit({ type: 'evidence', evidence });
  }
}
