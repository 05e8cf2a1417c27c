// Law: a person sees what will run, on what, and which of their words became what, before anything runs.
import type { Plan, PlanTask } from '../../actors/plan/index.ts';
import type { PlanReply } from '../client/index.ts';
import { cut, pad } from './table.ts';
import { printable, short, size, type Terminal } from './terminal.ts';

type PlanMade = Extract<PlanReply, { kind: 'plan' }>;
type Abstention = Extract<PlanReply, { kind: 'abstain' }>;

export function showPlan(terminal: Terminal, reply: PlanMade): void {
  const { paint } = terminal;
  const plan = reply.plan as Plan;
  const risk = reply.risk === 'read-only' ? paint.green(reply.risk) : paint.yellow(reply.risk);
  const tasks = `${plan.tasks.length} ${plan.tasks.length === 1 ? 'task' : 'tasks'}`;
  terminal.out(`${paint.bold('plan')}  ${tasks} · risk ${risk} · ${paint.dim(`digest ${short(reply.digest)}`)}`);
  const idWidth = Math.max(...plan.tasks.map(({ id }) => id.length));
  for (const task of plan.tasks) showTask(terminal, task, idWidth, plan.result === task.id && plan.tasks.length > 1);
  for (const line of reply.explanation) terminal.out(`  ${paint.dim('because')}  ${printable(line)}`);
  for (const line of reply.warnings) terminal.out(`  ${paint.yellow('warning')}  ${printable(line)}`);
}

function showTask(terminal: Terminal, task: PlanTask, idWidth: number, isAnswer: boolean): void {
  const { paint } = terminal;
  const files = Object.entries(task.files).map(([name, source]) =>
    'blob' in source ? `${name} (${size(source.blob.sizeBytes)})` : `the output of ${source.task}`,
  );
  const notes = [
    ...(task.placement === undefined
      ? []
      : [`stays at site ${task.placement.site}, on its data set ${task.placement.dataSet}`]),
    ...(files.length === 0
      ? []
      : [
          `reads ${files.length > 4 ? `${files.slice(0, 3).join(', ')} and ${files.length - 3} more` : files.join(', ')}`,
        ]),
    task.endorsement === 'quorum' ? ruleInWords(task) : 'rests on the word of its site',
    ...(task.optional ? ['optional: named in the answer if it fails'] : []),
    ...(isAnswer ? ['its output is the answer'] : []),
  ];
  terminal.out(`  ${paint.cyan(pad(task.id, idWidth))}  ${paint.bold(task.skill)}  ${printable(notes.join(' · '))}`);
  const input = Object.entries((task.input ?? {}) as Record<string, unknown>).filter(
    ([, value]) => !(Array.isArray(value) && value.length === 0),
  );
  const widest = Math.max(8, ...input.map(([key]) => key.length));
  for (const [key, value] of input) {
    const text = `  ${' '.repeat(idWidth)}  ${printable(`${pad(key, widest)}  ${inline(value)}`)}`;
    terminal.out(terminal.width === undefined ? text : cut(text, terminal.width));
  }
}

/** A JSON value on one line, in the manner of YAML: quotes only where they are needed. */
function inline(value: unknown): string {
  if (Array.isArray(value))
    return value.map((item) => (Array.isArray(item) ? `[${inline(item)}]` : inline(item))).join(', ');
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${Array.isArray(item) ? `[${inline(item)}]` : inline(item)}`)
      .join(', ')}}`;
  }
  if (typeof value === 'string')
    return value === '' || /[,{}[\]:"]|^\s|\s$/.test(value) ? JSON.stringify(value) : value;
  return String(value);
}

/** What the planner would need, and what could have been meant. Nothing has run. */
export function showAbstention(terminal: Terminal, reply: Abstention): void {
  const { paint } = terminal;
  terminal.err(`${paint.yellow('no plan')}  ${printable(reply.message)}`);
  for (const question of reply.questions) terminal.err(`  ${paint.bold('?')} ${printable(question)}`);
  if (reply.candidates.length > 0) {
    terminal.err(`\n${paint.dim('what this mesh can do that comes nearest')}`);
    const widest = Math.max(...reply.candidates.map(({ skill }) => skill.length));
    for (const { skill, title, example } of reply.candidates) {
      terminal.err(`  ${paint.cyan(pad(skill, widest))}  ${printable(title)}`);
      terminal.err(`  ${' '.repeat(widest)}  ${paint.dim(`for example: "${printable(example)}"`)}`);
    }
  }
}

/** Who bears the result out, and when two results count as alike. */
function ruleInWords({ relation }: PlanTask): string {
  if (relation === undefined) return 'recomputed by a quorum';
  const { kind, atLeast, families } = relation;
  const what =
    kind === 'judges' ? `judged by a quorum with ${relation.skill}` : `recomputed by a quorum, alike under ${kind}`;
  const again = kind === 'judges' && (relation.attempts ?? 1) > 1 ? `, up to ${relation.attempts} attempts` : '';
  const count = atLeast === undefined ? '' : `, at least ${atLeast} besides its executor`;
  return `${what}${count}${families === undefined ? '' : `, of ${families} model ${families === 1 ? 'family' : 'families'}`}${again}`;
}
