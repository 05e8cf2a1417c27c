// Law: a certificate is kept as a file next to the result it proves; what is said of it is what checking the file has shown.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { About } from '../../actors/proof/index.ts';
import type { MeshClient, WorkflowDetail } from '../client/index.ts';
import { certificatesFolder } from './locate.ts';
import { list } from './progress-view.ts';
import { showResult } from './result-view.ts';
import { printNext, type Session } from './session.ts';
import { renderFields } from './table.ts';
import { duration, printable, short, size } from './terminal.ts';

export interface Kept {
  readonly certificateFile: string;
  readonly resultFile: string | undefined;
}

/** Fetches certificate and result and writes them under `folder`. */
export async function keep(
  client: MeshClient,
  detail: WorkflowDetail,
  folder: string,
  signal: AbortSignal,
): Promise<Kept> {
  const certificate = await client.certificate(detail.workflow, signal);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const certificateFile = join(folder, `${short(detail.workflow)}.certificate.json`);
  writeFileSync(certificateFile, certificate, { mode: 0o600 });
  if (detail.result === undefined) return { certificateFile, resultFile: undefined };
  const resultFile = join(folder, `${short(detail.workflow)}.result.json`);
  writeFileSync(resultFile, await client.blob(detail.result.digest, signal), { mode: 0o600 });
  return { certificateFile, resultFile };
}

/** Where the proof is that a workflow failed by a decision of its members; undefined where the node has none, or cannot be asked for it now. */
export async function keepNoResult(
  client: MeshClient,
  { workflow, state }: WorkflowDetail,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (state !== 'failed') return undefined;
  try {
    const proof = await client.certificate(workflow, signal);
    const folder = certificatesFolder((await client.status(signal)).node.folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${short(workflow)}.no-result.json`);
    writeFileSync(file, proof, { mode: 0o600 });
    return file;
  } catch {
    // That it failed is what has to be said; the proof can be fetched from any member later.
    return undefined;
  }
}

/** `about` is what the certificate was found to prove. */
export function showCompleted(session: Session, detail: WorkflowDetail, kept: Kept, about: About): void {
  const { terminal } = session;
  const { paint } = terminal;
  terminal.out(`\n${paint.bold('result')}`);
  if (detail.result !== undefined) showResult(terminal, detail.result.json);
  for (const file of detail.files) terminal.out(`  ${paint.dim('wrote')}  ${printable(shown(session, file.path))}`);
  const certificate = shown(session, kept.certificateFile);
  const result = kept.resultFile === undefined ? undefined : shown(session, kept.resultFile);
  const { cost } = detail;
  const runs = cost === undefined ? '' : `${cost.runs} ${cost.runs === 1 ? 'run' : 'runs'}`;
  const fields: (readonly [string, string])[] = [
    ['certificate', certificate],
    ['result file', result === undefined ? '' : `${result} (${size(detail.result!.sizeBytes)})`],
    ['signed by', printable(list(about.decidedBy.toSorted()))],
    ['proves', printable(about.basis)],
    ['holds', printable(about.tolerance)],
    [
      'cost',
      cost === undefined
        ? ''
        : `${duration(cost.durationMs)} · ${duration(cost.computeMs)} of computing in ${runs} · ${cost.tokens} tokens`,
    ],
  ];
  terminal.out(`\n${renderFields(fields, { paint })}`);
  // With several tasks, which part rests on whose word is part of the answer.
  if (about.tasks.length > 1) for (const line of about.tasks) terminal.out(`  ${paint.green('✓')} ${printable(line)}`);
  printNext(session, [
    [`verify ${certificate}${result === undefined ? '' : ` --result ${result}`}`, 'check it offline, without any node'],
    [`show ${short(detail.workflow)}${session.target}`, 'who did what'],
  ]);
}

/** A path as a person at `cwd` would type it. */
export function shown(session: Session, path: string): string {
  const near = relative(session.cwd, path);
  const home = session.env.HOME;
  if (!near.startsWith('..')) return near;
  return home !== undefined && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
