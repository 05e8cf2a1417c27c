// Law: words become a plan the user sees, or a question; never a guess.
import { StoredFiles } from '../../client/index.ts';
import { conclude } from '../conclude.ts';
import { filesNamedIn, inputFiles } from '../input-files.ts';
import type { Session } from '../session.ts';
import { submit } from '../submission.ts';
import { connectWorking, type WorkingOptions } from './working-options.ts';

export async function ask(session: Session, words: string, options: WorkingOptions): Promise<undefined> {
  const data = options.data ?? filesNamedIn(words, session.cwd);
  const files = new StoredFiles(inputFiles(data, session.cwd));
  if (options.data === undefined && data.length > 0 && !session.json) {
    session.terminal.out(session.terminal.paint.dim(`using ${data.join(', ')} from this folder`));
  }
  const { client, progress } = await connectWorking(session, options.folder);
  const status = await client.status(session.signal);
  const submitted = await submit(session, client, progress, {
    intent: { words },
    files,
    yes: options.yes,
    dryRun: options.dryRun,
    wait: options.wait,
    timeoutMs: options.timeout,
  });
  await conclude(session, client, status, submitted);
  return undefined;
}
