// Law: an answer in lines goes on until it is done or the client has gone away, and then whatever fed it ends. An idle one says something at
// least once a second, so that a dead client or a dead node is noticed.
import type { Context } from 'hono';
import { stream } from 'hono/streaming';

const heartbeatMs = 1_000;

export interface Lines {
  /** Aborted once the client has gone away or the answer is over. */
  readonly ended: AbortSignal;
  /** Answers with what `work` writes, a line of JSON for each value. */
  answer(work: (write: (value: unknown) => Promise<void>) => Promise<void>): Response;
}

export function linesTo(c: Context): Lines {
  const ended = new AbortController();
  c.req.raw.signal.addEventListener('abort', () => ended.abort(), { once: true });
  return {
    ended: ended.signal,
    answer(work) {
      c.header('content-type', 'application/x-ndjson');
      return stream(c, async (out) => {
        out.onAbort(() => ended.abort());
        // One at a time: for a client that reads nothing they would heap up.
        let isBeating = false;
        const heartbeat = setInterval(() => {
          if (isBeating) return;
          isBeating = true;
          void out.write('\n').finally(() => {
            isBeating = false;
          });
        }, heartbeatMs);
        try {
          await work(async (value) => void (await out.write(`${JSON.stringify(value)}\n`)));
        } finally {
          clearInterval(heartbeat);
          ended.abort();
        }
      });
    },
  };
}
