import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsServer, natsServerBinary, startNatsServer } from '../../test/support/nats.ts';
import { patientMs, until } from '../../test/support/world.ts';
import { intentQueueSubject } from './queue.ts';
import { openSecondRoute } from './second-route.ts';

describe.skipIf(natsServerBinary === undefined)('an intent on a queue whose stream does not answer', () => {
  let server: NatsServer;
  let node: NatsConnection;
  let client: NatsConnection;
  beforeAll(async () => {
    // Without JetStream nobody ever speaks for the stream: an election without an end.
    server = await startNatsServer();
    [node, client] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })]);
  });
  afterAll(async () => {
    await Promise.all([node.close(), client.close()]);
    await server.end();
  });

  const route = (accept: (intent: string) => Promise<{ workflow: string }>) =>
    openSecondRoute<string>({
      connection: node,
      queueGroup: 'nodes',
      read: (bytes) => (bytes.length === 0 ? undefined : new TextDecoder().decode(bytes)),
      accept,
    });

  it('is acknowledged to a JetStream publisher once the members hold it, and not before', async () => {
    let isHeld = false;
    const second = route(async (intent) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      isHeld = true;
      return { workflow: `of ${intent}` };
    });
    await node.flush();
    const kept = await jetstream(client, { timeout: patientMs }).publish(intentQueueSubject, 'one');
    expect(isHeld).toBe(true);
    expect(kept).toMatchObject({ stream: 'PARLEY_INTENTS', duplicate: true, workflow: 'of one' });
    second.stop();
  });

  it('is not acknowledged where it cannot be opened, and is left to the stream where it has no key', async () => {
    const asked: string[] = [];
    const second = route(async (intent) => {
      asked.push(intent);
      if (intent === 'bad') throw new Error('not understood');
      return { workflow: 'w' };
    });
    const answered: string[] = [];
    for (const name of ['', 'bad', 'good'])
      client.subscribe(`_INBOX.answer.${name || 'none'}`, { callback: () => void answered.push(name) });
    await Promise.all([node.flush(), client.flush()]);
    for (const name of ['', 'bad', 'good'])
      client.publish(intentQueueSubject, name, { reply: `_INBOX.answer.${name || 'none'}` });
    await until('the answer', () => answered.length > 0, patientMs);
    expect(answered).toEqual(['good']);
    expect(asked).toEqual(['bad', 'good']);
    second.stop();
  });
});
