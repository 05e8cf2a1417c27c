// Law: a child never outlives its launcher. It is given a pipe that closes with the launcher, it is asked to stop, and then it is killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliFailure, exitCodes } from '../failure.ts';

/** What `up -o json` prints when the node is ready. */
export interface Ready {
  readonly name: string;
  readonly site: string;
  readonly id: string;
  readonly mesh: string;
  readonly addresses: readonly string[];
  readonly socket: string;
  readonly folder: string;
  readonly pid: number;
}

const startTimeoutMs = 60_000;
/** Leaves a second of the three that Ctrl-C may take for the kill and this program's own end. */
const stopTimeoutMs = 2_000;

const compiled = import.meta.url.endsWith('.js');
export const launcherPath = fileURLToPath(
  new URL(compiled ? '../../../../bin/parley.mjs' : '../../../bin/parley.mjs', import.meta.url),
);

export class NodeProcess {
  readonly folder: string;
  readonly pid: number;
  /** Resolves when the process is gone, in words. */
  readonly gone: Promise<string>;
  isGone = false;
  /** True once its end was asked for: an end that was not is worth telling. */
  isEndExpected = false;
  readonly #child: ChildProcess;
  readonly #logStartBytes: number;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    const log = openSync(join(folder, 'node.log'), 'a', 0o600);
    this.#logStartBytes = fstatSync(log).size;
    // The node writes to the log itself, so that its last words survive this program.
    this.#child = spawn(
      process.execPath,
      [launcherPath, 'up', '--folder', folder, '--exit-with-parent', '-o', 'json'],
      {
        stdio: ['pipe', 'pipe', log],
        env: { ...env, NO_COLOR: '1' },
      },
    );
    closeSync(log);
    if (this.#child.pid === undefined)
      throw new CliFailure(exitCodes.failed, 'spawn_failed', `no process could be started for ${folder}`);
    this.pid = this.#child.pid;
    this.gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.isGone = true;
        resolve(signal === null ? `exit code ${code}` : signal);
      });
    });
    // A node that dies takes its end of the pipes with it.
    for (const stream of [this.#child.stdin, this.#child.stdout]) stream?.on('error', () => {});
  }

  /** Waits for the node to be ready. Throws CliFailure with the node's own error, or whatever the signal carries. */
  async ready(signal: AbortSignal): Promise<Ready> {
    const stop = new AbortController();
    try {
      return await Promise.race([
        this.#firstLine(),
        this.gone.then((how) => {
          throw this.#startFailure(how);
        }),
        after(startTimeoutMs, stop.signal).then(() => {
          throw new CliFailure(
            exitCodes.timeout,
            'timeout',
            `the node in ${this.folder} is not ready after ${startTimeoutMs / 1_000} s`,
            `See ${this.folder}/node.log.`,
          );
        }),
        rejectOnAbort(signal, stop.signal),
      ]);
    } finally {
      stop.abort();
    }
  }

  /** SIGTERM, then SIGKILL. Resolves when the process is gone. */
  async stop(patienceMs = stopTimeoutMs): Promise<void> {
    if (this.isGone) return;
    this.isEndExpected = true;
    this.#child.kill('SIGTERM');
    this.#child.stdin?.end();
    const stop = new AbortController();
    await Promise.race([this.gone, after(patienceMs, stop.signal).then(() => this.kill())]);
    stop.abort();
    await this.gone;
  }

  kill(): void {
    this.isEndExpected = true;
    this.#child.kill('SIGKILL');
  }

  /** The last lines that the process wrote to its log since it was started. */
  lastWords(lines: number): string[] {
    try {
      const text = readFileSync(join(this.folder, 'node.log')).subarray(this.#logStartBytes).toString('utf8');
      return text.trim().split('\n').slice(-lines);
    } catch {
      return [];
    }
  }

  async #firstLine(): Promise<Ready> {
    let text = '';
    for await (const chunk of this.#child.stdout!) {
      text += String(chunk);
      const end = text.indexOf('\n');
      if (end >= 0) {
        this.#child.stdout!.resume();
        return JSON.parse(text.slice(0, end)) as Ready;
      }
      if (text.length > 65_536) break;
    }
    // The end of the process says why.
    return new Promise(() => {});
  }

  #startFailure(how: string): CliFailure {
    for (const line of this.lastWords(20).reverse()) {
      try {
        const { error } = JSON.parse(line) as { error?: { code: string; message: string; hint?: string } };
        if (typeof error?.message === 'string')
          return new CliFailure(exitCodes.failed, error.code, error.message, error.hint);
      } catch {
        // A line of the log that is not an error report.
      }
    }
    return new CliFailure(
      exitCodes.failed,
      'node_ended',
      `the node in ${this.folder} ended before it was ready (${how})${this.lastWords(3)
        .map((line) => `\n  ${line}`)
        .join('')}`,
      `See ${this.folder}/node.log.`,
    );
  }
}

function after(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Rejects with the reason of `signal`; forgets about it when `until` aborts. */
export function rejectOnAbort(signal: AbortSignal, until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: until });
  });
}

/** Waits, and rejects with the reason of `signal` as soon as it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  try {
    await Promise.race([after(ms, stop.signal), rejectOnAbort(signal, stop.signal)]);
  } finally {
    stop.abort();
  }
}
