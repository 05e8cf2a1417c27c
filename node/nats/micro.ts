// Law: what this node offers on NATS is listed as the NATS service convention (ADR-32) says: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`,
// for everyone, for one name, for one instance; errors are told in the two headers that its clients read.
import { randomBytes } from 'node:crypto';
import { headers, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { hex } from '../../protocols/wire/index.ts';

export interface Endpoint {
  readonly name: string;
  readonly subject: string;
  /** Requests are shared out among the members of the group; each instance answers where undefined. */
  readonly queue?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** A thrown error is counted and answered. */
  readonly handle: (message: Msg) => Promise<void> | void;
}

export interface Service {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
}

/** An error for the caller of an endpoint. `code` as in HTTP. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: number;
  readonly body: unknown;
  constructor(code: number, message: string, body?: unknown) {
    super(message);
    this.code = code;
    this.body = body;
  }
}

export function errorHeaders(code: number, text: string): MsgHdrs {
  const found = headers();
  // A header is one line of printable text.
  found.set('Nats-Service-Error', text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 500));
  found.set('Nats-Service-Error-Code', String(code));
  return found;
}

export interface RunningService {
  readonly id: string;
  stop(): void;
}

export function runService(
  connection: NatsConnection,
  service: Service,
  answerError: (message: Msg, error: unknown) => ServiceError,
): RunningService {
  const id = hex.encode(randomBytes(11));
  const started = new Date().toISOString();
  const subscriptions: Subscription[] = [];
  const identity = { name: service.name, id, version: service.version, metadata: service.metadata };
  const stats = service.endpoints.map(() => ({ requests: 0, errors: 0, lastError: '', elapsedNs: 0 }));

  for (const [index, endpoint] of service.endpoints.entries()) {
    const count = stats[index]!;
    const callback = (failure: Error | null, message: Msg): void => {
      if (failure !== null) return;
      const startMs = performance.now();
      count.requests++;
      void (async () => {
        try {
          await endpoint.handle(message);
        } catch (error) {
          const { code, message: text } = answerError(message, error);
          count.errors++;
          count.lastError = `${code}:${text}`.slice(0, 500);
        } finally {
          count.elapsedNs += Math.round((performance.now() - startMs) * 1e6);
        }
      })();
    };
    subscriptions.push(
      connection.subscribe(endpoint.subject, {
        callback,
        ...(endpoint.queue === undefined ? {} : { queue: endpoint.queue }),
      }),
    );
  }

  const described = (endpoint: Endpoint) => ({
    name: endpoint.name,
    subject: endpoint.subject,
    ...(endpoint.queue === undefined ? {} : { queue_group: endpoint.queue }),
  });
  const verbs: Readonly<Record<string, () => unknown>> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: service.description,
      endpoints: service.endpoints.map((endpoint) => ({ ...described(endpoint), metadata: endpoint.metadata ?? {} })),
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started,
      endpoints: service.endpoints.map((endpoint, index) => {
        const { requests, errors, lastError, elapsedNs } = stats[index]!;
        return {
          ...described(endpoint),
          num_requests: requests,
          num_errors: errors,
          last_error: lastError,
          processing_time: elapsedNs,
          average_processing_time: requests === 0 ? 0 : Math.round(elapsedNs / requests),
        };
      }),
    }),
  };
  for (const [verb, answer] of Object.entries(verbs)) {
    for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.${service.name}`, `$SRV.${verb}.${service.name}.${id}`]) {
      subscriptions.push(
        connection.subscribe(subject, {
          callback: (failure, message) => {
            if (failure === null) message.respond(JSON.stringify(answer()));
          },
        }),
      );
    }
  }
  return {
    id,
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
