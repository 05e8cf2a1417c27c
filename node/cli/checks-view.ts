// Law: who asks what is wrong is told what is wrong, and what to do, before anything else; that all is well takes a line.
import type { DoctorReport } from '../client/index.ts';
import type { Session } from './session.ts';
import { pad } from './table.ts';
import { printable } from './terminal.ts';

export type Check = DoctorReport['checks'][number];

/** What was looked at from one place: this machine, or a node's folder. */
export interface Section {
  readonly title: string;
  readonly checks: readonly Check[];
}

/** Notes that a section shows unless all are asked for. */
const notesMax = 3;

export function showSections(session: Session, sections: readonly Section[], all: boolean): void {
  const { terminal, program } = session;
  const { paint } = terminal;
  for (const [index, section] of sections.entries()) {
    if (all && index > 0) terminal.out('');
    (all ? showAll : showShort)(session, section);
  }
  const checks = sections.flatMap((section) => section.checks);
  const failed = checks.filter(({ ok }) => !ok).length;
  const hint = all ? '' : paint.dim(`   every check: ${program} doctor --all${session.target}`);
  terminal.out(
    failed === 0
      ? `\n${paint.green('nothing is wrong')}${hint}`
      : `\n${paint.red(`${failed} of ${checks.length} checks failed`)}${hint}`,
  );
}

function showShort({ terminal }: Session, { title, checks }: Section): void {
  const { paint } = terminal;
  const failed = checks.filter(({ ok }) => !ok);
  const notes = checks.filter(({ isNote }) => isNote === true);
  const passed = checks.filter(({ ok, isNote }) => ok && isNote !== true);
  const about = [...bySubject(passed).keys()].filter((subject) => subject !== title).map(printable);
  const well = `${paint.green('✓')} ${passed.length} ${passed.length === 1 ? 'check' : 'checks'}${about.length === 0 ? '' : paint.dim(`: ${about.join(', ')}`)}`;
  if (failed.length === 0 && notes.length === 0) {
    terminal.out(`${paint.bold(printable(title))}  ${well}`);
    return;
  }
  terminal.out(paint.bold(printable(title)));
  for (const [subject, wrong] of bySubject(failed)) {
    const name = subject === title ? '' : `${printable(subject)}: `;
    for (const check of wrong) {
      terminal.out(`  ${paint.red('✗')} ${name}${printable(check.check)}: ${printable(check.detail)}`);
      if (check.fix !== undefined) terminal.out(`    ${paint.yellow('→')} ${printable(check.fix)}`);
    }
  }
  for (const note of notes.slice(0, notesMax))
    terminal.out(`  ${paint.dim('·')} ${printable(note.subject)}: ${printable(note.detail)}`);
  if (notes.length > notesMax)
    terminal.out(`  ${paint.dim('·')} ${notes.length - notesMax} more of what is worth knowing and not wrong`);
  terminal.out(`  ${well}`);
}

function showAll({ terminal }: Session, { title, checks }: Section): void {
  const { paint } = terminal;
  const width = Math.max(0, ...checks.map(({ check }) => printable(check).length));
  terminal.out(paint.bold(printable(title)));
  for (const [subject, group] of bySubject(checks)) {
    if (subject !== title) terminal.out(`  ${paint.bold(printable(subject))}`);
    for (const { check, ok, isNote, detail, fix } of group) {
      const mark = isNote === true ? paint.dim('·') : ok ? paint.green('✓') : paint.red('✗');
      terminal.out(`    ${mark} ${pad(printable(check), width)}  ${printable(detail)}`);
      if (fix !== undefined) terminal.out(`      ${' '.repeat(width)}${paint.yellow('→')} ${printable(fix)}`);
    }
  }
}

/** In order of first appearance. */
function bySubject(checks: readonly Check[]): ReadonlyMap<string, readonly Check[]> {
  return Map.groupBy(checks, ({ subject }) => subject);
}
