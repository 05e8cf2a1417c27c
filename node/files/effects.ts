// Law: an effect is carried out only for a certified result, from its certified bytes, and doing it twice is doing it once. The only effect
// so far is a file in the workflow's own folder.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Parts } from '../../actors/parts/index.ts';
import { resultBlob, taskStatus, type WorkflowRecord } from '../../actors/workflow/index.ts';
import { writeWhole } from '../home/index.ts';

/** What a skill with the effect `writes-workflow-folder` outputs. */
const fileOutput = z.object({
  fileName: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._ -]{0,120}$/),
  markdown: z.string(),
});

export interface CertifiedFile {
  readonly task: string;
  readonly fileName: string;
  readonly markdown: string;
}

/** The files of every accepted task of the workflow that may write, each from its certified bytes. */
export async function* certifiedFiles(parts: Parts, record: WorkflowRecord): AsyncGenerator<CertifiedFile> {
  for (const task of record.opened?.plan.tasks ?? []) {
    if (parts.manifests.find(({ name }) => name === task.skill)?.effects !== 'writes-workflow-folder') continue;
    const status = taskStatus(record, task);
    if (status.state !== 'accepted' || status.certified.decision.kind !== 'ACCEPT') continue;
    const ref = resultBlob(status.certified.decision)!;
    await parts.blobs.obtain(ref, [status.certified.decision.candidate.executor]);
    const chunks: Uint8Array[] = [];
    for await (const chunk of parts.world.storage.blobs.read(ref.digest)) chunks.push(chunk);
    const output = fileOutput.safeParse(jsonOf(Buffer.concat(chunks)));
    if (output.success) yield { task: task.id, ...output.data };
    else
      parts.world.log('error', 'a certified file could not be written', {
        workflow: record.workflow,
        task: task.id,
        reason: output.error.issues[0]?.message,
      });
  }
}

/** Writes them into the workflow's folder; returns when they are there. */
export async function carryOutEffects(parts: Parts, record: WorkflowRecord, folder: string): Promise<void> {
  for await (const { fileName, markdown } of certifiedFiles(parts, record)) {
    const path = join(folder, fileName);
    if (existsSync(path) && readFileSync(path, 'utf8') === markdown) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeWhole(path, markdown, 0o600);
  }
}

/** Undefined where the bytes are no JSON: a site's own word may be anything. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
