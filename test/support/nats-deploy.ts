// Law: what is tested of deploy/nats is what is shipped: the files as they are, copied to a folder of their own, with nothing changed but the
// addresses and ports that a test must not share.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { nkeys } from '@nats-io/nats-core';
import { type NatsServer, startNatsServer } from './nats.ts';
import { freePorts } from './ports.ts';
import { repository } from './process.ts';

export const deployFolder = join(repository, 'deploy/nats');

export interface DeployedServer extends NatsServer {
  /** Where its copies of the configuration are. */
  readonly configuration: string;
}

export async function deployServer(
  file: string,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly replace?: readonly (readonly [string, string])[];
    /** Called with the folder before the server starts: certificates and tokens go there. */
    readonly prepare?: (folder: string) => void;
  } = {},
): Promise<DeployedServer> {
  const configuration = mkdtempSync(join(tmpdir(), 'parley-nats-conf-'));
  cpSync(deployFolder, configuration, { recursive: true });
  let text = readFileSync(join(configuration, file), 'utf8')
    .replace(/^http:.*$/m, '')
    .replace(/"\.\/(?=[a-z])/g, `"${configuration}/`);
  text = text.replaceAll(`include "${configuration}/`, 'include "./');
  for (const [from, to] of options.replace ?? []) text = text.replaceAll(from, to);
  writeFileSync(join(configuration, file), text);
  options.prepare?.(configuration);
  try {
    const server = await startNatsServer({ args: ['-c', join(configuration, file)], env: options.env ?? {} });
    return Object.defineProperties(server, {
      configuration: { value: configuration },
      end: {
        value: async () => {
          await server.kill();
          rmSync(server.folder, { recursive: true, force: true });
          rmSync(configuration, { recursive: true, force: true });
        },
      },
    }) as DeployedServer;
  } catch (error) {
    rmSync(configuration, { recursive: true, force: true });
    throw error;
  }
}

export interface NatsCluster {
  readonly servers: readonly DeployedServer[];
  readonly urls: readonly string[];
  end(): Promise<void>;
}

/** Three servers of cluster.conf. */
export async function deployCluster(passwords: Readonly<Record<string, string>>): Promise<NatsCluster> {
  const ports = await freePorts(3);
  const routes = Object.fromEntries(
    ports.map((port, index) => [`PARLEY_ROUTE_${index + 1}`, `nats-route://route:of-routes@127.0.0.1:${port}`]),
  );
  const servers = await Promise.all(
    ports.map((port, index) =>
      deployServer('cluster.conf', {
        env: { ...passwords, ...routes, PARLEY_SERVER: `nats-${index + 1}`, PARLEY_ROUTE_PASSWORD: 'of-routes' },
        replace: [['0.0.0.0:6222', `127.0.0.1:${port}`]],
      }),
    ),
  );
  return {
    servers,
    urls: servers.map(({ url }) => url),
    end: async () => void (await Promise.all(servers.map((server) => server.end()))),
  };
}

/** A certificate authority of the test, and a server's certificate by it, as secure.conf names them. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...by);
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A token as `nsc` makes it: NATS's own JWT, signed by `issuer`. */
export function tokenOf(issuer: KeyPair, subject: string, name: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { jti: name, iat: 1_700_000_000, iss: issuer.getPublicKey(), name, sub: subject, nats };
  const said = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${said}.${Buffer.from(issuer.sign(new TextEncoder().encode(said))).toString('base64url')}`;
}

/** The lists of permissions.conf, as they stand there. */
export function permissionsOf(who: 'NODE' | 'CLIENT'): { readonly publish: string[]; readonly subscribe: string[] } {
  const text = readFileSync(join(deployFolder, 'permissions.conf'), 'utf8').replace(/#.*$/gm, '');
  const block = text.slice(text.indexOf(`${who}_PERMISSIONS`));
  const listAfter = (word: string): string[] => {
    const from = block.slice(block.indexOf(`${word}:`));
    return [...from.slice(from.indexOf('['), from.indexOf(']')).matchAll(/"([^"]+)"/g)].map(([, subject]) => subject!);
  };
  return { publish: listAfter('publish'), subscribe: listAfter('subscribe') };
}
