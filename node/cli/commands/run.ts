// Law: a plan file runs as it is written or not at all; its paths are relative to the file, and every complaint names its line.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { bindFiles, draftPaths, type PlanDraft, parsePlanFile } from '../../../actors/plan/index.ts';
import { type LocalFile, StoredFiles } from '../../client/index.ts';
import { manifests } from '../../skills/index.ts';
import { conclude } from '../conclude.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { unreadable } from '../input-files.ts';
import type { Session } from '../session.ts';
import { submit } from '../submission.ts';
import { connectWorking, type WorkingOptions } from './working-options.ts';

export async function run(session: Session, planPath: string, options: WorkingOptions): Promise<undefined> {
  return runPlan(session, readPlan(session, planPath, options.data ?? []), options);
}

/** Of each of `paths`, in order, the file to store. */
export interface ReadPlan {
  readonly draft: PlanDraft;
  readonly paths: readonly string[];
  readonly files: readonly LocalFile[];
}

export async function runPlan(session: Session, plan: ReadPlan, options: WorkingOptions): Promise<undefined> {
  const { draft, paths, files } = plan;
  const { client, progress } = await connectWorking(session, options.folder);
  const status = await client.status(session.signal);
  const bind = async (stored: StoredFiles): Promise<unknown> => {
    const replies = await client.anywhere((socket) => stored.at(socket, session.signal));
    return bindFiles(draft, new Map(paths.map((path, index) => [path, replies[index]!.blob])));
  };
  const submitted = await submit(session, client, progress, {
    intent: { plan: bind, goal: draft.goal },
    files: new StoredFiles(files),
    yes: options.yes,
    dryRun: options.dryRun,
    wait: options.wait,
    timeoutMs: options.timeout,
  });
  await conclude(session, client, status, submitted);
  return undefined;
}

/** The draft, the paths it names, and for each of them (same order) the file to store. Throws CliFailure, exit code 2. */
function readPlan(session: Session, planPath: string, data: readonly string[]): ReadPlan {
  const path = resolve(session.cwd, planPath);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(error, planPath);
  }
  const parsed = parsePlanFile(text, planPath, manifests);
  if (parsed.kind === 'invalid') {
    const count = parsed.errors.length === 1 ? '1 mistake' : `${parsed.errors.length} mistakes`;
    throw new CliFailure(
      exitCodes.usage,
      'invalid_plan',
      `${planPath} is not a plan: ${count}; nothing was run\n  ${parsed.errors.join('\n  ')}`,
      'Correct the lines named above.',
    );
  }
  const replacements = new Map(data.map((given) => [basename(given), resolve(session.cwd, given)]));
  const paths = draftPaths(parsed.draft);
  const files = paths.map((named) =>
    localFile(replacements.get(basename(named)) ?? resolve(dirname(path), named), `${named} (named in ${planPath})`),
  );
  const unused = [...replacements.keys()].filter((name) => !paths.some((named) => basename(named) === name));
  if (unused.length > 0) {
    throw new CliFailure(
      exitCodes.usage,
      'unused_data',
      `${planPath} names no file ${unused.join(', ')}`,
      `It names: ${paths.join(', ') || 'no files'}.`,
    );
  }
  return { draft: parsed.draft, paths, files };
}

/** `what`: how a complaint calls it. Throws CliFailure, exit code 2. */
export function localFile(source: string, what: string): LocalFile {
  try {
    const stats = statSync(source);
    if (!stats.isFile()) throw new CliFailure(exitCodes.usage, 'no_such_file', `${what} is not a file`, 'Name a file.');
    return { name: basename(source), sizeBytes: stats.size, open: () => createReadStream(source) };
  } catch (error) {
    throw unreadable(error, what);
  }
}
