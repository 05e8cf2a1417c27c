// Law: a payload is known by its hash and judged once; a proposal counts for its round only from that round's leader, and only the first
// one does. What a Byzantine leader sends besides is kept just far enough to convict it and to read the reports that rest on it.
import type { NodeId } from '../actors/system/index.ts';
import type { ValueId } from './core.ts';
import { maxPayloadBytes, type Proposal } from './messages.ts';
import { appended, nothing } from './rounds.ts';
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

interface Value {
  readonly value: ValueId;
  payload: Uint8Array | undefined;
  validity: boolean | 'asked' | undefined;
}

/** Throws RangeError where it is longer than a member may propose. */
export function assertPayloadSize(payload: Uint8Array): void {
  if (payload.length > maxPayloadBytes)
    throw new RangeError(`a payload of ${payload.length} bytes exceeds ${maxPayloadBytes}`);
}

/** Short lists that are replaced, not grown: an instance mostly knows one proposal and one value, and there are thousands of instances. */
export class Proposals {
  #rounds: readonly HeldProposal[] = nothing;
  /** Round-0 proposals that reports name. */
  #reported: readonly HeldProposal[] = nothing;
  #values: readonly Value[] = nothing;

  /** The proposal that counts for `round`. */
  of(round: number): HeldProposal | undefined {
    return this.#rounds.find(({ proposal }) => proposal.round === round);
  }

  /** A round-0 proposal by the hash of its bytes. */
  reported(hash: string): HeldProposal | undefined {
    return this.#reported.find((each) => each.hash === hash);
  }

  reportable(): Iterable<HeldProposal> {
    return this.#reported;
  }

  /** Every proposal held, once. */
  everything(): HeldEntry[] {
    return [...new Set([...this.#rounds, ...this.#reported])].map(({ held }) => held);
  }

  /**
   * Keeps a verified proposal of its round's leader. `isNamed` tells whether a kept vote names it: in round 0 those are kept besides the first.
   * Answers whether it was kept, and the proposal that it contradicts, if any.
   */
  add(
    added: HeldProposal,
    isNamed: (hash: string) => boolean,
  ): { readonly isKept: boolean; readonly other: HeldProposal | undefined } {
    const { round } = added.proposal;
    const first = this.of(round);
    let isKept = false;
    if (first === undefined) {
      this.#rounds = appended(this.#rounds, added);
      isKept = true;
    }
    if (round === 0 && this.reported(added.hash) === undefined && (first === undefined || isNamed(added.hash))) {
      this.#reported = appended(this.#reported, added);
      isKept = true;
    }
    return { isKept, other: first !== undefined && !sameEntry(first.held, added.held) ? first : undefined };
  }

  /** Who proposed `value`, of those this node knows. */
  proposerOf(value: ValueId): NodeId | undefined {
    const proposes = ({ proposal }: HeldProposal): boolean => proposal.value === value;
    return (this.#rounds.find(proposes) ?? this.#reported.find(proposes))?.held.signer;
  }

  /** False where no proposal is justified by what hashes so. */
  justify(hash: string, bytes: Uint8Array): boolean {
    const named = this.#rounds.filter(({ proposal }) => proposal.justificationHash === hash);
    for (const held of named) held.justification ??= bytes;
    return named.length > 0;
  }

  payload(value: ValueId): Uint8Array | undefined {
    return this.#find(value)?.payload;
  }

  /** `bytes` hash to `value` and are no longer than `maxPayloadBytes`. */
  addPayload(value: ValueId, bytes: Uint8Array): void {
    assertPayloadSize(bytes);
    this.#at(value).payload = bytes;
  }

  validity(value: ValueId): boolean | 'asked' | undefined {
    return this.#find(value)?.validity;
  }

  judged(value: ValueId, validity: boolean | 'asked'): void {
    this.#at(value).validity = validity;
  }

  /** Values held and found valid, oldest first. */
  validValues(): ValueId[] {
    return this.#values
      .filter(({ payload, validity }) => payload !== undefined && validity === true)
      .map(({ value }) => value);
  }

  forget(keepRound: (round: number) => boolean, keepValue: (value: ValueId) => boolean): void {
    this.#rounds = this.#rounds.filter(({ proposal }) => keepRound(proposal.round));
    const named = new Set([...this.#rounds, ...this.#reported].map(({ proposal }) => proposal.value));
    for (const each of this.#values) if (!named.has(each.value) && !keepValue(each.value)) each.payload = undefined;
  }

  #find(value: ValueId): Value | undefined {
    return this.#values.find((each) => each.value === value);
  }

  #at(value: ValueId): Value {
    let known = this.#find(value);
    if (known === undefined) {
      known = { value, payload: undefined, validity: undefined };
      this.#values = appended(this.#values, known);
    }
    return known;
  }
}
