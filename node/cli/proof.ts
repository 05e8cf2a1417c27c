// Law: a certificate is checked with what is in its file and what the asker brought, and nothing else: no node, no network, no clock.
import { isEvidenceFile, verifyCertificateFile, verifyEvidenceFile } from '../../actors/proof/index.ts';
import { createCrypto } from '../crypto/index.ts';

export type Verdict = ReturnType<typeof verifyCertificateFile>;

export function check(
  certificate: Uint8Array,
  expected: { readonly result?: Uint8Array; readonly meshId?: string; readonly currentEpoch?: number },
): Verdict {
  return verifyCertificateFile(certificate, { ...expected, crypto: createCrypto() });
}

/** What an evidence file proves, or undefined where it is something else. */
export function checkEvidence(
  bytes: Uint8Array,
  expected: { readonly meshId?: string },
): ReturnType<typeof verifyEvidenceFile> | undefined {
  return isEvidenceFile(bytes) ? verifyEvidenceFile(bytes, { ...expected, crypto: createCrypto() }) : undefined;
}
