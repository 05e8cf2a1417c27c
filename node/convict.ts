// Law: two certificates that decide one question differently convict whoever signed both: named here, kept for the log, and shown to the others.
import type { AuditBook } from '../actors/audit-log/index.ts';
import { auditLane, chargeEvidence, encodeEvidenceEntry } from '../actors/auditor/index.ts';
import type { ChainStore, Guilty } from '../actors/epochs/index.ts';
import type { Parts } from '../actors/parts/index.ts';
import { type Certificate, encodeEvidence, evidenceBetween } from '../consensus/index.ts';

/** Listens to conflicts of workflows and to forks of the chain of configs, until what it returns is called. */
export function convictForkers(options: {
  readonly parts: Parts;
  readonly guilty: Guilty;
  readonly audit: AuditBook;
  readonly chainStore: ChainStore;
}): () => void {
  const { parts, guilty, audit, chainStore } = options;
  const { log } = parts.world;
  const convictSigners = ([one, other]: readonly [Certificate, Certificate], workflow: string | undefined): void => {
    log('error', 'two certificates decide one question', { domain: one.subject.domain, epoch: one.epoch, workflow });
    for (const evidence of evidenceBetween(one, other)) {
      // The same two may be shown again and again; once is enough for the record.
      if (guilty.has(evidence.culprit)) continue;
      chargeEvidence(parts, evidence, workflow);
      audit.noteEvidence(encodeEvidence(evidence));
      guilty.convict(evidence.culprit);
      void parts.lanes
        .append(auditLane, encodeEvidenceEntry(evidence, workflow))
        .catch((error) => log('error', 'evidence not shown to the others', { error: String(error) }));
    }
  };
  const stops = [
    parts.board.onConflict(({ workflow, certificates }) => convictSigners(certificates, workflow)),
    chainStore.onFork((certificates) => convictSigners(certificates, undefined)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
