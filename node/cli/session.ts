// Law: a command sees the terminal, the environment and the signals only through its session, so that a test can stand in for them.
import type { Terminal } from './terminal.ts';

export interface Session {
  readonly terminal: Terminal;
  /** True with `-o json`: one JSON document on standard output and nothing else. */
  readonly json: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** How a person calls this program from `cwd`: `./parley` in a clone, `parley` when installed. */
  readonly program: string;
  /** ` --folder F` as it was typed, or nothing: what the next command needs to find the same node. */
  readonly target: string;
  /** Aborted by Ctrl-C or a request to end; the reason is `Interrupted`. */
  readonly signal: AbortSignal;
}

/** The one JSON document of a command. */
export function printJson(session: Session, value: unknown): void {
  session.terminal.out(JSON.stringify(value, undefined, 2));
}

/** The next commands to type. */
export function printNext(session: Session, commands: readonly (readonly [command: string, why: string])[]): void {
  const { terminal } = session;
  if (commands.length === 0) return;
  const longest = Math.max(...commands.map(([command]) => command.length)) + session.program.length + 1;
  // One long path must not push every explanation out of sight.
  const widest = Math.min(longest, 48);
  terminal.out(`\n${terminal.paint.dim('next')}`);
  for (const [command, why] of commands) {
    terminal.out(`  ${`${session.program} ${command}`.padEnd(widest)}  ${terminal.paint.dim(why)}`);
  }
}
