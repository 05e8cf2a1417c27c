// Law: nothing runs before its plan was shown, nothing but reading runs without a yes, and once the mesh has taken an intent, this
// program's end (or its node's) is not the workflow's end.
import { randomUUID } from 'node:crypto';
import {
  follow,
  type MeshClient,
  type OpenRequest,
  type PlanReply,
  type StoredFiles,
  type WorkflowDetail,
  type WorkflowEvent,
} from '../client/index.ts';
import { keepNoResult, shown } from './certificate-view.ts';
import { CliFailure, exitCodes, Interrupted } from './failure.ts';
import { showAbstention, showPlan } from './plan-view.ts';
import type { ProgressView } from './progress-view.ts';
import { printJson, type Session } from './session.ts';
import { short, size } from './terminal.ts';

export interface SubmitOptions {
  /** Words for the planner, or an explicit plan bound to blobs. */
  readonly intent:
    | { readonly words: string }
    | { readonly plan: (stored: StoredFiles) => Promise<unknown>; readonly goal: string };
  readonly files: StoredFiles;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly wait: boolean;
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** Called with every event, after it was shown. */
  readonly onEvent?: (event: WorkflowEvent) => void;
}

export type Submitted =
  | { readonly kind: 'planned'; readonly reply: PlanReply }
  | { readonly kind: 'opened'; readonly workflow: string }
  | {
      readonly kind: 'ended';
      readonly detail: WorkflowDetail /** From the intent's acceptance to the last event, as seen here. */;
      readonly elapsedMs: number;
    };

type PlanMade = Extract<PlanReply, { kind: 'plan' }>;
const uploadNoticeBytes = 20_000_000;

/** Plans, shows, asks, opens, follows. Throws CliFailure for everything that is not a completed (or merely opened) workflow. */
export async function submit(
  session: Session,
  client: MeshClient,
  progress: ProgressView | undefined,
  options: SubmitOptions,
): Promise<Submitted> {
  const { terminal, signal } = session;
  const totalBytes = options.files.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (totalBytes > uploadNoticeBytes && !session.json)
    terminal.err(terminal.paint.dim(`storing ${size(totalBytes)} at the node …`));
  const { intent, files } = options;
  const request = 'words' in intent ? { words: intent.words } : { plan: await intent.plan(files) };
  const reply = await client.plan(request, files, signal);
  if (reply.kind === 'abstain') throw abstained(session, reply);
  if (!session.json) showPlan(terminal, reply);
  if (options.dryRun) return { kind: 'planned', reply };
  const approved = await approve(session, reply, options.yes);

  const openRequest: OpenRequest = {
    words: 'words' in intent ? intent.words : intent.goal,
    plan: reply.plan,
    idempotencyKey: randomUUID(),
    approved,
  };
  const startedMs = performance.now();
  const opened = await client.open(openRequest, files, signal);
  if (!session.json) {
    const held = opened.heldBy === 1 ? '1 other member' : `${opened.heldBy} other members`;
    terminal.out(
      `\n${terminal.paint.bold('workflow')}  ${short(opened.workflow)} · accepted by ${client.nameOf(client.socket)}, held by ${held}`,
    );
  }
  if (!options.wait) return { kind: 'opened', workflow: opened.workflow };
  await followToEnd(session, client, opened.workflow, progress, {
    ...options,
    reopen: { request: openRequest, files },
  });
  const elapsedMs = performance.now() - startedMs;
  const detail = await endedDetail(client, opened.workflow, signal);
  if (detail.state !== 'completed') throw notCompleted(session, detail, await keepNoResult(client, detail, signal));
  return { kind: 'ended', detail, elapsedMs };
}

/** Shows events until the workflow ends. Throws CliFailure `timeout` or `no_quorum` after `timeoutMs`, Interrupted on Ctrl-C. */
export async function followToEnd(
  session: Session,
  client: MeshClient,
  workflow: string,
  progress: ProgressView | undefined,
  options: Pick<SubmitOptions, 'timeoutMs' | 'onEvent'> & {
    readonly reopen?: { readonly request: OpenRequest; readonly files: StoredFiles };
  },
): Promise<void> {
  const { program, target } = session;
  let waiting: Extract<WorkflowEvent, { type: 'waiting' }> | undefined;
  const deadline = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const signal = deadline === undefined ? session.signal : AbortSignal.any([session.signal, deadline]);
  try {
    for await (const event of follow(client, workflow, {
      signal,
      ...(options.reopen === undefined ? {} : { reopen: options.reopen }),
    })) {
      if (event.type === 'waiting') waiting = event;
      else if (event.type === 'resumed' || event.type === 'decided') waiting = undefined;
      progress?.show(event);
      options.onEvent?.(event);
    }
  } catch (error) {
    if (session.signal.aborted) {
      if (!session.json) {
        session.terminal.err(
          `\nThe workflow goes on without this terminal. See it: ${program} show ${short(workflow)}${target}   Stop it: ${program} cancel ${short(workflow)}${target}`,
        );
      }
      throw session.signal.reason instanceof Interrupted ? session.signal.reason : error;
    }
    if (deadline?.aborted !== true) throw error;
    const later = `See it then: ${program} show ${short(workflow)}${target}`;
    const after = `after ${options.timeoutMs! / 1_000} s`;
    if (waiting === undefined) {
      throw new CliFailure(
        exitCodes.timeout,
        'timeout',
        `workflow ${short(workflow)} has not ended ${after}; it goes on`,
        later,
      );
    }
    throw new CliFailure(
      exitCodes.noQuorum,
      'no_quorum',
      `no quorum ${after}: workflow ${short(workflow)} needs ${waiting.needed} live members and ${waiting.live} ${waiting.live === 1 ? 'is' : 'are'}. Nothing was certified`,
      `The workflow is kept and finishes when enough nodes return: start one with \`${program} up --folder F\`. ${later}`,
    );
  }
}

/** A node that was away learns of an end within seconds; a busy one takes longer. */
const endPatienceMs = 30_000;

/** The end is known; the node that is asked for it may be another than the one that told it, and learn of it only now. */
export async function endedDetail(client: MeshClient, workflow: string, signal: AbortSignal): Promise<WorkflowDetail> {
  const deadlineMs = performance.now() + endPatienceMs;
  for (;;) {
    const detail = await client.workflow(workflow, signal);
    const isOpen = detail.state === 'running' || detail.state === 'waiting-for-quorum';
    if (!isOpen || performance.now() > deadlineMs) return detail;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `proof`: the file that shows by what decision it failed. */
function notCompleted(session: Session, detail: WorkflowDetail, proof: string | undefined): CliFailure {
  const message = detail.message ?? `workflow ${short(detail.workflow)} ${detail.state}`;
  return new CliFailure(
    exitCodes.failed,
    detail.state === 'cancelled' ? 'cancelled' : 'workflow_failed',
    detail.state === 'cancelled' ? `workflow ${short(detail.workflow)} was cancelled: ${message}` : message,
    `All that happened: ${session.program} show ${short(detail.workflow)}${session.target}${proof === undefined ? '' : `   Who decided it, offline: ${session.program} verify ${shown(session, proof)}`}`,
  );
}

function abstained(session: Session, reply: Extract<PlanReply, { kind: 'abstain' }>): CliFailure {
  if (session.json) printJson(session, reply);
  else showAbstention(session.terminal, reply);
  return new CliFailure(
    exitCodes.usage,
    'abstained',
    reply.reason === 'unreadable-file'
      ? 'nothing was run: the file cannot be read as it is'
      : 'nothing was run: these words do not make one plan',
    reply.reason === 'unreadable-file'
      ? 'Correct what is said above, or name another file with --data.'
      : `Say it more plainly, name the file with --data, or write the plan yourself: ${session.program} run --help`,
  );
}

/** True where a person said yes. Reading needs no yes. */
async function approve(session: Session, reply: PlanMade, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (reply.risk === 'read-only') return false;
  const { confirm } = session.terminal;
  if (confirm === undefined || session.json) {
    throw new CliFailure(
      exitCodes.needsPerson,
      'needs_approval',
      `this plan ${effectsOf[reply.risk]}, which needs a person's yes, and nobody can be asked here; nothing was run`,
      'Look at the plan above, then run the same command with --yes.',
    );
  }
  if (await confirm(`This plan ${effectsOf[reply.risk]}. Run it?`, session.signal)) return true;
  throw new CliFailure(exitCodes.denied, 'declined', 'you said no; nothing was run');
}

const effectsOf: Readonly<Record<PlanMade['risk'], string>> = {
  'read-only': 'only reads',
  writes: "writes files in the workflow's folder",
  external: 'acts outside the mesh',
  destructive: 'may destroy data',
};
