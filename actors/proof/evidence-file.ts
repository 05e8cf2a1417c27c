// Law: an evidence file convicts offline: two signatures of one member that an honest one never makes together, and the chain of configs that
// says whose key it was. Nothing in it is anybody's word.
import { z } from 'zod';
import { decodeEvidence, type Evidence, verifyEvidence } from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { Crypto } from '../system/index.ts';
import { fromBase64, toBase64 } from './entries.ts';
import { meshPartOf, meshPartSchema, partText as text } from './mesh-part.ts';
import { Refused, refusalFor } from './refused.ts';
import { chainOf } from './verify.ts';

const evidenceFormat = 'parley-evidence/1';
const schema = z.strictObject({
  format: z.literal(evidenceFormat),
  mesh: meshPartSchema,
  evidence: z.array(text).min(1).max(1_024),
});
export type EvidenceFile = z.infer<typeof schema>;

export function evidenceFile(chain: MeshChain, evidence: readonly Uint8Array[]): EvidenceFile {
  return {
    format: evidenceFormat,
    mesh: meshPartOf(chain),
    evidence: evidence.map(toBase64),
  };
}

const inWords: Readonly<Record<Evidence['kind'], string>> = {
  prevotes: 'signed two prevotes in one round',
  precommits: 'signed two precommits in one round',
  proposals: 'signed two proposals in one round',
  amnesia: 'voted against its own earlier commitment',
  unjustified: 'proposed what its own justification does not permit',
  judgements: 'said yes and no to the same result',
};

export type EvidenceVerification =
  | { readonly ok: true; readonly lines: readonly string[]; readonly meshId: string; readonly isAnchored: boolean }
  | { readonly ok: false; readonly reason: string; readonly hint?: string };

/** Whether the bytes look like such a file: then `verifyEvidenceFile` says what it proves. */
export function isEvidenceFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 200)).toString('latin1').includes(`"${evidenceFormat}"`);
}

/** `meshId`: the mesh the verifier trusts, in lower-case hex. */
export function verifyEvidenceFile(
  bytes: Uint8Array,
  options: { readonly crypto: Crypto; readonly meshId?: string },
): EvidenceVerification {
  try {
    return verify(bytes, options);
  } catch (error) {
    return refusalFor(error);
  }
}

function verify(bytes: Uint8Array, { crypto, meshId }: Parameters<typeof verifyEvidenceFile>[1]): EvidenceVerification {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refused('it is not JSON text in UTF-8: damaged, or not evidence');
  }
  const file = schema.safeParse(value);
  if (!file.success) throw new Refused(`it is not a ${evidenceFormat} file: ${file.error.issues[0]?.message}`);
  const chain = chainOf(file.data.mesh, crypto);
  if (meshId !== undefined && meshId !== chain.meshIdHex)
    throw new Refused(`it is of mesh ${chain.meshIdHex}, not of mesh ${meshId}`);
  const lines = file.data.evidence.map((encoded, i) => {
    const evidence = decodeEvidence(fromBase64(encoded));
    const checks = chain.links.map(({ config }) => verifyEvidence(evidence, config, chain.meshId, crypto));
    const epoch = checks.findIndex((check) => check.ok);
    const [first] = checks.flatMap((check) => (check.ok ? [] : [check.reason]));
    if (epoch < 0) throw new Refused(`evidence ${i + 1} convicts nobody: ${first}`);
    const isStill = chain.isMember(evidence.culprit) ? 'still a member' : 'a member no more';
    const { name } = chain.member(evidence.culprit, epoch)!;
    const id = hex.encode(crypto.sha256(fromBase64(encoded))).slice(0, 8);
    return `${name} (${evidence.culprit}) ${inWords[evidence.kind]}; ${isStill} in epoch ${chain.current.epoch}; evidence ${id}`;
  });
  return { ok: true, lines, meshId: chain.meshIdHex, isAnchored: meshId !== undefined };
}
