// Law: the configurations with TLS, nkeys and tokens let in who should be let in, with the permissions of a node and no more, and nobody
// else: run by the real server, with certificates, keys and tokens made for the test.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { createNatsNetwork, type JetStreamBusOptions, openJetStreamBus } from '../protocols/nats/index.ts';
import { natsServerBinary } from './support/nats.ts';
import { deployServer, makeCertificates, permissionsOf, tokenOf } from './support/nats-deploy.ts';
import {
  createCrypto,
  patientMs,
  realClock,
  realRandom,
  realScheduler,
  recordingLog,
  testIdentity,
  until,
} from './support/world.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('notice: skipped, openssl is not installed (Debian: apt-get install openssl)');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A mesh of two and the event bus work with these credentials, and the server has nothing to refuse them. */
async function convince(access: Pick<JetStreamBusOptions, 'servers' | 'credentials' | 'tls'>): Promise<void> {
  const { log, lines } = recordingLog();
  const networks = await Promise.all(
    [0, 1].map((index) =>
      createNatsNetwork({
        ...access,
        identity: testIdentity(index),
        meshId: new Uint8Array(32).fill(1),
        preSharedKey: new Uint8Array(32).fill(2),
        crypto: createCrypto(),
        allow: () => true,
        log,
      }),
    ),
  );
  const [a, b] = networks;
  cleanups.push(() => Promise.all(networks.map((network) => network.close())));
  await until('both up', () => a!.peers().length === 1 && b!.peers().length === 1).catch((error: Error) => {
    throw new Error(`${error.message}; ${JSON.stringify(lines.slice(0, 4))}`);
  });
  b!.serve((_, frame) => frame);
  expect(await a!.request(b!.self, Uint8Array.of(7), { timeoutMs: patientMs })).toEqual(Uint8Array.of(7));
  const clock = realClock();
  const bus = await openJetStreamBus({
    ...access,
    clock,
    scheduler: realScheduler(clock),
    random: realRandom(),
    crypto: createCrypto(),
    log,
  });
  cleanups.push(() => bus.close());
  const handled: string[] = [];
  await bus.publish('orders', { key: 'a', data: Buffer.from('one') });
  const handle = (events: readonly { readonly data: Uint8Array }[]): void =>
    void handled.push(...events.map(({ data }) => Buffer.from(data).toString()));
  const membership = await bus.join('orders', 'billing', { leaseMs: 1_000, handle });
  await until('the event', () => handled.length === 1);
  await membership.leave();
  expect((await bus.groups()).length).toBe(1);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
}
const refusal = async (options: Parameters<typeof connect>[0]): Promise<string> => {
  try {
    const connection = await connect({ ...options, reconnect: false, timeout: patientMs });
    await connection.close();
    return 'let in';
  } catch (error) {
    return String(error);
  }
};

describe.skipIf(natsServerBinary === undefined || !hasOpenssl)('a NATS server', () => {
  it('with TLS and nkeys lets a mesh and its event bus in, and no other key, no password and no plain connection', async () => {
    const [node, client, stranger] = [nkeys.createUser(), nkeys.createUser(), nkeys.createUser()];
    const server = await deployServer('secure.conf', {
      env: { PARLEY_NODE_NKEY: node.getPublicKey(), PARLEY_CLIENT_NKEY: client.getPublicKey() },
      prepare: makeCertificates,
    });
    cleanups.push(() => server.end());
    const tls = { caFile: join(server.configuration, 'ca.pem') };
    const seedOf = (pair: typeof node): string => new TextDecoder().decode(pair.getSeed());
    await convince({ servers: [`nats://localhost:${server.port}`], tls, credentials: { nkeySeed: seedOf(node) } });
    const { nkeyAuthenticator } = await import('@nats-io/transport-node');
    const keyed = (pair: typeof node) => ({
      servers: server.url,
      tls,
      authenticator: nkeyAuthenticator(pair.getSeed()),
    });
    expect(await refusal(keyed(client))).toBe('let in');
    expect(await refusal(keyed(stranger))).toContain('Authorization');
    expect(await refusal({ servers: `localhost:${server.port}`, tls })).toContain('Authorization');
    // Signed by nobody that this client knows.
    expect(await refusal({ ...keyed(node), tls: {} })).toMatch(/certificate|TLS|verify/i);
  });

  it('with accounts lets in whom the operator’s token names, with its permissions, and no token of another operator', async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
    const system = nkeys.createAccount();
    const otherAccount = nkeys.createAccount();
    const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 };
    const storage = { mem_storage: 32 << 20, disk_storage: 900 << 20, streams: -1, consumer: -1 };
    const accountToken = (of: typeof account, jetStream: object): string =>
      tokenOf(operator, of.getPublicKey(), 'mesh', {
        limits: { ...unlimited, wildcards: true, ...jetStream },
        type: 'account',
        version: 2,
      });
    const server = await deployServer('accounts.conf', {
      prepare(folder) {
        const operatorToken = tokenOf(operator, operator.getPublicKey(), 'parley', { type: 'operator', version: 2 });
        writeFileSync(join(folder, 'operator.jwt'), operatorToken);
        writeFileSync(
          join(folder, 'preload.conf'),
          [
            `system_account: ${system.getPublicKey()}`,
            'resolver_preload: {',
            `  ${account.getPublicKey()}: "${accountToken(account, storage)}"`,
            `  ${system.getPublicKey()}: "${accountToken(system, {})}"`,
            '}',
          ].join('\n'),
        );
      },
    });
    cleanups.push(() => server.end());
    const { publish, subscribe } = permissionsOf('NODE');
    const credsOf = (by: typeof account): string => {
      const token = tokenOf(by, user.getPublicKey(), 'node', {
        pub: { allow: publish },
        sub: { allow: subscribe },
        subs: -1,
        data: -1,
        payload: -1,
        type: 'user',
        version: 2,
      });
      const seed = new TextDecoder().decode(user.getSeed());
      return `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    };
    await convince({ servers: [server.url], credentials: { creds: credsOf(account) } });
    const { credsAuthenticator } = await import('@nats-io/transport-node');
    const withCreds = (creds: string) => ({
      servers: server.url,
      authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    });
    expect(await refusal(withCreds(credsOf(otherAccount)))).toContain('Authorization');
    const connection = await connect(withCreds(credsOf(account)));
    cleanups.push(() => connection.close());
    const forbidden = connection.subscribe('$JS.ACK.>', { callback: () => {} });
    expect(String(await forbidden.closed)).toContain('Permissions Violation');
  });
});
