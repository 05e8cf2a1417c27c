// Law: a command sees the terminal, the folder and the signals only through its context, so that a test can stand in for them.
import type { Terminal } from '../../node/cli/index.ts';

export interface Context {
  readonly terminal: Terminal;
  /** With `-o json`: JSON on standard output and nothing else. */
  readonly json: boolean;
  readonly cwd: string;
  /** How a person calls the simulator from `cwd`: `./parley sim` in a clone. */
  readonly program: string;
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
}

export function printJson({ terminal }: Context, value: unknown): void {
  terminal.out(JSON.stringify(value, undefined, 2));
}
