// Law: a log line is a time, a level and a message, each where the line has it. JSON lines are read by their usual field names.
import { readTimestamp, type ZoneKind } from './timestamps.ts';

export const levels = [
  'trace',
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
] as const;
export type Level = (typeof levels)[number];

export interface LogLine {
  readonly time: { readonly ms: number; readonly zone: ZoneKind } | undefined;
  readonly level: Level | undefined;
  readonly message: string;
}

const levelWords: Readonly<Record<string, Level>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  information: 'info',
  notice: 'notice',
  warn: 'warning',
  warning: 'warning',
  err: 'error',
  error: 'error',
  severe: 'error',
  crit: 'critical',
  critical: 'critical',
  fatal: 'critical',
  alert: 'alert',
  emerg: 'emergency',
  panic: 'emergency',
};
const words = Object.keys(levelWords).join('|');
/** LEVEL in capitals, or a level marked as one ([level], level: or level=value): never a word of the running text. */
const capitals = new RegExp(`(?:^|[\\s\\[])(?:${words.toUpperCase()})(?=[\\s:\\]]|$)`);
const marked = new RegExp(
  `\\[(?:\\w+:)?(${words})\\]|(?:^|\\s)(${words}):(?=\\s)|\\b(?:level|lvl|severity)="?(${words})\\b`,
  'i',
);

/** The levels pino and bunyan write as numbers. */
const numericLevels: Readonly<Record<number, Level>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'critical',
};

export function levelOf(message: string): Level | undefined {
  const head = message.slice(0, 200);
  const found =
    capitals.exec(head)?.[0] ??
    marked
      .exec(head)
      ?.slice(1)
      .find((word) => word !== undefined);
  return found === undefined ? undefined : levelWords[found.toLowerCase().replace(/[^a-z]/g, '')];
}

export function readLogLine(line: string, assumedYear: number): LogLine {
  if (line.startsWith('{')) {
    const structured = readJsonLine(line, assumedYear);
    if (structured !== undefined) return structured;
  }
  const stamp = readTimestamp(line, assumedYear);
  const message = stamp?.rest ?? line;
  return { time: stamp, level: levelOf(message), message };
}

function readJsonLine(line: string, assumedYear: number): LogLine | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const field = (...names: readonly string[]): unknown =>
    names.map((name) => value[name]).find((found) => found !== undefined);
  const message = field('message', 'msg', 'event', 'log');
  if (typeof message !== 'string') return undefined;
  const time = field('time', 'timestamp', '@timestamp', 'ts', 'date');
  const stamp =
    typeof time === 'string' || typeof time === 'number' ? readTimestamp(String(time), assumedYear) : undefined;
  const level = field('level', 'severity', 'lvl', 'levelname');
  return {
    time: stamp,
    level: typeof level === 'number' ? numericLevels[level] : levelWords[String(level).toLowerCase()],
    message,
  };
}
