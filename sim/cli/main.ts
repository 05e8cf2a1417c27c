// Law: one process, one command, one exit code; whatever goes wrong ends here, in words a person can act on.
import { CommanderError } from 'commander';
import {
  CliFailure,
  exitCodes,
  failureJson,
  failureText,
  Interrupted,
  painter,
  plainPaint,
  processTerminal,
  programName,
  toFailure,
  wantsColour,
} from '../../node/cli/index.ts';
import { ScenarioInvalid } from '../scenario/index.ts';
import type { Context } from './context.ts';
import { buildSimProgram, type RunCommand } from './program.ts';

/** Runs what was typed after `sim`. Resolves to the exit code. */
export async function runSimCommand(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  let listens = false;
  /** Only for a command that looks at it: a single run keeps its thread to itself to its end, and is ended as the system ends programs. */
  const listen = (): AbortSignal => {
    if (!listens)
      for (const name of ['SIGINT', 'SIGTERM'] as const)
        process.on(name, () => {
          // The second time it is meant at once.
          if (stop.signal.aborted) process.exit(exitCodes.interrupted);
          stop.abort();
        });
    listens = true;
    return stop.signal;
  };
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) =>
      process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed),
    );
  const cwd = process.cwd();
  const program = `${programName(cwd)} sim`;
  const json = argv.some(
    (word, i) =>
      /^(?:-ojson|--output=json)$/.test(word) || (word === 'json' && /^(?:-o|--output)$/.test(argv[i - 1] ?? '')),
  );
  let chosen: RunCommand | undefined;
  const root = buildSimProgram(program, (run) => {
    chosen = run;
  });
  try {
    for (const command of [root, ...root.commands]) command.exitOverride().configureOutput({ writeErr: () => {} });
    if (argv.length === 0) root.outputHelp();
    else root.parse([...argv], { from: 'user' });
    const terminal = processTerminal(process.env);
    const makeContext = (asJson: boolean): Context => ({
      ...{ terminal, json: asJson, cwd, program },
      get signal() {
        return listen();
      },
    });
    return (await chosen?.(makeContext)) ?? exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    const failure = failureOf(error, program);
    if (failure instanceof Interrupted) return failure.exitCode;
    const paint = wantsColour(process.stderr, process.env) ? painter(true) : plainPaint;
    process.stderr.write(json ? `${failureJson(failure)}\n` : `${failureText(failure, paint)}\n`);
    return failure.exitCode;
  }
}

function failureOf(error: unknown, program: string): CliFailure | Interrupted {
  if (error instanceof CommanderError)
    return new CliFailure(
      exitCodes.usage,
      'usage',
      error.message.replace(/^error: /, '').replace(/\n+/g, ' '),
      `See \`${program} --help\` or \`${program} COMMAND --help\`.`,
    );
  if (error instanceof ScenarioInvalid)
    return new CliFailure(
      exitCodes.usage,
      'bad_scenario',
      error.message,
      `docs/simulator.md says what a scenario holds; \`${program} list\` names those that ship.`,
    );
  return toFailure(error);
}
