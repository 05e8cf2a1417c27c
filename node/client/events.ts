// Law: a client keeps its place on the bus over the loss of its node: a reader goes on after what it has seen, a consumer is given again
// what it had not acknowledged.

import type { BusEventReply, BusGroupLine, BusReply } from '../gateway/index.ts';
import type { MeshClient } from './mesh-client.ts';
import { ConnectionLost, call, callJson, readLines } from './socket.ts';

export interface EventToSend {
  readonly key: string;
  readonly data: Uint8Array;
  readonly id?: string;
}

const topicPath = (topic: string): string => `/v1/bus/${encodeURIComponent(topic)}`;
const backMs = 200;

/** Resolves with the events' positions once they are durable. After a lost node they may be stored twice, under the ids they have. */
export async function publishEvents(
  client: MeshClient,
  topic: string,
  events: readonly EventToSend[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const json = { events: events.map((event) => ({ ...event, data: Buffer.from(event.data).toString('base64') })) };
  const reply = await client.request<{ positions: string[] }>(topicPath(topic), { method: 'POST', json, signal });
  return reply.positions;
}

export function busGroups(client: MeshClient, signal?: AbortSignal): Promise<BusReply> {
  return client.request('/v1/bus', { signal });
}

/** Lines of one stream after another, each opened where `path` says then; ends only by the signal or a refusal. */
async function* streams<T>(client: MeshClient, path: () => string, signal: AbortSignal): AsyncGenerator<T> {
  for (;;) {
    const { socket } = client;
    try {
      const response = await call(socket, path(), { signal });
      yield* readLines<T>(socket, response, signal);
      throw new ConnectionLost(socket, 'the node ended the stream');
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await client.moveOn(error, signal);
      await new Promise((resolve) => setTimeout(resolve, backMs));
    }
  }
}

/** `from`: `first`, `new`, or positions joined by commas. After the loss of a node it goes on where it was; with `new`, from then on. */
export async function* readEvents(
  client: MeshClient,
  topic: string,
  from: string,
  signal: AbortSignal,
): AsyncGenerator<BusEventReply> {
  const last = new Map<string, string>();
  const note = (position: string): void => void last.set(position.split(':')[0]!, position);
  if (from !== 'first' && from !== 'new') for (const position of from.split(',')) note(position);
  const path = (): string =>
    `${topicPath(topic)}?from=${encodeURIComponent(from === 'new' || last.size === 0 ? from : [...last.values()].join(','))}`;
  for await (const event of streams<BusEventReply>(client, path, signal)) {
    note(event.position);
    yield event;
  }
}

/** `handle` is given batches in order; each is acknowledged when it resolves, and with false it was the last one. */
export async function consumeEvents(
  client: MeshClient,
  topic: string,
  group: string,
  options: {
    readonly from: 'first' | 'new';
    readonly signal: AbortSignal;
    readonly handle: (events: readonly BusEventReply[]) => Promise<boolean> | boolean;
  },
): Promise<void> {
  const path = (): string => `${topicPath(topic)}/groups/${encodeURIComponent(group)}?from=${options.from}`;
  for await (const { consumer, batch, events } of streams<BusGroupLine>(client, path, options.signal)) {
    const goesOn = await options.handle(events);
    // Said with the last one, so that nothing more is given, and no event blamed for ending a consumer that never saw it.
    const json = { batch, isLast: !goesOn };
    await callJson(client.socket, `/v1/bus/consumers/${consumer}`, { method: 'POST', json }).catch((error: unknown) => {
      // The stream says so too, and what was not acknowledged comes again.
      if (!(error instanceof ConnectionLost)) throw error;
    });
    if (!goesOn) return;
  }
}
