// Law: every way to fail has one exit code and says what happened, to what, and what to do. The codes are part of the interface.
import type { Paint } from './terminal.ts';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  noQuorum: 4,
  needsPerson: 6,
  timeout: 124,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0    ok
  1    failed: the work, the check or the node
  2    usage: a wrong option, a missing file, or words that cannot be made into a plan (nothing was run)
  3    denied
  4    no quorum: the work is kept and goes on when enough members are back
  6    needs a person's yes
  124  timeout
  130  interrupted (Ctrl-C)`;

export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: ExitCode;
  /** Stable, for programs. */
  readonly code: string;
  readonly hint: string | undefined;
  constructor(exitCode: ExitCode, code: string, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = code;
    this.hint = hint;
  }
}

/** A signal asked this program to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: ExitCode;
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`stopped by ${signal}`);
    this.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
  }
}

const exitCodeOf: Readonly<Record<string, ExitCode>> = {
  bad_request: exitCodes.usage,
  abstained: exitCodes.usage,
  denied: exitCodes.denied,
  no_quorum: exitCodes.noQuorum,
  needs_approval: exitCodes.needsPerson,
};

/** Any thrown value as a failure. Errors of the node, its start and its folder carry `code` and `hint` of their own. */
export function toFailure(error: unknown): CliFailure | Interrupted {
  if (error instanceof CliFailure || error instanceof Interrupted) return error;
  if (!(error instanceof Error)) return new CliFailure(exitCodes.failed, 'internal', String(error));
  if (error.name === 'ConnectionLost') {
    return new CliFailure(
      exitCodes.failed,
      'connection_lost',
      `${error.message}, and no other node answered`,
      'See whether the nodes run: `parley status`, `parley doctor`.',
    );
  }
  const system = systemFailure(error);
  if (system !== undefined) return system;
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  if (typeof code !== 'string') {
    return new CliFailure(
      exitCodes.failed,
      'internal',
      error.message,
      'This is a fault of parley itself. With PARLEY_DEBUG=1 it prints where.',
      { cause: error },
    );
  }
  return new CliFailure(
    exitCodeOf[code] ?? exitCodes.failed,
    code,
    error.message,
    typeof hint === 'string' ? hint : undefined,
    { cause: error },
  );
}

const systemReasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EACCES: ['permission denied', 'Give it to the user who runs this, or name another with --folder.'],
  EPERM: ['permission denied', 'Give it to the user who runs this, or name another with --folder.'],
  EROFS: ['the file system is read-only', 'Name a folder on another one with --folder.'],
  EEXIST: ['there is a file of that name', 'Name another folder with --folder.'],
  ENOTDIR: ['a part of that path is a file', 'Name another folder with --folder.'],
  ENOSPC: ['the disk is full', 'Free some space.'],
  EDQUOT: ['the disk quota is used up', 'Free some space.'],
  EMFILE: ['this process has too many files open', 'Raise the limit: `ulimit -n 4096`.'],
  ENAMETOOLONG: ['the name is too long', 'Give a shorter one.'],
  ELOOP: ['its links lead in a circle', 'Name what they should lead to.'],
};

/** What the operating system refused, in words; undefined for any other error, and for codes that say nothing to a person. */
function systemFailure(error: Error): CliFailure | undefined {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const [reason, hint] = systemReasons[code ?? ''] ?? [];
  if (reason === undefined || path === undefined) return undefined;
  const what = syscall === 'mkdir' ? 'the folder cannot be made' : 'it cannot be used';
  return new CliFailure(exitCodes.failed, code!.toLowerCase(), `${path}: ${what}: ${reason}`, hint, { cause: error });
}

/** What happened, to what, and what to do. */
export function failureText(failure: CliFailure, paint: Paint): string {
  const hint = failure.hint === undefined ? '' : `\n   ${paint.dim('→')} ${failure.hint}`;
  return `${paint.red('error')}  ${failure.message}${hint}`;
}

export function failureJson({ code, message, hint, exitCode }: CliFailure): string {
  return JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }), exitCode } });
}
