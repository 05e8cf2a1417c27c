// Law: one process, one command, one exit code. Whatever goes wrong ends here, in words a person can act on.
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import type { Run } from './declare.ts';
import { CliFailure, exitCodes, failureJson, failureText, Interrupted, toFailure } from './failure.ts';
import { buildProgram } from './program.ts';
import type { Session } from './session.ts';
import { type Paint, painter, plainPaint, processTerminal, wantsColour } from './terminal.ts';

/** A second Ctrl-C after this long ends the process at once. Sooner it is the same one: npm repeats the terminal's signal. */
const impatientAfterMs = 700;

/** Runs one command line and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const code = await runCommandLine(argv);
  // What could not be written (a full disk) is told by an event, and only then is it too late to end well.
  await new Promise<void>((resolve) => process.stdout.write('', () => setImmediate(resolve)));
  process.exit(code);
}

async function runCommandLine(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough (`| head`) is no error.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(exitCodes.ok);
      if (stream === process.stdout) process.stderr.write(`error  the output cannot be written: ${error.message}\n`);
      process.exit(exitCodes.failed);
    });
  }
  const stop = new AbortController();
  let firstSignalMs: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      firstSignalMs ??= performance.now();
      if (!stop.signal.aborted) stop.abort(new Interrupted(name));
      else if (name === 'SIGINT' && performance.now() - firstSignalMs > impatientAfterMs)
        process.exit(exitCodes.interrupted);
    });
  }
  const env = process.env;
  const program = programName(process.cwd());
  let chosen: Run | undefined;
  const root = buildProgram(program, packageVersion(), (run) => {
    chosen = run;
  });
  const isJson = wantsJson(argv);
  const errorPaint = wantsColour(process.stderr, env) ? painter(true) : plainPaint;
  try {
    for (const command of [root, ...root.commands]) {
      command.exitOverride().configureOutput({ writeErr: () => {} });
    }
    if (argv.length === 0) root.outputHelp();
    else root.parse([...argv], { from: 'user' });
    const session = (json: boolean, folder: string | undefined): Session => ({
      terminal: processTerminal(env),
      json,
      env,
      cwd: process.cwd(),
      program,
      target: folder === undefined ? '' : ` --folder ${quoted(folder)}`,
      signal: stop.signal,
    });
    return (await chosen?.(session)) ?? exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok; // --help and --version
      return report(usageFailure(error, program), isJson, errorPaint);
    }
    return report(stop.signal.aborted ? (stop.signal.reason as Interrupted) : toFailure(error), isJson, errorPaint);
  }
}

function report(failure: CliFailure | Interrupted, json: boolean, paint: Paint): number {
  if (failure instanceof Interrupted) return failure.exitCode;
  if (process.env.PARLEY_DEBUG !== undefined) console.error(failure.cause ?? failure);
  process.stderr.write(json ? `${failureJson(failure)}\n` : `${failureText(failure, paint)}\n`);
  return failure.exitCode;
}

function usageFailure(error: CommanderError, program: string): CliFailure {
  const message = error.message.replace(/^error: /, '').replace(/\n+/g, ' ');
  const hint = message.startsWith('too many arguments') ? 'Put words in quotes, and repeat --data for each file. ' : '';
  return new CliFailure(
    exitCodes.usage,
    'usage',
    message,
    `${hint}See \`${program} --help\` or \`${program} COMMAND --help\`.`,
  );
}

/** Known before the command line is parsed, because a mistake in it must be said in the format that was asked for. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      (word === 'json' && /^(?:-o|--output)$/.test(argv[index - 1] ?? '')),
  );
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const here = fileURLToPath(import.meta.url);
const packageRoot = join(dirname(here), here.endsWith('.ts') ? '../..' : '../../..');

/** In a clone the wrapper `parley` stands at its root; the installed package is on the PATH. */
export function programName(cwd: string): string {
  if (!here.endsWith('.ts')) return 'parley';
  const wrapper = join(realpathSync(packageRoot), 'parley');
  const near = relative(cwd, wrapper);
  return near.startsWith('..') ? wrapper : `./${near}`;
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}
