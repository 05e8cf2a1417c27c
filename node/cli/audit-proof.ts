// Law: an audit proof is checked with what is in its file and what the asker brought, and nothing else.
import {
  type AuditProofFile,
  type AuditVerification,
  certifiedEntries,
  checkpointOf,
  verifyAuditProof,
  withAuditProof,
} from '../../actors/proof/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { createCrypto } from '../crypto/index.ts';

export function verifyProof(
  proof: Uint8Array,
  expected: { readonly certificate?: Uint8Array; readonly meshId?: string; readonly since?: Uint8Array },
): AuditVerification {
  return verifyAuditProof(proof, { ...expected, crypto: createCrypto() });
}

/** What of a certificate file should be in the log, or why it is none. */
export function provable(
  certificate: Uint8Array,
):
  | { readonly ok: true; readonly entries: ReturnType<typeof certifiedEntries> }
  | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, entries: certifiedEntries(certificate) };
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}

export const hexOf = hex.encode;

/** The epoch and size of the checkpoint in an audit proof file. */
export function sizeIn(proof: Uint8Array): { readonly epoch: number; readonly size: number } {
  return checkpointOf(proof);
}

/** The certificate file that carries the proof in itself. */
export function embedded(certificate: Uint8Array, proof: unknown): Uint8Array {
  return withAuditProof(certificate, proof as AuditProofFile);
}

/** An epoch of the proof that is over and whose log it does not show closed. */
export function unclosedEpoch(proof: unknown, currentEpoch: number): number | undefined {
  return (proof as AuditProofFile).entries.find(({ epoch, closing }) => epoch < currentEpoch && closing === undefined)
    ?.epoch;
}
