// Law: evidence convicts wherever it is read. Who found it writes it into its log, and so every member names the culprit, at once and after
// a restart; what is believed is the culprit's own signatures, never the word of whoever shows them.
import { z } from 'zod';
import {
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  instanceOfEvidence,
  verifyEvidence,
} from '../../consensus/index.ts';
import { decodeBody, encodeBody, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import type { NodeId } from '../system/index.ts';

/** The lane that carries what members hold against each other. */
export const auditLane = 'audit';

const evidenceInWords: Readonly<Record<Evidence['kind'], string>> = {
  prevotes: 'two prevotes in one round',
  precommits: 'two precommits in one round',
  proposals: 'two proposals in one round',
  amnesia: 'a vote against its own earlier commitment',
  unjustified: 'a proposal that its own justification does not permit',
  judgements: 'a yes and a no to the same result',
};
const entryMaxBytes = 200_000;
const evidenceEntry = z.strictObject({
  kind: z.literal('evidence'),
  evidence: z.instanceof(Uint8Array),
  workflow: z.string().max(64).optional(),
});

/** Names the culprit of evidence that holds; once per kind and instance, however often and by whomever it is shown. */
export function chargeEvidence(parts: Pick<Parts, 'ledger'>, evidence: Evidence, workflow: string | undefined): void {
  const { culprit, kind } = evidence;
  const words = `equivocated: ${evidenceInWords[kind]}`;
  parts.ledger.charge(culprit, `${kind}:${instanceOfEvidence(evidence)}`, words, workflow);
}

/** The entry of the audit lane that shows `evidence` to the others. `workflow` is what it happened in, where known. */
export function encodeEvidenceEntry(evidence: Evidence, workflow: string | undefined): Uint8Array {
  const shown = {
    kind: 'evidence',
    evidence: encodeEvidence(evidence),
    ...(workflow === undefined ? {} : { workflow }),
  };
  return encodeBody(shown, entryMaxBytes);
}

/**
 * Takes an entry of the audit lane: its evidence counts where it holds under the config of any epoch. Other entries pass. Answers evidence
 * that holds, as it is encoded.
 */
export function learnEvidence(
  parts: Pick<Parts, 'ledger' | 'chain' | 'world' | 'board' | 'refusals'>,
  entry: { readonly author: NodeId; readonly body: Uint8Array },
): Uint8Array | undefined {
  const { chain, world, board } = parts;
  try {
    const shown = evidenceEntry.safeParse(decodeBody(entry.body));
    if (!shown.success) return undefined;
    const evidence = decodeEvidence(shown.data.evidence);
    const holds = chain.links.some(({ config }) => verifyEvidence(evidence, config, chain.meshId, world.crypto).ok);
    if (!holds) throw new MalformedBytes('evidence that convicts nobody');
    const { workflow } = shown.data;
    chargeEvidence(parts, evidence, workflow === undefined ? undefined : board.get(workflow)?.workflow);
    return shown.data.evidence;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    parts.refusals.add(entry.author, 'entry', `${auditLane}: ${error.message}`);
    return undefined;
  }
}
