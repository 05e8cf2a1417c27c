// Law: the peer we are measured against runs as its packagers ship it: three members, fsync on, asked over its own protocol at its leader.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface Etcd {
  readonly pids: readonly number[];
  /** One write, resolved when etcd says it is committed. */
  put(key: string, value: Uint8Array): Promise<void>;
  stop(): void;
}

const membersCount = 3;

/** Undefined where there is no etcd on this machine. */
export async function startEtcd(folder: string): Promise<Etcd | undefined> {
  if (spawnSync('etcd', ['--version']).error !== undefined) return undefined;
  const ports = await freePorts(membersCount * 2);
  const peerUrl = (i: number): string => `http://127.0.0.1:${ports[i]}`;
  const clientUrl = (i: number): string => `http://127.0.0.1:${ports[membersCount + i]}`;
  const cluster = Array.from({ length: membersCount }, (_, i) => `e${i}=${peerUrl(i)}`).join();
  const processes: ChildProcess[] = [];
  for (let i = 0; i < membersCount; i++) {
    const settings = {
      name: `e${i}`,
      'data-dir': join(folder, `etcd-${i}`),
      'listen-peer-urls': peerUrl(i),
      'initial-advertise-peer-urls': peerUrl(i),
      'listen-client-urls': clientUrl(i),
      'advertise-client-urls': clientUrl(i),
      'initial-cluster': cluster,
      'initial-cluster-state': 'new',
      'log-level': 'error',
    };
    const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    processes.push(spawn('etcd', flags, { stdio: 'ignore' }));
  }
  const stop = (): void => {
    for (const each of processes) each.kill('SIGKILL');
  };
  try {
    const leader = await findLeader(Array.from({ length: membersCount }, (_, i) => clientUrl(i)));
    const session = connectHttp2(leader);
    return {
      pids: processes.map(({ pid }) => pid!),
      async put(key, value) {
        await call(session, '/etcdserverpb.KV/Put', Buffer.concat([field(1, Buffer.from(key)), field(2, value)]));
      },
      stop() {
        session.destroy();
        stop();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

type Session = ReturnType<typeof connectHttp2>;

/** A unary gRPC call: one length-prefixed protobuf message each way over HTTP/2. */
function call(session: Session, path: string, message: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let status = '';
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
    request.on('error', reject);
    request.on('end', () =>
      status === '0'
        ? resolve(Buffer.concat(chunks).subarray(5))
        : reject(new Error(`etcd: ${path}: status ${status}`)),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    request.end(Buffer.concat([head, message]));
  });
}

/** A protobuf field of bytes shorter than 16 KiB. */
function field(number: number, bytes: Uint8Array): Buffer {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** StatusResponse of the maintenance service: header (1) with the member's id (2), and the leader's id (4). */
async function findLeader(urls: readonly string[]): Promise<string> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    for (const url of urls) {
      const session = connectHttp2(url);
      session.on('error', () => {});
      try {
        const status = readFields(await call(session, '/etcdserverpb.Maintenance/Status', new Uint8Array(0)));
        const header = readFields(status.get(1) as Buffer);
        if (status.get(4) !== undefined && status.get(4) === header.get(2)) return url;
      } catch {
        // Not up yet.
      } finally {
        session.destroy();
      }
    }
    if (performance.now() > endMs) throw new Error('etcd elected no leader within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function readFields(message: Buffer): Map<number, bigint | Buffer> {
  const fields = new Map<number, bigint | Buffer>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const value = varint();
    if ((tag & 7) === 0) fields.set(tag >> 3, value);
    else {
      fields.set(tag >> 3, message.subarray(at, at + Number(value)));
      at += Number(value);
    }
  }
  return fields;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
