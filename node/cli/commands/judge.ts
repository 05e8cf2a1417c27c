// Law: having files judged is a plan like any other, written here from what was typed: it is shown, run, decided and certified as one.
import { basename, resolve } from 'node:path';
import { parsePlanFile } from '../../../actors/plan/index.ts';
import { manifests } from '../../skills/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { localFile, runPlan } from './run.ts';
import type { WorkingOptions } from './working-options.ts';

export interface JudgeOptions extends Omit<WorkingOptions, 'data'> {
  readonly question: string;
  readonly criterion?: readonly string[];
  readonly contains?: readonly string[];
  readonly lacks?: readonly string[];
  readonly judges: number;
  readonly families: number;
}

export async function judge(session: Session, files: readonly string[], options: JudgeOptions): Promise<undefined> {
  const { question, criterion, contains = [], lacks = [] } = options;
  const rules = [...contains.map((text) => ({ contains: text })), ...lacks.map((text) => ({ lacks: text }))];
  const names = files.map((file) => basename(file));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      `two of the files are called ${twice}`,
      'Judges know files by their names: give one of them another.',
    );
  const task = {
    id: 'judged',
    skill: 'judge',
    input: {
      question,
      ...(criterion === undefined ? {} : { criteria: criterion }),
      ...(rules.length === 0 ? {} : { rules }),
    },
    files: Object.fromEntries(names.map((name) => [name, name])),
    relation: { kind: 'judges', atLeast: options.judges, families: options.families },
  };
  const parsed = parsePlanFile(JSON.stringify({ goal: question, tasks: [task] }), 'the question', manifests);
  if (parsed.kind === 'invalid')
    throw new CliFailure(
      exitCodes.usage,
      'invalid_plan',
      `this cannot be judged; nothing was run\n  ${parsed.errors.map((error) => error.replace(/^the question:\d+:\d+ /, '')).join('\n  ')}`,
      `See ${session.program} judge --help.`,
    );
  const stored = files.map((file) => localFile(resolve(session.cwd, file), file));
  return runPlan(session, { draft: parsed.draft, paths: names, files: stored }, options);
}
