// Law: Parley over NATS is measured against what it rides on: a bare NATS request, a bare NATS publish, and a bare TCP socket, in the same
// run, on the same machine, with the same payload; what was asked for is printed beside what was met.
// Usage: node test/bench/transport-nats.ts [rounds]
import { type ChildProcess, spawn } from 'node:child_process';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { createNatsNetwork, type NatsNetwork } from '../../protocols/nats/index.ts';
import { createSplitter, encodedBytes, encodeInto, frameKind } from '../../protocols/network/index.ts';
import { natsServerBinary, startNatsServer } from '../support/nats.ts';
import { createCrypto, testIdentity, until } from '../support/world.ts';
import { alternate, collect, cpuMicros, printBlocks, requestBlock } from './alternate.ts';

const sizes = [256, 4_096, 65_536];
const counts = [2, 5, 10, 20];
const ratioGoal = 1.3;
const rounds = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 7);
const floodMs = 500;
const publishInFlight = 16;

const open = (url: string, index: number): Promise<NatsNetwork> =>
  createNatsNetwork({
    identity: testIdentity(index),
    meshId: new Uint8Array(32).fill(1),
    preSharedKey: new Uint8Array(32).fill(2),
    servers: [url],
    crypto: createCrypto(),
    allow: () => true,
    log: () => {},
  });

async function runChild(url: string): Promise<void> {
  const bare = await connect({ servers: url });
  bare.subscribe('bench.echo', { callback: (_, message) => void message.respond(message.data) });
  const network = await open(url, 1);
  network.serve((_, frame) => frame);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.on('message', (what) => {
    if (what === 'begin') collect();
    process.send!(cpuMicros());
  });
  process.on('disconnect', () => process.exit());
  process.send!((server.address() as { port: number }).port);
}

/** Frames behind a length over one socket, replies in order. */
function tcpCaller(socket: Socket): (payload: Uint8Array) => Promise<void> {
  const waiting: (() => void)[] = [];
  const splitter = createSplitter(() => waiting.shift()?.());
  socket.on('data', (chunk: Buffer) => splitter.push(chunk));
  return (payload) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      const bytes = new Uint8Array(encodedBytes(frameKind.frame, payload));
      encodeInto(bytes, 0, frameKind.frame, 0, payload);
      socket.write(bytes);
    });
}

async function requestReply(url: string): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', url], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const next = (): Promise<number> =>
    new Promise((resolve) => void child.once('message', (value) => resolve(value as number)));
  const port = await next();
  const ask = (what: 'begin' | 'cpu'): Promise<number> => {
    const reply = next();
    child.send(what);
    return reply;
  };
  const other = { begin: () => ask('begin'), cpuMicros: () => ask('cpu') };
  const bare = await connect({ servers: url });
  const network = await open(url, 0);
  const peer = testIdentity(1).id;
  await until('the peer', () => network.peers().includes(peer), 10_000);
  const socket = connectTcp(port, '127.0.0.1');
  socket.setNoDelay(true);
  const tcp = tcpCaller(socket);
  for (const size of sizes) {
    const payload = new Uint8Array(size);
    const blocks = await alternate(
      {
        'bare TCP': () => requestBlock(other, size, () => tcp(payload)),
        'bare NATS request': () =>
          requestBlock(other, size, () => bare.request('bench.echo', payload, { timeout: 5_000 })),
        'Parley over NATS': () => requestBlock(other, size, () => network.request(peer, payload, { timeoutMs: 5_000 })),
      },
      rounds,
    );
    printBlocks(size, blocks, 'bare NATS request', 'Parley over NATS', ratioGoal);
  }
  socket.destroy();
  await Promise.all([bare.close(), network.close()]);
  const gone = new Promise((resolve) => void child.once('exit', resolve));
  child.disconnect();
  await gone;
}

/** Publishes while at most so many are on their way to somebody; deliveries per second, and CPU of this process for each. */
async function flood(
  publish: () => void,
  received: () => number,
  perPublish: number,
): Promise<readonly [number, number]> {
  let sent = 0;
  const [from, before, startMs] = [received(), cpuMicros(), performance.now()];
  while (performance.now() - startMs < floodMs) {
    while (sent * perPublish - (received() - from) < publishInFlight * perPublish) {
      publish();
      sent++;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const deliveries = received() - from;
  return [(deliveries / (performance.now() - startMs)) * 1_000, (cpuMicros() - before) / deliveries];
}

async function publishGrid(url: string): Promise<void> {
  console.log('\npublish, nodes in one process        bare NATS deliveries/s  CPU us     Parley deliveries/s  CPU us');
  for (const count of counts) {
    const bare: NatsConnection[] = await Promise.all(Array.from({ length: count }, () => connect({ servers: url })));
    let bareGot = 0;
    for (const one of bare.slice(1)) one.subscribe('bench.news', { callback: () => void bareGot++ });
    await Promise.all(bare.map((one) => one.flush()));
    const networks = await Promise.all(Array.from({ length: count }, (_, index) => open(url, 100 + index)));
    await until('a full mesh', () => networks.every((network) => network.peers().length === count - 1), 60_000);
    let got = 0;
    for (const network of networks.slice(1)) network.subscribe('news', () => void got++);
    for (const size of sizes) {
      const payload = new Uint8Array(size);
      const [bareRate, bareCpu] = await flood(
        () => bare[0]!.publish('bench.news', payload),
        () => bareGot,
        count - 1,
      );
      const [rate, cpu] = await flood(
        () => networks[0]!.publish('news', payload),
        () => got,
        count - 1,
      );
      console.log(
        `${`${count} nodes, ${size} B`.padEnd(36)} ${bareRate.toFixed(0).padStart(22)} ${bareCpu.toFixed(1).padStart(7)} ${rate.toFixed(0).padStart(23)} ${cpu.toFixed(1).padStart(7)}`,
      );
    }
    await Promise.all([...bare.map((one) => one.close()), ...networks.map((network) => network.close())]);
  }
}

if (process.argv[2] === 'child') await runChild(process.argv[3]!);
else if (natsServerBinary !== undefined) {
  const server = await startNatsServer();
  await requestReply(server.url);
  await publishGrid(server.url);
  await server.end();
  process.exit();
}
