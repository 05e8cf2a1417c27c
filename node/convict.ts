// Law: two certificates that decide one question differently convict whoever signed both, and a judge's yes and no to one result convict the
// judge: named here, kept for the log, and shown to the others.
import type { AuditBook } from '../actors/audit-log/index.ts';
import { auditLane, chargeEvidence, encodeEvidenceEntry } from '../actors/auditor/index.ts';
import type { ChainStore, Guilty } from '../actors/epochs/index.ts';
import type { Parts } from '../actors/parts/index.ts';
import {
  type Certificate,
  type Evidence,
  encodeEvidence,
  evidenceBetween,
  verifyEvidence,
} from '../consensus/index.ts';

/** Listens to conflicts and contradictions of workflows and to forks of the chain of configs, until what it returns is called. */
export function convictForkers(options: {
  readonly parts: Parts;
  readonly guilty: Guilty;
  readonly audit: AuditBook;
  readonly chainStore: ChainStore;
}): () => void {
  const { parts, guilty, audit, chainStore } = options;
  const { log } = parts.world;
  const convict = (evidence: Evidence, workflow: string | undefined): void => {
    // The same two may be shown again and again; once is enough for the record.
    if (guilty.has(evidence.culprit)) return;
    chargeEvidence(parts, evidence, workflow);
    audit.noteEvidence(encodeEvidence(evidence));
    guilty.convict(evidence.culprit);
    void parts.lanes
      .append(auditLane, encodeEvidenceEntry(evidence, workflow))
      .catch((error) => log('error', 'evidence not shown to the others', { error: String(error) }));
  };
  /** What contradicts itself under different relations or calls is named for it, and proves nothing to others. */
  const isProven = (evidence: Evidence): boolean =>
    parts.chain.links.some(({ config }) => verifyEvidence(evidence, config, parts.chain.meshId, parts.world.crypto).ok);
  const convictSigners = ([one, other]: readonly [Certificate, Certificate], workflow: string | undefined): void => {
    log('error', 'two certificates decide one question', { domain: one.subject.domain, epoch: one.epoch, workflow });
    for (const evidence of evidenceBetween(one, other)) convict(evidence, workflow);
  };
  const stops = [
    parts.board.onConflict(({ workflow, certificates }) => convictSigners(certificates, workflow)),
    parts.board.onContradiction(({ evidence, workflow }) => {
      if (evidence !== undefined && isProven(evidence)) convict(evidence, workflow);
    }),
    chainStore.onFork((certificates) => convictSigners(certificates, undefined)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
