// Law: a task attempt came to a decision only where three things hold together: the decision is valid under the epoch's config, a
// certificate of that epoch decides exactly its bytes, and the certificate's instance is the one for this very attempt.
import type { Crypto } from '../actors/system/index.ts';
import { equalBytes } from '../protocols/wire/index.ts';
import { type Certificate, verifyCertificate } from './certificate.ts';
import { type Decision, verdictKey } from './decision.ts';
import { type Electorate, judgeDecision } from './decision-judge.ts';
import type { Check } from './epoch.ts';
import { valueIdOf } from './messages.ts';

/** `bytes` is what `decision` was decoded from. */
export function verifyDecided(
  certificate: Certificate,
  decided: { readonly decision: Decision; readonly bytes: Uint8Array },
  electorate: Electorate,
  crypto: Crypto,
): Check {
  const { decision, bytes } = decided;
  if (certificate.kind === 'POLKA') return { ok: false, reason: 'a polka is a step on the way and decides nothing' };
  if (certificate.subject.domain !== 'verdict' || !equalBytes(certificate.subject.key, verdictKey(decision)))
    return { ok: false, reason: 'the certificate is about another task attempt than the decision' };
  if (certificate.value !== valueIdOf(bytes, crypto))
    return { ok: false, reason: 'the certificate decided other bytes than these' };
  const check = verifyCertificate(certificate, electorate.config, electorate.meshId, crypto);
  if (!check.ok) return check;
  const verdict = judgeDecision(decision, electorate, crypto);
  return verdict.ok ? verdict : { ok: false, reason: `the decision does not hold: ${verdict.reason}` };
}
