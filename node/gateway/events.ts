// Law: a client program has the bus that its node has: what it publishes is durable before it is told so, and a consumer's events count as
// handled when the client says so. A client that goes away takes nothing with it: what it had not acknowledged goes to another.
import { randomBytes } from 'node:crypto';
import type { Hono } from 'hono';
import { z } from 'zod';
import {
  type BusEvent,
  type EventBus,
  EventBusError,
  parsePosition,
  type ReadFrom,
} from '../../protocols/events/index.ts';
import type { BusEventReply, BusGroupLine } from './api-records.ts';
import { type ApiErrorCode, GatewayError } from './error.ts';
import { linesTo } from './lines.ts';
import { parseBody } from './requests.ts';

const eventsMax = 1_000;
const consumersMax = 256;

const publishRequest = z.strictObject({
  events: z
    .array(
      z.strictObject({
        key: z.string().max(1_024),
        data: z.base64().max(100_000),
        id: z.string().min(1).max(1_024).optional(),
      }),
    )
    .min(1)
    .max(eventsMax),
});
const acknowledgement = z.strictObject({ batch: z.number().int().positive(), isLast: z.boolean().default(false) });

const codes: Readonly<Record<EventBusError['code'], ApiErrorCode>> = {
  invalid: 'bad_request',
  overloaded: 'not_ready',
  unavailable: 'not_ready',
  closed: 'not_ready',
};
const told = (error: unknown): unknown =>
  error instanceof EventBusError ? new GatewayError(codes[error.code], error.message) : error;

const replyOf = ({ topic, key, id, atMs, data, note, position }: BusEvent): BusEventReply => ({
  topic,
  key,
  id,
  atMs,
  data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  ...(note === '' ? {} : { note }),
  position,
});

/** `bus` is opened at its first use, and rejects with EventBusError where there is none. */
export function addEventRoutes(app: Hono, bus: () => Promise<EventBus>): void {
  /** What each connected consumer has been given and not acknowledged. */
  const waiting = new Map<string, { readonly batch: number; readonly resolve: (isLast: boolean) => void }>();
  let consumers = 0;

  app.get('/v1/bus', async (c) => {
    try {
      const own = await bus();
      return c.json({ kind: own.kind, groups: await own.groups() });
    } catch (error) {
      throw told(error);
    }
  });
  app.post('/v1/bus/:topic', async (c) => {
    const { events } = await parseBody(c.req, publishRequest);
    try {
      const own = await bus();
      const topic = c.req.param('topic');
      const publish = ({ key, data, id }: (typeof events)[number]): Promise<string> =>
        own.publish(topic, { key, data: Buffer.from(data, 'base64'), ...(id === undefined ? {} : { id }) });
      return c.json({ positions: await Promise.all(events.map(publish)) }, 201);
    } catch (error) {
      throw told(error);
    }
  });
  app.get('/v1/bus/:topic', async (c) => {
    const text = c.req.query('from') ?? 'new';
    const from: ReadFrom = text === 'first' || text === 'new' ? text : text.split(',');
    const stop = new AbortController();
    let events: AsyncIterator<BusEvent>;
    let first: Promise<IteratorResult<BusEvent>>;
    try {
      events = (await bus()).read(c.req.param('topic'), { from, signal: stop.signal })[Symbol.asyncIterator]();
      first = events.next();
      // What is wrong with the request is said while there is still a status line to say it with.
      await Promise.race([first, new Promise((resolve) => setImmediate(resolve))]);
    } catch (error) {
      throw told(error);
    }
    const { ended, answer } = linesTo(c);
    return answer(async (write) => {
      ended.addEventListener('abort', () => stop.abort(), { once: true });
      for (let step = await first; step.done !== true && !ended.aborted; step = await events.next())
        await write(replyOf(step.value));
    });
  });
  app.get('/v1/bus/:topic/groups/:group', async (c) => {
    const from = c.req.query('from') === 'new' ? 'new' : 'first';
    if (consumers >= consumersMax) throw new GatewayError('not_ready', `${consumers} consumers are connected already`);
    const consumer = randomBytes(12).toString('hex');
    const given: { readonly events: readonly BusEvent[]; readonly resolve: () => void }[] = [];
    let wake = (): void => {};
    consumers++;
    let membership: Awaited<ReturnType<EventBus['join']>>;
    try {
      membership = await (await bus()).join(c.req.param('topic'), c.req.param('group'), {
        from,
        handle: (events) =>
          new Promise<void>((resolve) => {
            given.push({ events, resolve });
            wake();
          }),
      });
    } catch (error) {
      consumers--;
      throw told(error);
    }
    const { ended, answer } = linesTo(c);
    return answer(async (write) => {
      ended.addEventListener('abort', () => wake(), { once: true });
      /** Sources of events that the client was given and has not acknowledged. */
      let atWorkOn: readonly string[] = [];
      try {
        for (let batch = 1; !ended.aborted; ) {
          const next = given.shift();
          if (next === undefined) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
            continue;
          }
          const acknowledged = new Promise<boolean>((resolve) => {
            waiting.set(consumer, { batch, resolve });
            ended.addEventListener('abort', () => resolve(true), { once: true });
          });
          atWorkOn = next.events.map(({ position }) => parsePosition(position).source);
          await write({ consumer, batch, events: next.events.map(replyOf) } satisfies BusGroupLine);
          const isLast = await acknowledged;
          if (ended.aborted) return;
          atWorkOn = [];
          next.resolve();
          if (isLast) {
            // Until the bus has heard that they are handled.
            await new Promise((resolve) => setImmediate(resolve));
            return;
          }
          batch++;
        }
      } finally {
        consumers--;
        waiting.delete(consumer);
        membership.abandon(atWorkOn);
      }
    });
  });
  app.post('/v1/bus/consumers/:consumer', async (c) => {
    const { batch, isLast } = await parseBody(c.req, acknowledgement);
    const own = waiting.get(c.req.param('consumer'));
    if (own === undefined || own.batch !== batch)
      throw new GatewayError(
        'conflict',
        'this consumer waits for no such acknowledgement: it is gone, or answered already',
        'Connect again; what was not acknowledged is given again.',
      );
    waiting.delete(c.req.param('consumer'));
    own.resolve(isLast);
    return c.json({});
  });
}
