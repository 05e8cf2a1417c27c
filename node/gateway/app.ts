// Law: one route for each line of api.ts. Every error is an ApiError, and a client that goes away takes nothing with it.
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import type { ApiError } from './api.ts';
import type { OpenRequest, PlanRequest } from './api-work.ts';
import { GatewayError, statusOf } from './error.ts';
import { addEventRoutes } from './events.ts';
import { linesTo } from './lines.ts';
import {
  amendRequest,
  auditProofRequest,
  auditQuery,
  cancelRequest,
  inviteRequest,
  leaveRequest,
  name,
  openRequest,
  parseBody,
  planRequest,
  watchTime,
} from './requests.ts';
import type { GatewayServices } from './services-contract.ts';

const jsonMaxBytes = 1 << 20;

/** Every route of api.ts over `services`. */
export function buildApp(services: GatewayServices): Hono {
  const app = new Hono();
  app.onError((error, c) => {
    const failure =
      error instanceof GatewayError
        ? error
        : error.name === 'StorageError'
          ? new GatewayError(
              'internal',
              error.message,
              '`parley doctor` shows the disk of each node; other nodes take the work.',
            )
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
  app.post('/v1/plans', async (c) => c.json(await services.plan((await parseBody(c.req, planRequest)) as PlanRequest)));
  app.post('/v1/workflows', async (c) =>
    c.json(await services.open((await parseBody(c.req, openRequest)) as OpenRequest), 201),
  );
  app.get('/v1/workflows', (c) => c.json(services.list()));
  app.get('/v1/workflows/:id', async (c) => c.json(await services.detail(c.req.param('id'))));
  app.get('/v1/workflows/:id/certificate', async (c) =>
    c.body(new Uint8Array(await services.certificate(c.req.param('id'))), 200, { 'content-type': 'application/json' }),
  );
  app.post('/v1/workflows/:id/cancel', async (c) => {
    const { reason = 'cancelled by the client', secret } = await parseBody(c.req, cancelRequest);
    return c.json(await services.cancel(c.req.param('id'), reason, secret));
  });
  app.get('/v1/workflows/:id/events', async (c) => {
    const { ended, answer } = linesTo(c);
    const events = services.events(c.req.param('id'), ended)[Symbol.asyncIterator]();
    // The first step finds the workflow or throws, while there is still a status line to say so with.
    const first = await events.next();
    return answer(async (write) => {
      for (let step = first; step.done !== true; step = await events.next()) await write(step.value);
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
  app.post('/v1/audit/proof', async (c) => c.json(services.auditProof(await parseBody(c.req, auditProofRequest))));
  addEventRoutes(app, () => services.bus());
  app.get('/v1/status', async (c) => c.json(await services.status()));
  app.get('/v1/actors', async (c) => {
    const overMs = watchTime.safeParse(c.req.query('overMs') ?? 1_000);
    if (!overMs.success) throw new GatewayError('bad_request', 'overMs is a whole number of milliseconds, 1 to 60000');
    return c.json(await services.actors(overMs.data));
  });
  app.get('/v1/doctor', async (c) => c.json(await services.doctor()));
  app.post('/v1/invites', async (c) => c.json(await services.invite(await parseBody(c.req, inviteRequest))));
  app.get('/v1/members', (c) => c.json(services.members()));
  app.post('/v1/members', async (c) => c.json(await services.amend(await parseBody(c.req, amendRequest))));
  app.post('/v1/leave', async (c) => c.json(await services.leave(await parseBody(c.req, leaveRequest))));
  app.post('/v1/stop', (c) => {
    services.stop();
    return c.json({});
  });
  return app;
}
