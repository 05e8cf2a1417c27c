// Law: what a file holds in base64 has one spelling, and what of it should be in the audit log follows from its certificates alone.
import { type AuditEntry, decodeCertificate } from '../../consensus/index.ts';
import { Refused } from './refused.ts';

/** What of these decisions should be in the log. */
export function certifiedEntriesOf(
  decisions: readonly { readonly certificate: string }[],
): (AuditEntry & { readonly epoch: number })[] {
  return decisions.map((each) => {
    const { epoch, subject, value } = decodeCertificate(fromBase64(each.certificate));
    return { epoch, kind: 'verdict', key: subject.key, digest: value };
  });
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** One spelling only: the last digit before the padding carries bits that no byte uses, and they are to be zero. */
export function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text)
    throw new Refused('a part of it is spelled in another way than this format spells it');
  return new Uint8Array(bytes);
}
