// Law: the simulator stands above the node, so that the CLI does not import it: it runs it, as a program of its own on the same terminal.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CliFailure, exitCodes, type Interrupted } from '../failure.ts';

/** `args` are what was typed after `sim`. Resolves to its exit code. */
export async function sim(args: readonly string[], signal: AbortSignal): Promise<number> {
  const self = import.meta.url;
  const program = fileURLToPath(new URL(`../../../sim/main.${self.endsWith('.ts') ? 'ts' : 'js'}`, self));
  if (!existsSync(program))
    throw new CliFailure(
      exitCodes.failed,
      'no_simulator',
      `the simulator is not in this installation: ${program} is missing`,
      'Install parley again.',
    );
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  // Ctrl-C reaches the whole group, and the child sums up before it ends; a request to end comes to this process alone.
  const end = (): void => {
    if ((signal.reason as Interrupted).exitCode !== exitCodes.interrupted) child.kill('SIGTERM');
  };
  signal.addEventListener('abort', end, { once: true });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => resolve(code ?? (name === 'SIGINT' ? exitCodes.interrupted : exitCodes.failed)));
  });
}
