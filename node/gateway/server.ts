// Law: the socket is the border: whoever can open it (the folder's owner) is the node's user. Every body is bounded and checked before
// anything acts on it, every error is an ApiError, and a client that goes away takes nothing with it.
import { existsSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import { z } from 'zod';
import type { AuditProofFile, EvidenceFile } from '../../actors/proof/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import type { ApiError } from './api.ts';
import type {
  ActorsReply,
  AmendRequest,
  DoctorReport,
  InviteReply,
  InviteRequest,
  LeaveReply,
  LeaveRequest,
  MembersReply,
  NodeStatus,
} from './api-mesh.ts';
import type { AuditProofRequest, AuditReply } from './api-records.ts';
import type {
  BlobReply,
  OpenReply,
  OpenRequest,
  PlanReply,
  PlanRequest,
  WorkflowDetail,
  WorkflowEvent,
  WorkflowSummary,
} from './api-work.ts';
import { boundCrowd, checkMs } from './crowd.ts';
import { addEventRoutes } from './events.ts';

export type ApiErrorCode =
  | 'not_found'
  | 'bad_request'
  | 'needs_approval'
  | 'denied'
  | 'no_quorum'
  | 'not_ready'
  | 'conflict'
  | 'internal';
const statusOf: Record<ApiErrorCode, 400 | 403 | 404 | 409 | 428 | 500 | 503> = {
  not_found: 404,
  bad_request: 400,
  needs_approval: 428,
  denied: 403,
  no_quorum: 503,
  not_ready: 503,
  conflict: 409,
  internal: 500,
};

/** Thrown by a service; reaches the client as its ApiError. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ApiErrorCode;
  readonly hint: string | undefined;
  constructor(code: ApiErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

export interface GatewayServices {
  plan(request: PlanRequest): Promise<PlanReply>;
  storeBlob(name: string, source: AsyncIterable<Uint8Array>): Promise<BlobReply>;
  readBlob(digest: string): Promise<AsyncIterable<Uint8Array>>;
  open(request: OpenRequest): Promise<OpenReply>;
  list(): readonly WorkflowSummary[];
  detail(prefix: string): Promise<WorkflowDetail>;
  /** All events so far, then live ones; ends with the workflow or when `signal` aborts. */
  events(prefix: string, signal: AbortSignal): AsyncIterable<WorkflowEvent>;
  certificate(prefix: string): Promise<Uint8Array>;
  cancel(prefix: string, reason: string): Promise<WorkflowDetail>;
  /** The current epoch's where `epoch` is undefined. */
  audit(epoch: number | undefined, from: number): AuditReply;
  auditProof(request: AuditProofRequest): AuditProofFile;
  auditEvidence(): EvidenceFile;
  /** The event bus; opened at its first use. */
  bus(): Promise<EventBus>;
  status(): Promise<NodeStatus>;
  /** Watches the node's actors for that long. */
  actors(overMs: number): Promise<ActorsReply>;
  doctor(): Promise<DoctorReport>;
  invite(request: InviteRequest): Promise<InviteReply>;
  members(): MembersReply;
  amend(request: AmendRequest): Promise<MembersReply>;
  /** Resolves when the members go on without this node; it still runs. */
  leave(request: LeaveRequest): Promise<LeaveReply>;
  /** Asks the node to end; returns before it has. */
  stop(): void;
  failed(error: unknown): void;
}

const jsonMaxBytes = 1 << 20;
/** An idle event stream says something at least this often, so that a dead client or a dead node is noticed. */
const heartbeatMs = 1_000;

/** A connection on which nothing moves for so long is dead, or belongs to a client that reads nothing; the longest answer takes less. */
const idleMs = 600_000;
const connectionsMax = 1_024;

/** Half of a character has no place in what is signed. */
const text = (max: number, min = 0) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => value.isWellFormed(), 'it holds half a character');
const name = text(255, 1);
const blob = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: z.number().int().nonnegative() });
const planRequest = z.strictObject({
  words: text(2_000).optional(),
  plan: z.unknown().optional(),
  files: z.array(z.strictObject({ name, blob })).max(4_096),
});
const openRequest = z.strictObject({
  words: text(2_000),
  plan: z.unknown(),
  idempotencyKey: text(200, 8),
  approved: z.boolean(),
});
const cancelRequest = z.strictObject({ reason: text(500).optional() });
const auditProofRequest = z.strictObject({
  entries: z
    .array(
      z.strictObject({
        epoch: z.number().int().nonnegative(),
        kind: z.enum(['verdict', 'config', 'evidence', 'close']),
        key: z.string().regex(/^(?:[0-9a-f]{2}){0,1024}$/),
        digest: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(1_024),
  since: z.strictObject({ epoch: z.number().int().nonnegative(), size: z.number().int().positive() }).optional(),
});
const auditQuery = z.coerce.number().int().nonnegative().optional();
const watchTime = z.coerce.number().int().min(1).max(60_000);
const leaveRequest = z.strictObject({ drainForMs: z.number().int().min(0).max(3_600_000) });
const inviteRequest = z.strictObject({
  role: z.enum(['observer', 'worker', 'member']),
  validForMs: z
    .number()
    .int()
    .min(1_000)
    .max(30 * 86_400_000),
});

const amendRequest = z.strictObject({ member: text(64, 1), weight: z.number().int().min(0).max(0xffff).optional() });

/** What of the body is wrong, and what it should be. */
function issueText(issue: z.core.$ZodIssue): string {
  const where = issue.path.length === 0 ? 'the body' : issue.path.join('.');
  const counted = (origin: string, count: number | bigint): string =>
    origin === 'string' ? `${count} characters` : origin === 'array' ? `${count} items` : String(count);
  switch (issue.code) {
    case 'too_big':
      return `${where}: at most ${counted(issue.origin, issue.maximum)}`;
    case 'too_small':
      return `${where}: at least ${counted(issue.origin, issue.minimum)}`;
    case 'invalid_type':
      return `${where}: must be of type ${issue.expected}`;
    case 'unrecognized_keys':
      return `${where}: has no ${issue.keys.join(', ')}`;
    case 'invalid_value':
      return `${where}: one of ${issue.values.join(', ')}`;
    default:
      return `${where}: ${issue.message}`;
  }
}

function buildApp(services: GatewayServices): Hono {
  const app = new Hono();
  const parse = async <T>(request: { json(): Promise<unknown> }, schema: z.ZodType<T>): Promise<T> => {
    let body: unknown;
    try {
      body = await request.json();
    } catch {
      throw new GatewayError('bad_request', 'the body is not JSON');
    }
    const checked = schema.safeParse(body);
    if (checked.success) return checked.data;
    throw new GatewayError('bad_request', issueText(checked.error.issues[0]!));
  };

  app.onError((error, c) => {
    const failure =
      error instanceof GatewayError
        ? error
        : new GatewayError(
            'internal',
            `the node failed on this request: ${error.message}`,
            'See node.log in the node’s folder.',
          );
    if (failure.code === 'internal') services.failed(error);
    const body: ApiError = {
      code: failure.code,
      message: failure.message,
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    };
    return c.json({ error: body }, statusOf[failure.code]);
  });
  app.notFound((c) =>
    c.json(
      {
        error: {
          code: 'not_found',
          message: `${c.req.method} ${c.req.path} is not part of this API`,
          hint: 'This client may be newer than the node: compare `parley --version` with `parley status`.',
        } satisfies ApiError,
      },
      404,
    ),
  );

  app.use('*', async (c, next) => {
    if (c.req.method === 'PUT') return next();
    return bodyLimit({
      maxSize: jsonMaxBytes,
      onError: () => {
        throw new GatewayError(
          'bad_request',
          `the body exceeds ${jsonMaxBytes} bytes`,
          'Send files with PUT /v1/blobs.',
        );
      },
    })(c, next);
  });

  app.put('/v1/blobs', async (c) => {
    const checked = name.safeParse(c.req.query('name'));
    if (!checked.success) throw new GatewayError('bad_request', 'PUT /v1/blobs needs ?name=, 1 to 255 characters');
    return c.json(
      await services.storeBlob(
        checked.data,
        (c.req.raw.body ??
          new ReadableStream({ start: (controller) => controller.close() })) as AsyncIterable<Uint8Array>,
      ),
    );
  });
  app.get('/v1/blobs/:digest', async (c) => {
    const source = await services.readBlob(c.req.param('digest'));
    return stream(c, async (out) => {
      for await (const chunk of source) await out.write(chunk);
    });
  });
  app.post('/v1/plans', async (c) => c.json(await services.plan((await parse(c.req, planRequest)) as PlanRequest)));
  app.post('/v1/workflows', async (c) =>
    c.json(await services.open((await parse(c.req, openRequest)) as OpenRequest), 201),
  );
  app.get('/v1/workflows', (c) => c.json(services.list()));
  app.get('/v1/workflows/:id', async (c) => c.json(await services.detail(c.req.param('id'))));
  app.get('/v1/workflows/:id/certificate', async (c) =>
    c.body(new Uint8Array(await services.certificate(c.req.param('id'))), 200, { 'content-type': 'application/json' }),
  );
  app.post('/v1/workflows/:id/cancel', async (c) =>
    c.json(
      await services.cancel(c.req.param('id'), (await parse(c.req, cancelRequest)).reason ?? 'cancelled by the client'),
    ),
  );
  app.get('/v1/workflows/:id/events', async (c) => {
    const ended = new AbortController();
    c.req.raw.signal.addEventListener('abort', () => ended.abort(), { once: true });
    const events = services.events(c.req.param('id'), ended.signal)[Symbol.asyncIterator]();
    // The first step finds the workflow or throws, while there is still a status line to say so with.
    const first = await events.next();
    c.header('content-type', 'application/x-ndjson');
    return stream(c, async (out) => {
      out.onAbort(() => ended.abort());
      // One at a time: for a client that reads nothing they would heap up.
      let isBeating = false;
      const heartbeat = setInterval(() => {
        if (isBeating) return;
        isBeating = true;
        out.write('\n').finally(() => {
          isBeating = false;
        });
      }, heartbeatMs);
      try {
        for (let step = first; step.done !== true; step = await events.next())
          await out.write(`${JSON.stringify(step.value)}\n`);
      } finally {
        clearInterval(heartbeat);
        ended.abort();
      }
    });
  });
  app.get('/v1/audit', (c) => {
    const epoch = auditQuery.safeParse(c.req.query('epoch'));
    const from = auditQuery.safeParse(c.req.query('from'));
    if (!epoch.success || !from.success)
      throw new GatewayError('bad_request', 'epoch and from are whole numbers, at least 0');
    return c.json(services.audit(epoch.data, from.data ?? 0));
  });
  app.get('/v1/audit/evidence', (c) => c.json(services.auditEvidence()));
  app.post('/v1/audit/proof', async (c) => c.json(services.auditProof(await parse(c.req, auditProofRequest))));
  addEventRoutes(app, () => services.bus(), parse);
  app.get('/v1/status', async (c) => c.json(await services.status()));
  app.get('/v1/actors', async (c) => {
    const overMs = watchTime.safeParse(c.req.query('overMs') ?? 1_000);
    if (!overMs.success) throw new GatewayError('bad_request', 'overMs is a whole number of milliseconds, 1 to 60000');
    return c.json(await services.actors(overMs.data));
  });
  app.get('/v1/doctor', async (c) => c.json(await services.doctor()));
  app.post('/v1/invites', async (c) => c.json(await services.invite(await parse(c.req, inviteRequest))));
  app.get('/v1/members', (c) => c.json(services.members()));
  app.post('/v1/members', async (c) => c.json(await services.amend(await parse(c.req, amendRequest))));
  app.post('/v1/leave', async (c) => c.json(await services.leave(await parse(c.req, leaveRequest))));
  app.post('/v1/stop', (c) => {
    services.stop();
    return c.json({});
  });
  return app;
}

export interface GatewayServer {
  close(): Promise<void>;
}

/** Listens on `socketPath`, readable by its owner alone. A socket file that nobody answers is a dead node's and is replaced. */
export async function listen(services: GatewayServices, socketPath: string): Promise<GatewayServer> {
  if (existsSync(socketPath)) {
    if (await answers(socketPath))
      throw new GatewayError(
        'conflict',
        `another process answers on ${socketPath}`,
        'Stop it with `parley down`, or use another folder.',
      );
    unlinkSync(socketPath);
  }
  const server: Server = createServer(
    { connectionsCheckingInterval: checkMs },
    getRequestListener(buildApp(services).fetch),
  );
  server.timeout = idleMs;
  // An upload may take long; a request's headers may not.
  boundCrowd(server, { connectionsMax, perAddressMax: connectionsMax, headMs: 10_000, requestMs: 0 });
  // The file is there before `listen` returns: from its first moment on it is its owner's alone.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => resolve());
      process.umask(umask);
    });
  } finally {
    process.umask(umask);
  }
  return {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        // Streams of running workflows would hold the process; their clients reconnect to another node.
        server.closeAllConnections();
      }),
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
