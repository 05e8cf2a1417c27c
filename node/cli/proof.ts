// Law: a certificate is checked with what is in its file and what the asker brought, and nothing else: no node, no network, no clock.
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { createCrypto } from '../crypto/index.ts';

export type Verdict = ReturnType<typeof verifyCertificateFile>;

export function check(
  certificate: Uint8Array,
  expected: { readonly result?: Uint8Array; readonly meshId?: string },
): Verdict {
  return verifyCertificateFile(certificate, { ...expected, crypto: createCrypto() });
}
