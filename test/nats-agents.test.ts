// Law: a client of the Synadia Agent Protocol for NATS 0.3 finds the mesh, prompts it and gets a certified answer, with nothing but the
// protocol; what is not read-only happens only after somebody said yes to that very plan.
import { readFileSync } from 'node:fs';
import { connect, createInbox, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../actors/proof/index.ts';
import { eventually, localFile, pause, TestMesh } from './support/mesh.ts';
import { type NatsServer, natsServerBinary, startNatsServer } from './support/nats.ts';
import { largestSums, packagesPath, readPackages } from './support/packages.ts';
import { createCrypto, patientMs } from './support/world.ts';

const words = 'total installed_size per section in packages.csv, top 5';
const attachments = [{ filename: 'packages.csv', content: readFileSync(packagesPath).toString('base64') }];

interface Chunk {
  readonly type: string;
  readonly data: string | { readonly text: string; readonly attachments?: readonly { readonly content: string }[] };
}
interface Query {
  readonly id: string;
  readonly reply_subject: string;
  readonly prompt: string;
}

describe.skipIf(natsServerBinary === undefined)('a mesh as an agent on NATS', () => {
  let server: NatsServer;
  let mesh: TestMesh;
  let client: NatsConnection;
  let promptSubject: string;
  const beats: Record<string, unknown>[] = [];

  beforeAll(async () => {
    server = await startNatsServer();
    client = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    client.subscribe('agents.hb.*.*.*', {
      callback: (_, message) => void beats.push({ subject: message.subject, ...message.json<object>() }),
    });
    await client.flush();
    mesh = await TestMesh.start(
      ['amber', 'birch'].map((name) => ({ name, nats: { servers: [server.url], approvals: true } })),
    );
  });
  afterAll(async () => {
    await client?.close();
    await mesh?.end();
    await server?.end();
  });

  /** The stream of a prompt, to its end: an empty message without headers. */
  const prompt = async (
    body: unknown,
    onQuery: (query: Query) => void = () => {},
    header?: readonly [string, string],
  ): Promise<{ readonly chunks: Chunk[]; readonly error: string | undefined; readonly description: string }> => {
    const chunks: Chunk[] = [];
    let failed: Msg | undefined;
    let ended = false;
    const inbox = createInbox();
    const subscription = client.subscribe(inbox, {
      callback: (_, message) => {
        if (message.headers !== undefined) failed = message;
        else if (message.data.length === 0) ended = true;
        else {
          const chunk = message.json<Chunk>();
          chunks.push(chunk);
          if (chunk.type === 'query') onQuery(chunk.data as unknown as Query);
        }
      },
    });
    const options = { reply: inbox, ...(header === undefined ? {} : { headers: headers() }) };
    if (header !== undefined) options.headers?.set(...header);
    client.publish(promptSubject, typeof body === 'string' ? body : JSON.stringify(body), options);
    await eventually('the terminator', () => ended);
    subscription.unsubscribe();
    return {
      chunks,
      error: failed?.headers?.get('Nats-Service-Error-Code'),
      description: failed?.headers?.get('Nats-Service-Error') ?? '',
    };
  };
  const answerOf = (chunks: readonly Chunk[]) =>
    chunks.find(({ type }) => type === 'response')!.data as Exclude<Chunk['data'], string>;

  it('is found by name with what the protocol asks for, and beats with the same identity', async () => {
    interface Info {
      readonly metadata: Record<string, string>;
      readonly id: string;
      readonly endpoints: readonly { name: string; subject: string; queue_group: string; metadata: object }[];
    }
    // Each node stands for the mesh, and for itself.
    const infos = await eventually('four services', async () => {
      const found: Info[] = [];
      for await (const message of await client.requestMany('$SRV.INFO.agents', '', {
        strategy: 'timer',
        maxWait: 1_000,
      }))
        found.push(message.json());
      return found.length >= 4 ? found : undefined;
    });
    expect(infos.length).toBe(4);
    const { id: meshId } = (await mesh.status('amber')).mesh;
    const whole = infos.filter(({ metadata }) => metadata.session === meshId);
    expect(whole.length).toBe(2);
    expect(whole[0]!.metadata).toMatchObject({ agent: 'mesh', owner: 'test', protocol_version: '0.3' });
    const [found] = whole[0]!.endpoints.filter(({ name }) => name === 'prompt');
    expect(found).toMatchObject({
      subject: `agents.prompt.mesh.test.${meshId}`,
      queue_group: 'agents',
      metadata: { max_payload: '1MB', attachments_ok: 'true' },
    });
    promptSubject = found!.subject;
    const beat = await eventually('its beat', () => beats.find(({ instance_id }) => instance_id === whole[0]!.id));
    expect(beat).toMatchObject({
      subject: `agents.hb.mesh.test.${meshId}`,
      agent: 'mesh',
      owner: 'test',
      session: meshId,
      interval_s: 30,
    });
    const status = await client.request(`agents.status.mesh.test.${meshId}`, '', { timeout: patientMs });
    expect(status.json()).toMatchObject({ agent: 'mesh', session: meshId, interval_s: 30 });
  });

  it('answers a prompt with attachments: ack first, a certified result, then the terminator', async () => {
    const { chunks, error } = await prompt({ prompt: words, attachments, extra: { kept: true } });
    expect(error).toBeUndefined();
    expect(chunks[0]).toEqual({ type: 'status', data: 'ack' });
    const answer = answerOf(chunks);
    expect((JSON.parse(answer.text) as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
    const certificate = new Uint8Array(Buffer.from(answer.attachments![0]!.content, 'base64'));
    expect(verifyCertificateFile(certificate, { crypto: createCrypto() }).ok).toBe(true);
  });

  it('asks before it writes, and writes only after a yes', async () => {
    const request = { prompt: `${words}, then write it to sizes.md`, attachments };
    const asked: Query[] = [];
    const refused = await prompt(request, (query) => {
      asked.push(query);
      client.publish(query.reply_subject, 'no');
    });
    expect([refused.error, refused.chunks.some(({ type }) => type === 'response')]).toEqual(['403', false]);
    expect(asked[0]!.prompt).toContain('writes');
    const approved = await prompt(request, (query) => {
      client.publish(query.reply_subject, JSON.stringify({ prompt: 'yes' }));
    });
    expect(approved.error).toBeUndefined();
    expect(answerOf(approved.chunks).attachments!.length).toBe(1);
  });

  it('goes on over the other transport when the NATS server is killed, and no node counts as gone', async () => {
    await server.kill();
    const { detail } = await mesh.ask(words, [localFile('packages.csv', readFileSync(packagesPath))], {
      node: 'amber',
    });
    expect(detail.state).toBe('completed');
    await pause(5_000);
    // Nobody is taken for gone; on a machine under load somebody may be suspected for a moment.
    await eventually('both', async () => {
      const { peers } = await mesh.status('birch');
      expect(peers.map(({ state }) => state)).not.toContain('dead');
      return peers.length === 2 && peers.every(({ connected, state }) => connected && state === 'alive');
    });
    await server.restart();
    await eventually('the service', async () => {
      const reply = await client.request('$SRV.PING.agents', '', { timeout: 500 });
      return reply.data.length > 0;
    });
  });

  it('says with the protocol’s codes what is wrong, and ends the stream', async () => {
    expect(await prompt({ prompt: '' })).toMatchObject({ error: '400', chunks: [] });
    expect(await prompt({ prompt: words, attachments: [{ filename: '../x', content: '' }] })).toMatchObject({
      error: '400',
    });
    expect(await prompt('please reflect upon the universe')).toMatchObject({ error: '400' });
    expect(
      await prompt(words, undefined, ['Agent-Sender', '{"v":1,"account":"A","user":"U","sig":"x"}']),
    ).toMatchObject({
      error: '401',
      chunks: [],
    });
  });
});
