// Law: what reaches the terminal is text. Control characters from data or from other nodes never do, and colours only where a person
// looks: on a TTY, without NO_COLOR.
import { createInterface } from 'node:readline/promises';

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export interface Terminal {
  /** One or more lines on standard output. */
  out(text: string): void;
  /** One or more lines on standard error. */
  err(text: string): void;
  readonly paint: Paint;
  /** Columns of the terminal; undefined where there is none, and nothing is cut. */
  readonly width: number | undefined;
  /** Rows of the terminal; undefined where there is none: what is shown again is shown below what was. */
  readonly height: number | undefined;
  /** Asks yes or no; undefined where nobody can be asked. */
  readonly confirm: ((question: string, signal: AbortSignal) => Promise<boolean>) | undefined;
}

export const plainPaint: Paint = painter(false);

export function painter(enabled: boolean): Paint {
  const style =
    (open: number, close: number) =>
    (text: string): string =>
      enabled && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}

/** Whether to paint on `stream`: see https://no-color.org for NO_COLOR (any value but the empty one). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

export function processTerminal(env: NodeJS.ProcessEnv): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    paint: painter(wantsColour(stdout, env)),
    // A pseudo-terminal without a size says 0.
    width: stdout.isTTY && stdout.columns > 0 ? stdout.columns : undefined,
    height: stdout.isTTY && stdout.rows > 0 ? stdout.rows : undefined,
    confirm:
      stdin.isTTY && stdout.isTTY
        ? async (question, signal) => {
            const lines = createInterface({ input: stdin, output: stderr });
            // readline takes Ctrl-C for itself while it reads.
            lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
            try {
              const answer = await lines.question(`${question} [y/N] `, { signal });
              return /^y(es)?$/i.test(answer.trim());
            } finally {
              lines.close();
            }
          }
        : undefined,
  };
}

/** `text` on one line, without anything a terminal would act on (C0, C1, bidirectional overrides). */
export function printable(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/\t/g, ' ')
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** As `printable`, keeping line breaks. */
export function printableLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line.replaceAll('\t', '    ')))
    .join('\n');
}

export function duration(ms: number): string {
  if (ms < 1) return '<1 ms';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** The first 8 hexadecimal digits: enough for people, and a prefix every command accepts for a workflow. */
export function short(id: string): string {
  return id.slice(0, 8);
}
