// Law: a node in the background is a process of its own that answered before whoever started it returns; where it does not, its log says why.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isListening } from '../client/index.ts';
import { readSocketPath } from '../home/index.ts';
import { launcherPath, pause } from './dev/node-process.ts';
import { CliFailure, exitCodes } from './failure.ts';
import { defaultFolder } from './locate.ts';
import { printNext, type Session } from './session.ts';

/** A machine under load starts a process slowly; one that failed is told by its end. */
const detachTimeoutMs = 60_000;

/** Starts the node as a process of its own and waits until it answers. */
export async function detach(session: Session, folder: string, bootstrap: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Whatever answers there from here on is to be the node that is started now.
  const before = readSocketPath(folder);
  if (before !== undefined && (await isListening(before)))
    throw new CliFailure(
      exitCodes.failed,
      'folder_in_use',
      `a node runs in ${folder} already`,
      `Stop that node first: ${session.program} down --folder ${folder}`,
    );
  const logPath = join(folder, 'node.log');
  const log = openSync(logPath, 'a', 0o600);
  const logStartBytes = fstatSync(log).size;
  const child = spawn(
    process.execPath,
    [launcherPath, 'up', '--folder', folder, '-o', 'json', ...bootstrap.flatMap((address) => ['--bootstrap', address])],
    {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: session.cwd,
      env: session.env,
    },
  );
  closeSync(log);
  let isGone = false;
  child.once('exit', () => {
    isGone = true;
  });
  child.unref();
  const deadlineMs = performance.now() + detachTimeoutMs;
  for (;;) {
    const socket = readSocketPath(folder);
    if (!isGone && socket !== undefined && (await isListening(socket))) break;
    if (isGone) throw errorInLog(logPath, logStartBytes);
    if (performance.now() > deadlineMs)
      throw new CliFailure(
        exitCodes.timeout,
        'timeout',
        `the node in ${folder} (pid ${child.pid}) is not ready after ${detachTimeoutMs / 1_000} s`,
        `See ${logPath}.`,
      );
    await pause(50, session.signal);
  }
  const flag = folder === defaultFolder(session.env) ? '' : ` --folder ${folder}`;
  if (session.json) session.terminal.out(JSON.stringify({ ready: true, folder, pid: child.pid }));
  else {
    session.terminal.out(`ready  pid ${child.pid}, log in ${logPath}`);
    printNext(session, [
      [`status${flag}`, 'the mesh as this node sees it'],
      [`down${flag}`, 'stop it'],
    ]);
  }
}

function errorInLog(logPath: string, fromBytes: number): CliFailure {
  const lines = existsSync(logPath)
    ? readFileSync(logPath).subarray(fromBytes).toString('utf8').trim().split('\n')
    : [];
  for (const line of lines.reverse()) {
    try {
      const { error } = JSON.parse(line) as { error?: { code: string; message: string; hint?: string } };
      if (typeof error?.message === 'string')
        return new CliFailure(exitCodes.failed, error.code, error.message, error.hint);
    } catch {
      // A line of the log that is not an error report.
    }
  }
  return new CliFailure(exitCodes.failed, 'node_ended', 'the node ended before it was ready', `See ${logPath}.`);
}
