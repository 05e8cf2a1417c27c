// Law: this is everything a NATS client can ask of a mesh. JSON both ways; every failure is {ok: false, error} with the headers that NATS
// service clients read. The server's permissions say who may ask; what is said is not secret from the server's operator.
//
//   request parley.intent.submit             Intent → {ok, workflow, heldBy, repeated, events, result, outcome?}
//   publish parley.intent.queue              Intent, kept by JetStream until a node has opened it; acknowledged at its `replyTo`. With an
//                                            idempotency key it is kept by the mesh where the stream has no leader
//   subscribe parley.workflow.ID.events      WorkflowEvent, as they happen
//   subscribe parley.workflow.ID.result      Outcome with the certificate, at the end
//   request parley.workflow.ID.follow        events from the beginning, then the Outcome, then an empty message
//   request parley.workflow.ID.get           {ok, outcome?}
//   $SRV.PING|INFO|STATS                     service `parley`, and `agents` (Synadia Agent Protocol 0.3)
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Parts } from '../../actors/parts/index.ts';
import type { Log } from '../../actors/system/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import { type NatsServers, openNatsClient } from '../../protocols/nats/index.ts';
import { GatewayError, type WorkflowServices } from '../gateway/index.ts';
import { runAgents } from './agents.ts';
import { Abstained, createIntents, type Intent, parseIntent } from './intents.ts';
import { errorHeaders, type RunningService, runService, type Service, ServiceError } from './micro.ts';
import { type IntentQueue, openIntentQueue } from './queue.ts';
import { createReports, eventsSubject, resultSubject } from './reports.ts';
import { openSecondRoute, type SecondRoute } from './second-route.ts';

export interface NatsGatewayOptions {
  readonly servers: NatsServers;
  /** Whether a client on NATS may approve plans that are not read-only. */
  readonly approvals: boolean;
  readonly parts: Parts;
  readonly services: WorkflowServices;
  readonly version: string;
  readonly nodeName: string;
  readonly bus: (() => Promise<EventBus>) | undefined;
  readonly log: Log;
}

export interface NatsGateway {
  close(): Promise<void>;
}

/** Any node of the mesh answers; each request goes to one. */
const queueGroup = 'parley';
const followsMax = 256;
const followPingMs = 10_000;

const statusOf: Readonly<Record<GatewayError['code'], number>> = {
  not_found: 404,
  bad_request: 400,
  needs_approval: 403,
  denied: 403,
  no_quorum: 503,
  not_ready: 503,
  conflict: 409,
  internal: 500,
};

/** What a client is told of an error; what was not thrown for it stays in the log. */
function serviceErrorOf(error: unknown, log: Log): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof Abstained) {
    const { message, reason, questions, candidates } = error.reply;
    return new ServiceError(422, message, { code: 'abstained', message, reason, questions, candidates });
  }
  if (error instanceof GatewayError && error.code !== 'internal') {
    const { code, message, hint } = error;
    return new ServiceError(statusOf[code], message, { code, message, ...(hint === undefined ? {} : { hint }) });
  }
  log('error', 'a NATS request failed', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  const message = 'the node failed on this request';
  return new ServiceError(500, message, { code: 'internal', message, hint: 'See node.log in the node’s folder.' });
}

const isPassing = (error: unknown): boolean =>
  !(error instanceof Abstained) &&
  !(
    error instanceof GatewayError &&
    ['bad_request', 'needs_approval', 'denied', 'conflict', 'not_found'].includes(error.code)
  );

export async function openNatsGateway(options: NatsGatewayOptions): Promise<NatsGateway> {
  const { parts, services, log } = options;
  const closing = new AbortController();
  const intents = createIntents({ parts, services, approvals: options.approvals });
  const reports = createReports({
    parts,
    services,
    bus: options.bus,
    publish: (subject, data, publishOptions) => client.connection?.publish(subject, data, publishOptions),
  });
  let follows = 0;

  const accept = async (intent: Intent) => {
    const accepted = await intents.submit(intent);
    const { workflow, repeated } = accepted;
    const outcome = repeated ? await reports.outcome(workflow) : undefined;
    return {
      ok: true,
      ...accepted,
      events: eventsSubject(workflow),
      result: resultSubject(workflow),
      ...(outcome === undefined ? {} : { outcome }),
    };
  };
  const answerError = (message: Msg, error: unknown): ServiceError => {
    const failure = serviceErrorOf(error, log);
    message.respond(
      JSON.stringify({ ok: false, error: failure.body ?? { code: 'internal', message: failure.message } }),
      {
        headers: errorHeaders(failure.code, failure.message),
      },
    );
    return failure;
  };
  const workflowOf = (message: Msg): string => message.subject.split('.')[2] ?? '';

  async function follow(message: Msg): Promise<void> {
    if (follows >= followsMax)
      throw new GatewayError('not_ready', `${follows} workflows are being followed here already`, 'Ask again later.');
    follows++;
    const workflow = workflowOf(message);
    const isThere = (): boolean => !closing.signal.aborted;
    // Keeps the client from taking a long task for a dead node.
    const keeping = setInterval(() => void message.respond('{"type":"keepalive"}'), followPingMs);
    try {
      for await (const event of reports.follow(workflow, closing.signal)) message.respond(JSON.stringify(event));
      const outcome = isThere() ? await reports.outcome(workflow) : undefined;
      if (outcome !== undefined) message.respond(JSON.stringify({ type: 'outcome', ...outcome }));
      message.respond();
    } finally {
      clearInterval(keeping);
      follows--;
    }
  }

  const service: Service = {
    name: 'parley',
    version: options.version,
    description: 'Intents in, certified results out',
    metadata: { node: options.nodeName, mesh: parts.chain.genesis.name },
    endpoints: [
      {
        name: 'submit',
        subject: 'parley.intent.submit',
        queue: queueGroup,
        handle: async (message) => void message.respond(JSON.stringify(await accept(parseIntent(message.data)))),
      },
      { name: 'follow', subject: 'parley.workflow.*.follow', queue: queueGroup, handle: follow },
      {
        name: 'get',
        subject: 'parley.workflow.*.get',
        queue: queueGroup,
        async handle(message) {
          const outcome = await reports.outcome(workflowOf(message));
          message.respond(JSON.stringify({ ok: true, ...(outcome === undefined ? {} : { outcome }) }));
        },
      },
    ],
  };

  /** Undefined where the message is no intent: nobody can be told. */
  const parsed = (bytes: Uint8Array): Intent | undefined => {
    try {
      return parseIntent(bytes);
    } catch (error) {
      log('warn', 'an intent on the queue was dropped', { error: (error as Error).message });
      return undefined;
    }
  };

  let running: RunningService | undefined;
  let queue: IntentQueue | undefined;
  let secondRoute: SecondRoute | undefined;
  let agents: { stop(): void } | undefined;
  const detach = (): void => {
    running?.stop();
    queue?.stop();
    secondRoute?.stop();
    agents?.stop();
  };
  const attach = (connection: NatsConnection): void => {
    detach();
    // An observer can't open a workflow: what it took would be refused, where a member would have done it.
    if (!parts.chain.isMember(parts.identity.id)) return;
    running = runService(connection, service, answerError);
    agents = runAgents({
      ...options,
      connection,
      intents,
      reports,
      errorOf: (error) => serviceErrorOf(error, log),
    });
    queue = openIntentQueue({
      connection,
      domain: options.servers.domain,
      log,
      async take(bytes, key) {
        const intent = parsed(bytes);
        if (intent === undefined) return 'done';
        const tell = (answer: unknown): void => {
          if (intent.replyTo !== undefined) connection.publish(intent.replyTo, JSON.stringify(answer));
        };
        try {
          tell(await accept({ ...intent, idempotencyKey: intent.idempotencyKey ?? key }));
          return 'done';
        } catch (error) {
          if (isPassing(error)) {
            log('warn', 'an intent stays on the queue', { error: String(error) });
            return 'later';
          }
          tell({ ok: false, error: serviceErrorOf(error, log).body });
          return 'done';
        }
      },
    });
    secondRoute = openSecondRoute({
      connection,
      queueGroup,
      read(bytes) {
        try {
          const intent = parseIntent(bytes);
          return intent.idempotencyKey === undefined ? undefined : intent;
        } catch {
          // Whoever takes it off the stream says what is wrong with it.
          return undefined;
        }
      },
      async accept(intent) {
        const accepted = await accept(intent);
        if (intent.replyTo !== undefined && !accepted.repeated)
          connection.publish(intent.replyTo, JSON.stringify(accepted));
        return accepted;
      },
    });
  };
  const client = openNatsClient(
    { ...options.servers, log, noEcho: false },
    { onConnection: (connection) => queueMicrotask(() => !closing.signal.aborted && attach(connection)) },
  );

  return {
    async close() {
      closing.abort();
      detach();
      reports.stop();
      await client.close();
    },
  };
}
