// Law: what happened to a workflow can be asked of any node, while it runs and afterwards.
import type { TaskDetail, WorkflowDetail, WorkflowState } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { connect } from '../locate.ts';
import { list } from '../progress-view.ts';
import { showResult } from '../result-view.ts';
import { printJson, printNext, type Session } from '../session.ts';
import { followToEnd } from '../submission.ts';
import { renderFields, renderTable } from '../table.ts';
import { duration, type Paint, printable, short } from '../terminal.ts';
import { connectWorking } from './working-options.ts';

interface Options {
  readonly output: string;
  readonly folder?: string;
}

/** As `ps` shows it, or more of it; typed in whatever case. Throws CliFailure where it cannot be one. */
function idOf(given: string): string {
  const id = given.trim().toLowerCase();
  if (/^[0-9a-f]{4,64}$/.test(id)) return id;
  throw new CliFailure(
    exitCodes.usage,
    'usage',
    `'${printable(given.slice(0, 80))}' is not the id of a workflow: that is 4 to 64 of the digits 0-9 and a-f`,
    '`parley ps` lists them.',
  );
}

/** Shown unless all are asked for. */
const shownMax = 50;

export async function ps(session: Session, options: Options & { readonly all: boolean }): Promise<undefined> {
  const client = await connect(session, options);
  const workflows = [...(await client.workflows(session.signal))].sort((a, b) => b.openedAtMs - a.openedAtMs);
  if (session.json) {
    printJson(session, workflows);
    return undefined;
  }
  const { terminal, program } = session;
  if (workflows.length === 0) {
    terminal.out(`no workflows yet. Ask for one: ${program} ask "…" --data FILE${session.target}`);
    return undefined;
  }
  const now = Date.now();
  const shown = options.all ? workflows : workflows.slice(0, shownMax);
  const rows = shown.map((workflow) => [
    short(workflow.workflow),
    workflow.state,
    `${workflow.tasksDone}/${workflow.tasks}`,
    `${duration(Math.max(0, now - workflow.openedAtMs))} ago`,
    workflow.steward ?? '',
    workflow.words,
  ]);
  const columns = [
    { title: 'workflow' },
    { title: 'state' },
    { title: 'tasks', align: 'right' },
    { title: 'opened', align: 'right' },
    { title: 'steward' },
    { title: 'words' },
  ] as const;
  terminal.out(renderTable(columns, rows, { width: terminal.width, paint: terminal.paint }));
  if (shown.length < workflows.length)
    terminal.out(
      terminal.paint.dim(
        `the latest ${shown.length} of ${workflows.length}; all: ${program} ps --all${session.target}`,
      ),
    );
  return undefined;
}

export async function show(
  session: Session,
  id: string,
  options: Options & { readonly follow: boolean; readonly timeout?: number },
): Promise<undefined> {
  const wanted = idOf(id);
  const { client, progress } = await connectWorking(session, options.folder);
  let detail = await client.workflow(wanted, session.signal);
  if (options.follow) {
    await followToEnd(session, client, detail.workflow, progress, { timeoutMs: options.timeout });
    detail = await client.workflow(detail.workflow, session.signal);
  }
  if (session.json) printJson(session, detail);
  else showDetail(session, detail);
  return undefined;
}

export async function cancel(
  session: Session,
  id: string,
  options: Options & { readonly reason?: string },
): Promise<undefined> {
  const wanted = idOf(id);
  const client = await connect(session, options);
  const detail = await client.cancel(wanted, options.reason, session.signal);
  if (session.json) printJson(session, detail);
  else session.terminal.out(`workflow ${short(detail.workflow)} is ${detail.state}`);
  return undefined;
}

function showDetail(session: Session, detail: WorkflowDetail): void {
  const { terminal } = session;
  const { paint } = terminal;
  const { cost } = detail;
  const fields: (readonly [string, string])[] = [
    ['workflow', detail.workflow],
    ['words', printable(detail.words)],
    ['state', stateText(detail.state, paint)],
    ['why', printable(detail.message ?? '')],
    ['opened', new Date(detail.openedAtMs).toISOString()],
    [
      'ended',
      detail.endedAtMs === undefined
        ? ''
        : `${new Date(detail.endedAtMs).toISOString()} (after ${duration(detail.endedAtMs - detail.openedAtMs)})`,
    ],
    ['steward', printable(detail.steward ?? '')],
    ['plan', detail.planDigest],
    ['result', detail.result?.digest ?? ''],
    [
      'cost',
      cost === undefined
        ? ''
        : `${duration(cost.durationMs)} · ${duration(cost.computeMs)} of computing in ${cost.runs} ${cost.runs === 1 ? 'run' : 'runs'} · ${cost.tokens} tokens`,
    ],
  ];
  terminal.out(renderFields(fields, { paint }));
  terminal.out('');
  const columns = ['task', 'skill', 'state', 'attempt', 'run by', 'verified by', 'signed by'].map((title) => ({
    title,
  }));
  const rows = detail.taskDetails.map((task) => [
    task.task,
    task.skill,
    task.state,
    String(task.attempt + 1),
    ...[task.executors, task.verifiers, task.endorsedBy].map((names) => names.toSorted().join(' ')),
  ]);
  terminal.out(renderTable(columns, rows, { width: terminal.width, paint }));
  for (const task of detail.taskDetails) showNotes(session, task);
  if (detail.result !== undefined) {
    terminal.out(`\n${paint.bold('result')}`);
    showResult(terminal, detail.result.json);
  }
  for (const file of detail.files) terminal.out(`  ${paint.dim('wrote')}  ${printable(file.path)}`);
  if (detail.state === 'running' || detail.state === 'waiting-for-quorum')
    printNext(session, [[`show ${short(detail.workflow)} --follow${session.target}`, 'see it end']]);
}

function showNotes(session: Session, task: TaskDetail): void {
  const { terminal } = session;
  const { paint } = terminal;
  for (const [i, earlier] of (task.earlier ?? []).entries())
    terminal.out(`  ${paint.cyan(task.task)}  ${paint.dim(`attempt ${i + 1}: ${printable(earlier)}`)}`);
  if (task.basis !== undefined) terminal.out(`  ${paint.cyan(task.task)}  ${printable(task.basis)}`);
  if (task.message !== undefined) terminal.out(`  ${paint.cyan(task.task)}  ${paint.yellow(printable(task.message))}`);
  for (const { node, modelFamily, of, accepts, said } of task.judgements ?? []) {
    const answer = accepts ? paint.green('yes') : paint.red('no');
    terminal.out(
      `  ${paint.cyan(task.task)}  judge ${printable(node)} (${printable(modelFamily)}) on ${printable(of)}'s result: ${answer}${said === undefined ? '' : paint.dim(` ${printable(said)}`)}`,
    );
  }
  if (task.dissent.length > 0)
    terminal.out(
      `  ${paint.cyan(task.task)}  ${paint.red(`${printable(list(task.dissent))} said otherwise and ${task.dissent.length === 1 ? 'was' : 'were'} outvoted`)}`,
    );
}

function stateText(state: WorkflowState, paint: Paint): string {
  if (state === 'completed') return paint.green(state);
  if (state === 'failed' || state === 'cancelled') return paint.red(state);
  return paint.yellow(state);
}
