// Law: a certificate file holds everything a stranger needs to check a result, or that there is none, and nothing that must be believed: the genesis and the
// chain of configs, the plan, and for each task the decision with the votes that made it. What it says in words is derived from that.
import { encodeCertificate, encodeDecision, endorsementInWords } from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { decodePlan, planBytes } from '../plan/index.ts';
import { type Certified, progressOf, taskStatus, type WorkflowRecord } from '../workflow/index.ts';
import { toBase64 } from './entries.ts';
import { type CertificateFile, renderFile } from './file.ts';
import { meshPartOf } from './mesh-part.ts';
import { about } from './words.ts';

/** The file of a workflow that completed, or failed by its certificates; undefined while it did neither. */
export function buildCertificateFile(record: WorkflowRecord, chain: MeshChain): Uint8Array | undefined {
  const { opened } = record;
  if (opened === undefined) return undefined;
  const progress = progressOf(record);
  if (progress.kind !== 'done' && progress.kind !== 'failed') return undefined;
  const end = progress.kind === 'done' ? progress.result : progress.certified;
  const decided: Certified[] = [];
  for (const task of opened.plan.tasks) {
    const status = taskStatus(record, task);
    // Beside a failure others may still be open: nothing rests on those.
    if (status.state === 'open') continue;
    for (let attempt = 0; attempt <= status.attempt; attempt++) {
      const certified = record.tasks.get(task.id)?.attempts.get(attempt)?.certified;
      if (certified !== undefined) decided.push(certified);
    }
  }
  const config = chain.config(opened.epoch)!;
  const file: CertificateFile = {
    format: progress.kind === 'done' ? 'parley-certificate/1' : 'parley-no-result/1',
    about: about({
      chain,
      workflow: record.workflow,
      plan: opened.plan,
      epoch: opened.epoch,
      decided,
      end,
      failed: progress.kind === 'failed' ? progress.message : undefined,
      basis: endorsementInWords(end.decision, config),
    }),
    mesh: meshPartOf(chain, opened.epoch),
    opened: { epoch: opened.epoch, idempotencyKey: opened.idempotencyKey },
    // In canonical order, as a reader's parser will give it back.
    plan: decodePlan(planBytes(opened.plan)),
    decisions: decided.map(({ decision, certificate }) => ({
      decision: toBase64(encodeDecision(decision)),
      certificate: toBase64(encodeCertificate(certificate)),
    })),
  };
  return renderFile(file);
}
