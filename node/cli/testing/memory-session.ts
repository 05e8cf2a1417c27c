// Law: a session whose terminal is two lists of lines.
import type { Session } from '../session.ts';
import { plainPaint, type Terminal } from '../terminal.ts';

export interface MemorySession extends Session {
  readonly lines: string[];
  readonly errors: string[];
  readonly stop: AbortController;
}

export function memorySession(
  options: {
    readonly json?: boolean;
    readonly cwd?: string;
    readonly width?: number;
    readonly height?: number;
    readonly confirm?: () => Promise<boolean>;
    readonly env?: NodeJS.ProcessEnv;
    readonly target?: string;
  } = {},
): MemorySession {
  const lines: string[] = [];
  const errors: string[] = [];
  const stop = new AbortController();
  const terminal: Terminal = {
    out: (text) => void lines.push(...text.split('\n')),
    err: (text) => void errors.push(...text.split('\n')),
    paint: plainPaint,
    width: options.width,
    height: options.height,
    confirm: options.confirm,
  };
  return {
    terminal,
    json: options.json ?? false,
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    program: './parley',
    target: options.target ?? '',
    signal: stop.signal,
    lines,
    errors,
    stop,
  };
}
