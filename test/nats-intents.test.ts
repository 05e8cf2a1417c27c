// Law: any NATS client gets from a mesh what a person at its socket gets: an answer with its certificate, the same one for the same key,
// or a reason. Neither the death of the server nor that of a node loses an intent.
import { readFileSync } from 'node:fs';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../actors/proof/index.ts';
import type { WorkflowEvent } from '../node/client/index.ts';
import { eventually, localFile, pause, TestMesh } from './support/mesh.ts';
import { type NatsServer, natsServerBinary, startNatsServer } from './support/nats.ts';
import { largestSums, packagesPath, readPackages } from './support/packages.ts';
import { createCrypto, patientMs } from './support/world.ts';

const words = 'total installed_size per section in packages.csv, top 5';
const inline = [{ name: 'packages.csv', content: readFileSync(packagesPath).toString('base64') }];
const expected = largestSums(readPackages(packagesPath), 5);
const names = ['amber', 'birch', 'cedar', 'dahlia'];

interface Outcome {
  readonly workflow: string;
  readonly state: string;
  readonly result: { readonly rows: unknown };
  readonly certificate: string;
}
interface Reply {
  readonly ok: boolean;
  readonly workflow: string;
  readonly repeated: boolean;
  readonly events: string;
  readonly result: string;
  readonly outcome?: Outcome;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly questions?: readonly string[];
  };
}

describe.skipIf(natsServerBinary === undefined)('a mesh of four processes on NATS alone', () => {
  let server: NatsServer;
  let mesh: TestMesh;
  let client: NatsConnection;
  let submitted = 0;

  beforeAll(async () => {
    server = await startNatsServer({ jetstream: true });
    mesh = await TestMesh.start(names.map((name) => ({ name, isNatsAlone: true, nats: { servers: [server.url] } })));
    client = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    // A mesh is formed a moment before its nodes stand as a service.
    await eventually('the service', async () => {
      const reply = await client.request('$SRV.PING.parley', '', { timeout: 1_000 });
      return reply.data.length > 0;
    });
  });
  afterAll(async () => {
    await client?.close();
    await mesh?.end();
    await server?.end();
  });

  const request = async (subject: string, body: unknown): Promise<Reply> =>
    (await client.request(subject, JSON.stringify(body), { timeout: patientMs })).json<Reply>();
  const submit = (intent: Record<string, unknown>): Promise<Reply> =>
    request('parley.intent.submit', { words, files: inline, ...intent });
  const key = (): string => `test-key-${++submitted}`;
  const convince = (outcome: Outcome): void => {
    expect(outcome.state).toBe('completed');
    expect(outcome.result.rows).toEqual(expected);
    const file = new Uint8Array(Buffer.from(outcome.certificate, 'base64'));
    const verdict = verifyCertificateFile(file, { crypto: createCrypto() });
    if (!verdict.ok) throw new Error(verdict.reason);
    expect(verdict.ok).toBe(true);
  };
  /** What `follow` sends until it ends. */
  const follow = async (workflow: string): Promise<{ readonly events: WorkflowEvent[]; readonly outcome: Outcome }> => {
    const messages: Msg[] = [];
    const inbox = createInbox();
    const subscription = client.subscribe(inbox, { callback: (_, message) => void messages.push(message) });
    client.publish(`parley.workflow.${workflow}.follow`, '', { reply: inbox });
    await eventually('the end of the workflow', () => messages.at(-1)?.data.length === 0);
    subscription.unsubscribe();
    const told = messages.slice(0, -1).map((message) => message.json<{ type: string }>());
    return {
      events: told.filter(({ type }) => type !== 'outcome' && type !== 'keepalive') as unknown as WorkflowEvent[],
      outcome: told.find(({ type }) => type === 'outcome') as unknown as Outcome,
    };
  };

  it('reaches a certified result for an intent of a NATS client, and tells it on the subjects of the workflow', async () => {
    const events: { readonly id: string | undefined; readonly event: WorkflowEvent }[] = [];
    const outcomes: Outcome[] = [];
    client.subscribe('parley.workflow.*.events', {
      callback: (_, message) =>
        void events.push({ id: message.headers?.get('Nats-Msg-Id'), event: message.json<WorkflowEvent>() }),
      max: 200,
    });
    client.subscribe('parley.workflow.*.result', {
      callback: (_, message) => void outcomes.push(message.json()),
      max: 1,
    });
    await client.flush();
    const reply = await submit({ idempotencyKey: key() });
    expect(reply).toMatchObject({ ok: true, repeated: false });
    await eventually('the result', () => outcomes.length === 1);
    convince(outcomes[0]!);
    expect(outcomes[0]!.workflow).toBe(reply.workflow);
    expect(events.map(({ event }) => event.type)).toContain('decided');
    expect(events[0]!.event.type).toBe('opened');
    await eventually('its last event', () => events.at(-1)?.event.type === 'ended');
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it('tells whoever asks later the whole story, from the beginning, and its outcome', async () => {
    const reply = await submit({ idempotencyKey: key() });
    const { events, outcome } = await follow(reply.workflow);
    convince(outcome);
    expect([events[0]!.type, events.at(-1)!.type]).toEqual(['opened', 'ended']);
    const again = await follow(reply.workflow);
    // Each node tells it in the order in which it learned of it.
    for (const type of ['opened', 'candidate', 'decided', 'ended'])
      expect(again.events.map((event) => event.type)).toContain(type);
    // The node that is asked may be the last to learn of the end.
    const got = await eventually(
      'its outcome',
      async () => (await request(`parley.workflow.${reply.workflow}.get`, {})).outcome,
    );
    // Another node may prove the same decision by other votes.
    for (const told of [again.outcome, got]) {
      convince(told);
      expect({ ...told, type: 'outcome', certificate: '' }).toEqual({ ...outcome, certificate: '' });
    }
  });

  it('answers a repeat of an idempotency key with the first workflow and its result, at whatever node', async () => {
    const idempotencyKey = key();
    const first = await submit({ idempotencyKey });
    await follow(first.workflow);
    for (let i = 0; i < 6; i++) {
      const outcome = await eventually('its outcome, where the end is known', async () => {
        const again = await submit({ idempotencyKey });
        expect(again).toMatchObject({ ok: true, repeated: true, workflow: first.workflow });
        return again.outcome;
      });
      convince(outcome);
    }
    expect(await submit({ idempotencyKey, words: 'count rows in packages.csv' })).toMatchObject({
      ok: false,
      error: { code: 'conflict' },
    });
  });

  it('says why it does not do what it does not understand, is not allowed, or cannot read', async () => {
    const abstained = await client.request(
      'parley.intent.submit',
      JSON.stringify({ words: 'please reflect upon the universe', files: inline }),
      { timeout: patientMs },
    );
    expect(abstained.headers?.get('Nats-Service-Error-Code')).toBe('422');
    expect(abstained.json<Reply>().error).toMatchObject({ code: 'abstained', message: expect.any(String) });
    expect(await submit({ words: `${words}, then write it to sizes.md` })).toMatchObject({
      ok: false,
      error: { code: 'needs_approval' },
    });
    expect(await submit({ words: `${words}, then write it to sizes.md`, approved: true })).toMatchObject({
      ok: false,
      error: { code: 'denied', hint: expect.stringContaining('approvals') },
    });
    expect(await submit({ files: [{ name: '../packages.csv', content: '' }] })).toMatchObject({
      ok: false,
      error: { code: 'bad_request' },
    });
    expect(
      await submit({ files: [{ name: 'packages.csv', content: Buffer.alloc(600_000).toString('base64') }] }),
    ).toMatchObject({ ok: false, error: { code: 'bad_request', message: expect.stringContaining('524288') } });
    expect(await submit({ files: [{ name: 'packages.csv', digest: '0'.repeat(64), sizeBytes: 10 }] })).toMatchObject({
      ok: false,
      error: { code: 'bad_request', message: expect.stringContaining('packages.csv') },
    });
    const noJson = (
      await client.request('parley.intent.submit', 'total per section', { timeout: patientMs })
    ).json<Reply>();
    expect(noJson).toMatchObject({ ok: false, error: { code: 'bad_request' } });
  });

  it('lists every node and endpoint to the standard service tools, and counts what was asked', async () => {
    const gather = (subject: string, count: number): Promise<Record<string, unknown>[]> =>
      eventually(`${count} answers to ${subject}`, async () => {
        const found: Record<string, unknown>[] = [];
        for await (const message of await client.requestMany(subject, '', { strategy: 'timer', maxWait: 700 }))
          found.push(message.json());
        return found.length >= count ? found : undefined;
      });
    const pings = await gather('$SRV.PING.parley', 4);
    expect(pings.map(({ metadata }) => (metadata as { node: string }).node).sort()).toEqual(names);
    expect(new Set(pings.map(({ id }) => id)).size).toBe(4);
    const [info] = await gather(`$SRV.INFO.parley.${pings[0]!.id}`, 1);
    expect(info).toMatchObject({ type: 'io.nats.micro.v1.info_response', name: 'parley' });
    expect((info!.endpoints as { subject: string }[]).map(({ subject }) => subject)).toContain('parley.intent.submit');
    const stats = await gather('$SRV.STATS.parley', 4);
    const submits = stats.map(({ endpoints }) => (endpoints as Record<string, number>[])[0]!);
    expect(submits.reduce((sum, { num_requests }) => sum + num_requests!, 0)).toBeGreaterThan(5);
    expect(submits.reduce((sum, { num_errors }) => sum + num_errors!, 0)).toBeGreaterThan(3);
    expect((await gather('$SRV.PING', 4)).length).toBeGreaterThanOrEqual(4);
  });

  it('reaches its certified result though the NATS server is killed while the workflow runs, and comes back', async () => {
    let away: Promise<void> | undefined;
    const asking = mesh.ask(words, [localFile('packages.csv', readFileSync(packagesPath))], {
      node: 'birch',
      onOpened: () => {
        away = server
          .kill()
          .then(() => pause(1_500))
          .then(() => server.restart());
      },
    });
    const { detail, elapsedMs } = await asking;
    await away;
    console.log(`certified after ${Math.round(elapsedMs)} ms, the NATS server away for 1500 ms of them`);
    expect(detail.state).toBe('completed');
    expect((detail.result!.json as { rows: unknown }).rows).toEqual(expected);
    await mesh.formed();
  });

  it('tells the result although the node that took the intent is killed as soon as it opened it', async () => {
    const outcomes: Outcome[] = [];
    let killed: string | undefined;
    let killing: Promise<void> | undefined;
    const events = client.subscribe('parley.workflow.*.events', {
      callback: (_, message) => {
        const event = message.json<WorkflowEvent>();
        if (event.type !== 'opened' || killed !== undefined) return;
        killed = event.node;
        killing = mesh.kill(killed);
      },
    });
    const results = client.subscribe('parley.workflow.*.result', {
      callback: (_, message) => void outcomes.push(message.json()),
    });
    await client.flush();
    const idempotencyKey = key();
    // What a client does that gets no answer: it asks again, under the same key.
    const reply = await eventually('an acknowledgement', async () => {
      const intent = JSON.stringify({ words, files: inline, idempotencyKey });
      const answer = await client.request('parley.intent.submit', intent, { timeout: 10_000 });
      return answer.json<Reply>();
    });
    await eventually('its killing', () => killed);
    await killing;
    expect(reply.ok).toBe(true);
    const outcome = await eventually(
      'the result',
      () => reply.outcome ?? outcomes.find(({ workflow }) => workflow === reply.workflow),
    );
    convince(outcome);
    events.unsubscribe();
    results.unsubscribe();
    await mesh.restart(killed!);
  });

  it('opens an intent that was queued while no node was up, once, though its first taker died with it', async () => {
    await mesh.formed();
    await Promise.all(names.map((name) => mesh.stop(name)));
    const manager = await jetstreamManager(client);
    const replyTo = createInbox();
    const answers: Reply[] = [];
    client.subscribe(replyTo, { callback: (_, message) => void answers.push(message.json()) });
    const queued = await jetstream(client).publish(
      'parley.intent.queue',
      JSON.stringify({ words, files: inline, replyTo }),
    );
    expect(queued.stream).toBe('PARLEY_INTENTS');
    await pause(500);
    expect((await manager.streams.info('PARLEY_INTENTS')).state.messages).toBe(1);
    // Takes it as a node does, and is never heard of again.
    const taken = await (await jetstream(client).consumers.get('PARLEY_INTENTS', 'parley')).next({
      expires: patientMs,
    });
    expect(taken?.info.deliveryCount).toBe(1);
    await Promise.all(names.map((name) => mesh.startNode(name)));
    await mesh.formed();
    await eventually('the acknowledgement', () => answers.length > 0, 2 * patientMs);
    expect(answers[0]).toMatchObject({ ok: true });
    const { outcome } = await follow(answers[0]!.workflow);
    convince(outcome);
    await eventually('an empty queue', async () => (await manager.streams.info('PARLEY_INTENTS')).state.messages === 0);
    expect(answers.length).toBe(1);
  });
});
