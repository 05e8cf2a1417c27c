// Law: a node's log is one JSON object per line in its folder; secrets never reach it, because nothing that logs is given one.
import { pino } from 'pino';
import type { Log, LogLevel } from '../../actors/system/index.ts';
import { openLogFile } from './log-file.ts';

export interface NodeLog {
  readonly log: Log;
  /** Resolves when what was logged is in the file, or refused by its disk; for the end of the process. */
  flush(): Promise<void>;
}

/** Appends to `file`. Level `info` unless told otherwise. */
export function createLog(options: {
  readonly file: string;
  readonly node: string;
  readonly level?: LogLevel;
}): NodeLog {
  const file = openLogFile(options.file, (lines) =>
    log('warn', 'lines of this log were lost: its disk was full', { lines }),
  );
  const logger = pino(
    {
      level: options.level ?? 'info',
      // Not `node`: that is which node a line speaks of.
      base: { self: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      // What is thrown need not be an Error; an Error's fields are not enumerable and would be written as {}.
      serializers: { error: (value: unknown) => (value instanceof Error ? pino.stdSerializers.err(value) : value) },
    },
    file,
  );
  const log: Log = (level, text, fields) => logger[level](fields ?? {}, text);
  return { log, flush: file.idle };
}
