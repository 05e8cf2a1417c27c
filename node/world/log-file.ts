// Law: a log that its disk does not take is lost, and costs the node neither its time nor its life: lines wait within bounds, what is refused
// is let go and counted, and nothing waits for a full disk.
import { mkdirSync, openSync, write } from 'node:fs';
import { dirname } from 'node:path';

export interface LogFile {
  write(line: string): void;
  /** Resolves when nothing waits any more, written or refused. */
  idle(): Promise<void>;
}

const waitingMaxBytes = 4 << 20;

/** Appends to `path`. `lost` is told how many lines were, once there is room again. */
export function openLogFile(path: string, lost: (lines: number) => void): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a', 0o600);
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lostLines = 0;
  /** The last thing written may be a part of a line: the next begins with a new one. */
  let isTorn = false;
  let isWriting = false;
  const idlers: (() => void)[] = [];

  function next(): void {
    if (isWriting) return;
    if (waiting.length === 0) {
      for (const idle of idlers.splice(0)) idle();
      return;
    }
    isWriting = true;
    const lines = waiting;
    waiting = [];
    waitingBytes = 0;
    put(Buffer.from(`${isTorn ? '\n' : ''}${lines.join('')}`), (error) => {
      isWriting = false;
      isTorn = error !== null;
      if (error !== null) lostLines += lines.length;
      else if (lostLines > 0) {
        lost(lostLines);
        lostLines = 0;
      }
      next();
    });
  }

  function put(bytes: Buffer, done: (error: Error | null) => void): void {
    write(file, bytes, (error, written) => {
      if (error !== null || written === bytes.length) done(error);
      else put(bytes.subarray(written), done);
    });
  }

  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (waitingBytes + bytes > waitingMaxBytes) {
        lostLines++;
        return;
      }
      waiting.push(line);
      waitingBytes += bytes;
      next();
    },
    idle() {
      if (!isWriting) return Promise.resolve();
      return new Promise((resolve) => void idlers.push(resolve));
    },
  };
}
