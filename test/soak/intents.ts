// Law: an intent that is published right after the server died that leads the queue's stream is acknowledged before the others have
// elected another, and reaches its result, once. Usage: node test/soak/intents.ts [kills]
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { eventually, pause, TestMesh } from '../support/mesh.ts';
import { natsServerBinary } from '../support/nats.ts';
import { deployCluster } from '../support/nats-deploy.ts';
import { packagesPath } from '../support/packages.ts';

const kills = Number(process.argv[2] ?? 10);
const goalMs = 2_000;
/** A client that hears nothing for so long asks again, under the same key. */
const answerMs = 1_000;
const settledMs = 3_000;
const patientMs = 120_000;
const stream = 'PARLEY_INTENTS';
if (natsServerBinary === undefined) process.exit();

interface Reply {
  readonly ok: boolean;
  readonly workflow: string;
  readonly outcome?: { readonly state: string };
}

const passwords = { PARLEY_NODE_PASSWORD: 'of-the-nodes', PARLEY_CLIENT_PASSWORD: 'of-the-clients' };
const cluster = await deployCluster(passwords);
let mesh: TestMesh | undefined;
try {
  const passwordFile = join(cluster.servers[0]!.folder, 'node-password');
  writeFileSync(passwordFile, `${passwords.PARLEY_NODE_PASSWORD}\n`, { mode: 0o600 });
  const nats = { servers: [...cluster.urls], user: 'node', passwordFile };
  mesh = await TestMesh.start(['amber', 'birch', 'cedar', 'dahlia'].map((name) => ({ name, nats })));
  const reconnecting = { servers: [...cluster.urls], maxReconnectAttempts: -1, reconnectTimeWait: 100, timeout: 1_000 };
  const client = await connect({ ...reconnecting, user: 'client', pass: passwords.PARLEY_CLIENT_PASSWORD });
  const node = await connect({ ...reconnecting, user: 'node', pass: passwords.PARLEY_NODE_PASSWORD });
  const opened = new Set<string>();
  node.subscribe('parley.workflow.*.events', {
    callback: (_, message) => void opened.add(message.subject.split('.')[2]!),
  });
  const leader = (): Promise<string> =>
    eventually(
      'a leader of the stream, and three copies of it',
      async () => {
        const manager = await jetstreamManager(node, { timeout: 1_000 });
        const { cluster: state } = await manager.streams.info(stream);
        return (state?.replicas ?? []).every(({ current }) => current) ? state?.leader || undefined : undefined;
      },
      patientMs,
    );
  const files = [{ name: 'packages.csv', content: readFileSync(packagesPath).toString('base64') }];
  const words = 'total installed_size per section in packages.csv, top 5';
  /** Until it is acknowledged; by whom. */
  const publish = async (idempotencyKey: string): Promise<'stream' | 'mesh'> => {
    const intent = JSON.stringify({ words, files, idempotencyKey });
    for (const endMs = performance.now() + patientMs; ; ) {
      try {
        const { seq } = await jetstream(client, { timeout: answerMs }).publish('parley.intent.queue', intent);
        return seq === 0 ? 'mesh' : 'stream';
      } catch (error) {
        if (performance.now() > endMs) throw error;
        await pause(50);
      }
    }
  };

  await leader();
  await publish('before-the-first-kill');
  const keys = ['before-the-first-kill'];
  const gapsMs: number[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    await pause(settledMs);
    const name = await leader();
    const victim = cluster.servers[Number(name.split('-')[1]) - 1]!;
    await victim.kill();
    const startMs = performance.now();
    keys.push(`after-kill-${kill}`);
    const by = await publish(keys.at(-1)!);
    gapsMs.push(performance.now() - startMs);
    console.log(`  kill ${kill} of ${kills}: ${name}; acknowledged by the ${by} after ${gapsMs.at(-1)!.toFixed(0)} ms`);
    await victim.restart();
  }
  await leader();
  let completed = 0;
  for (const idempotencyKey of keys)
    await eventually(
      `the result of ${idempotencyKey}`,
      async () => {
        const body = JSON.stringify({ words, files, idempotencyKey });
        const reply = (await client.request('parley.intent.submit', body, { timeout: 5_000 })).json<Reply>();
        return reply.outcome?.state === 'completed';
      },
      patientMs,
    ).then(() => completed++);
  gapsMs.sort((a, b) => a - b);
  const p99Ms = gapsMs[Math.min(gapsMs.length - 1, Math.floor(gapsMs.length * 0.99))]!;
  const isMet = p99Ms <= goalMs && completed === keys.length && opened.size === keys.length;
  console.log(
    `${kills} leaders of ${stream} killed: acknowledged again after p50 ${gapsMs[gapsMs.length >> 1]!.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms; ${keys.length} acknowledged, ${completed} with their result, ${opened.size} workflows: ${isMet ? 'met' : 'missed'} (p99 ≤ ${goalMs} ms, each once)`,
  );
  process.exitCode = isMet ? 0 : 1;
  await Promise.all([client.close(), node.close()]);
} finally {
  await mesh?.end();
  await cluster.end();
}
process.exit();
