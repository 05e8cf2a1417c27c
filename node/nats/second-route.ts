// Law: an intent on the queue does not wait for the servers to elect a leader of its stream, which takes them 4 to 9 s. One that has an
// idempotency key reaches a node directly too. Where the stream's taker has not opened it within half a second, this node does, under the same
// key, and says to the publisher what the stream could not: it is kept. By then the members hold it, and both routes name one workflow.
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { intentQueueSubject, intentStream } from './queue.ts';

/** A stream with a leader acknowledges within milliseconds, and its taker opens the intent right after. */
const firstRouteMs = 500;
/** What waits beyond this many is left to the stream. */
const waitingMax = 64;

export interface SecondRoute {
  stop(): void;
}

/**
 * @param read undefined: no intent, or one without an idempotency key. It is the stream's alone.
 * @param accept resolves once the members hold it, or did already. What it throws stays unsaid: whoever takes it off the stream says it.
 */
export function openSecondRoute<Intent>(options: {
  readonly connection: NatsConnection;
  readonly queueGroup: string;
  readonly read: (bytes: Uint8Array) => Intent | undefined;
  readonly accept: (intent: Intent) => Promise<{ readonly workflow: string }>;
}): SecondRoute {
  const waiting = new Set<NodeJS.Timeout>();

  async function take(intent: Intent, message: Msg): Promise<void> {
    try {
      const { workflow } = await options.accept(intent);
      // In the form that publishers read. In the stream it has no place: 0.
      message.respond(JSON.stringify({ stream: intentStream, seq: 0, duplicate: true, workflow }));
    } catch {
      // Not acknowledged, so its publisher asks again.
    }
  }

  const subscription = options.connection.subscribe(intentQueueSubject, {
    queue: options.queueGroup,
    callback(failure, message) {
      if (failure !== null || waiting.size >= waitingMax) return;
      const intent = options.read(message.data);
      if (intent === undefined) return;
      const timer = setTimeout(() => {
        waiting.delete(timer);
        void take(intent, message);
      }, firstRouteMs);
      waiting.add(timer);
    },
  });
  return {
    stop() {
      subscription.unsubscribe();
      for (const timer of waiting) clearTimeout(timer);
      waiting.clear();
    },
  };
}
