// Law: work ends with its answer, the proof on disk and checked, its cost, and the next commands; or with none of it shown as if it were.
import { readFileSync } from 'node:fs';
import type { MeshClient, NodeStatus } from '../client/index.ts';
import { keep, showCompleted } from './certificate-view.ts';
import { CliFailure, exitCodes } from './failure.ts';
import { certificatesFolder } from './locate.ts';
import { printJson, printNext, type Session } from './session.ts';
import type { Submitted } from './submission.ts';
import { short } from './terminal.ts';

/** Shows what `submit` came to; `more` is added to the JSON document. Throws CliFailure where the certificate does not prove the answer. */
export async function conclude(
  session: Session,
  client: MeshClient,
  status: NodeStatus,
  submitted: Submitted,
  more: object = {},
): Promise<void> {
  if (submitted.kind === 'planned') {
    if (session.json) printJson(session, submitted.reply);
    else session.terminal.out(`\n${session.terminal.paint.dim('dry run: nothing was run')}`);
    return;
  }
  if (submitted.kind === 'opened') {
    if (session.json) printJson(session, { workflow: submitted.workflow });
    else printNext(session, [[`show ${short(submitted.workflow)} --follow${session.target}`, 'see how it goes']]);
    return;
  }
  const { detail } = submitted;
  const kept = await keep(client, detail, certificatesFolder(status.node.folder), session.signal);
  const { check } = await import('./proof.ts');
  const result = kept.resultFile === undefined ? {} : { result: readFileSync(kept.resultFile) };
  const verdict = check(readFileSync(kept.certificateFile), { meshId: status.mesh.id, ...result });
  if (!verdict.ok || verdict.about.failed !== undefined) {
    const reason = verdict.ok ? `it proves that there is none (${verdict.about.failed})` : verdict.reason;
    throw new CliFailure(
      exitCodes.failed,
      'bad_certificate',
      `the node answered with a certificate that does not prove its result: ${reason}`,
      `Do not use this result. See what the other members say: ${session.program} doctor${session.target}`,
    );
  }
  if (session.json) {
    printJson(session, {
      workflow: detail.workflow,
      state: detail.state,
      words: detail.words,
      plan: detail.plan,
      result: detail.result?.json,
      resultDigest: detail.result?.digest,
      resultFile: kept.resultFile,
      files: detail.files,
      certificate: kept.certificateFile,
      proven: verdict.lines,
      signedBy: verdict.about.decidedBy.toSorted(),
      tasks: detail.taskDetails,
      cost: detail.cost,
      elapsedMs: Math.round(submitted.elapsedMs),
      ...more,
    });
  } else showCompleted(session, detail, kept, verdict.about);
}
