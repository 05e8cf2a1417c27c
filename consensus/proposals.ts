// Law: a payload is known by its hash and judged once; a proposal counts for its round only from that round's leader, and only the first
// one does. What a Byzantine leader sends besides is kept just far enough to convict it and to read the reports that rest on it.
import type { NodeId } from '../actors/system/index.ts';
import type { ValueId } from './core.ts';
import { maxPayloadBytes, type Proposal } from './messages.ts';
import { type HeldEntry, sameEntry } from './signed-entry.ts';

export interface HeldProposal {
  readonly proposal: Proposal;
  readonly held: HeldEntry;
  /** Hash of the signed bytes, which prevotes for it carry. */
  readonly hash: string;
  justification: Uint8Array | undefined;
  /** Whether its justification permits it; undefined until that could be checked. */
  permitted: boolean | undefined;
}

export class Proposals {
  readonly #rounds = new Map<number, HeldProposal>();
  /** Round-0 proposals by hash: reports name them. */
  readonly #reported = new Map<string, HeldProposal>();
  readonly #payloads = new Map<ValueId, Uint8Array>();
  readonly #validity = new Map<ValueId, boolean | 'asked'>();

  /** The proposal that counts for `round`. */
  of(round: number): HeldProposal | undefined {
    return this.#rounds.get(round);
  }

  /** A round-0 proposal by the hash of its bytes. */
  reported(hash: string): HeldProposal | undefined {
    return this.#reported.get(hash);
  }

  reportable(): Iterable<HeldProposal> {
    return this.#reported.values();
  }

  /**
   * Keeps a verified proposal of its round's leader. `isNamed` tells whether a kept vote names it: in round 0 those are kept besides the first.
   * Answers the proposal that this one contradicts, if any.
   */
  add(added: HeldProposal, isNamed: (hash: string) => boolean): HeldProposal | undefined {
    const { round } = added.proposal;
    const first = this.#rounds.get(round);
    if (first === undefined) this.#rounds.set(round, added);
    if (round === 0 && !this.#reported.has(added.hash) && (first === undefined || isNamed(added.hash)))
      this.#reported.set(added.hash, added);
    return first !== undefined && !sameEntry(first.held, added.held) ? first : undefined;
  }

  /** Who proposed `value`, of those this node knows. */
  proposerOf(value: ValueId): NodeId | undefined {
    for (const { proposal, held } of this.#rounds.values()) if (proposal.value === value) return held.signer;
    for (const { proposal, held } of this.#reported.values()) if (proposal.value === value) return held.signer;
    return undefined;
  }

  justify(hash: string, bytes: Uint8Array): void {
    for (const held of this.#rounds.values())
      if (held.proposal.justificationHash === hash) held.justification ??= bytes;
  }

  payload(value: ValueId): Uint8Array | undefined {
    return this.#payloads.get(value);
  }

  /** `bytes` hash to `value` and are no longer than `maxPayloadBytes`. */
  addPayload(value: ValueId, bytes: Uint8Array): void {
    if (bytes.length > maxPayloadBytes)
      throw new RangeError(`a payload of ${bytes.length} bytes exceeds ${maxPayloadBytes}`);
    this.#payloads.set(value, bytes);
  }

  validity(value: ValueId): boolean | 'asked' | undefined {
    return this.#validity.get(value);
  }

  judged(value: ValueId, validity: boolean | 'asked'): void {
    this.#validity.set(value, validity);
  }

  /** Values held and found valid, oldest first. */
  validValues(): ValueId[] {
    return [...this.#payloads.keys()].filter((value) => this.#validity.get(value) === true);
  }

  forget(keepRound: (round: number) => boolean, keepValue: (value: ValueId) => boolean): void {
    for (const round of [...this.#rounds.keys()]) if (!keepRound(round)) this.#rounds.delete(round);
    const named = new Set([...this.#rounds.values(), ...this.#reported.values()].map(({ proposal }) => proposal.value));
    for (const value of [...this.#payloads.keys()])
      if (!named.has(value) && !keepValue(value)) this.#payloads.delete(value);
  }
}
