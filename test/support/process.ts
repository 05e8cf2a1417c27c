// Law: a process that a test starts ends with the test: it holds the read end of a pipe whose other end dies with whoever started it.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
const pinned = `${repository}node_modules/node/bin/node`;
/** The Node of the package, so that no launcher stands between a test and the process it kills. */
const node = existsSync(pinned) ? pinned : process.execPath;

/** What the runner of the tests put into the environment is none of a node's business. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { NODE_ENV: _, NODE_OPTIONS: __, PARLEY_FOLDER: ___, ...env } = process.env;
  for (const name of Object.keys(env)) if (name.startsWith('VITEST')) delete env[name];
  return { ...env, NO_COLOR: '1', ...extra };
}

export class TestProcess {
  readonly pid: number;
  /** Resolves with the exit code, or the signal's name. */
  readonly gone: Promise<number | string>;
  isGone = false;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  /** Runs Node on `args`, behind the command `inside` where one is given; standard error goes to the end of `logFile`. */
  constructor(args: readonly string[], logFile: string, inside: readonly string[] = []) {
    this.#logFile = logFile;
    const log = openSync(logFile, 'a', 0o600);
    const [program, ...words] = [...inside, node, ...args];
    this.#child = spawn(program!, words, { cwd: repository, stdio: ['pipe', 'pipe', log], env: environment() });
    closeSync(log);
    if (this.#child.pid === undefined) throw new Error(`no process could be started for ${args.join(' ')}`);
    this.pid = this.#child.pid;
    this.gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.isGone = true;
        resolve(signal ?? code ?? 'unknown');
      });
    });
    for (const stream of [this.#child.stdin, this.#child.stdout]) stream?.on('error', () => {});
  }

  /** The first line on standard output, parsed. Throws, with the end of the log, where the process ends before or `timeoutMs` pass. */
  async firstLine<T>(timeoutMs = 60_000): Promise<T> {
    const line = new Promise<string>((resolve) => {
      let text = '';
      this.#child.stdout!.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        const end = text.indexOf('\n');
        if (end >= 0) resolve(text.slice(0, end));
      });
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      return JSON.parse(
        await Promise.race([
          line,
          this.gone.then((how) =>
            Promise.reject(new Error(`the process ended (${how}) before it was ready:\n${this.lastWords(10)}`)),
          ),
          new Promise<never>((_, reject) => {
            timer = setTimeout(
              () => reject(new Error(`not ready after ${timeoutMs} ms:\n${this.lastWords(10)}`)),
              timeoutMs,
            );
          }),
        ]),
      ) as T;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The last lines of its log. */
  lastWords(lines: number): string {
    return readFileSync(this.#logFile, 'utf8').trim().split('\n').slice(-lines).join('\n');
  }

  /** SIGKILL: no warning, no last words. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone;
  }

  /** SIGSTOP: connected, and silent. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM, and SIGKILL after `patienceMs`. Resolves with how it ended. */
  async stop(patienceMs = 30_000): Promise<number | string> {
    this.#child.kill('SIGTERM');
    this.#child.kill('SIGCONT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    const how = await this.gone;
    clearTimeout(timer);
    return how;
  }
}

export interface CliRun {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
  readonly durationMs: number;
}

/** Runs the CLI to its end, without a terminal. It is killed, and its code is `SIGKILL`, after `timeoutMs`. */
export function parley(
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<CliRun> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(node, [`${repository}bin/parley.mjs`, ...args], {
      cwd: options.cwd ?? repository,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    });
    const text = { out: '', err: '' };
    for (const [stream, name] of [
      [child.stdout, 'out'],
      [child.stderr, 'err'],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        text[name] += chunk.toString('utf8');
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 90_000);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: signal ?? code ?? 'unknown', ...text, durationMs: performance.now() - startedMs });
    });
  });
}

/**
 * Runs the CLI until it is killed. What it prints goes to the end of `file`, which several may share: there their lines stand in the order in
 * which they were printed, whereas of two pipes a test may read the later line first.
 */
export function parleyProcess(args: readonly string[], file: string): { readonly kill: () => Promise<void> } {
  const out = openSync(file, 'a', 0o600);
  const child = spawn(node, [`${repository}bin/parley.mjs`, ...args], {
    cwd: repository,
    stdio: ['ignore', out, 'inherit'],
    env: environment(),
  });
  closeSync(out);
  const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  return {
    kill() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}
