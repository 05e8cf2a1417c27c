// Law: a node's log is one JSON object per line in its folder; secrets never reach it, because nothing that logs is given one.
import { pino } from 'pino';
import type { Log, LogLevel } from '../../actors/system/index.ts';

export interface NodeLog {
  readonly log: Log;
  /** Writes out what is buffered; for the end of the process. */
  flush(): void;
}

/** Appends to `file`. Level `info` unless told otherwise. */
export function createLog(options: {
  readonly file: string;
  readonly node: string;
  readonly level?: LogLevel;
}): NodeLog {
  const destination = pino.destination({
    dest: options.file,
    mkdir: true,
    append: true,
    sync: false,
    mode: 0o600,
    minLength: 0,
  });
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      // What is thrown need not be an Error; an Error's fields are not enumerable and would be written as {}.
      serializers: { error: (value: unknown) => (value instanceof Error ? pino.stdSerializers.err(value) : value) },
    },
    destination,
  );
  return {
    log: (level, text, fields) => logger[level](fields ?? {}, text),
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // Not open yet, or already gone with the folder: there is nobody left to tell.
      }
    },
  };
}
