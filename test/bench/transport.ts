// Law: a transport figure is a ratio: every peer it is compared with runs in the same run, on the same machine, with the same payload.
// Usage: node test/bench/transport.ts [rounds]   (two processes: request/reply; five: memory, start-up)
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { z } from 'zod';
import { createLibp2pNetwork, type Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { createPostOffice, defineRequest, type PostOffice } from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realRandom, testIdentity, until } from '../support/world.ts';
import { alternate, collect, cpuMicros, type Other, printBlocks, requestBlock } from './alternate.ts';
import { bareNode } from './bare-libp2p.ts';

const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);
const echoProtocol = '/bench/echo/1';
const blob = z.object({ data: z.instanceof(Uint8Array) });
const echo = defineRequest('bench.echo', blob, blob);
const rounds = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 7);
const nodesAtOnce = 5;
const sizes = [256, 4_096, 65_536];
const requestRatioGoal = 1.3;
/** The same process also runs a network without an office on it, under its own identity. */
const rawOffset = 50;

const startNetwork = (index: number, bootstrap: readonly string[] = []): Promise<Libp2pNetwork> =>
  createLibp2pNetwork({
    identity: testIdentity(index),
    meshId,
    preSharedKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap,
    allow: () => true,
    log: () => {},
  });
const officeOn = (network: Libp2pNetwork, index: number): PostOffice =>
  createPostOffice({
    identity: testIdentity(index),
    meshId,
    crypto: createCrypto(),
    clock: realClock(),
    random: realRandom(),
    network,
    log: () => {},
  });

/** One message, one `send`, one reply in order: what the library gives without anything on top. */
function bareCaller(stream: Stream, size: number): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let bytes = 0;
  stream.addEventListener('message', ({ data }) => {
    for (bytes += data.byteLength; bytes >= size; bytes -= size) waiting.shift()?.();
  });
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      stream.send(new Uint8Array(size));
    });
}

interface Child extends Other {
  readonly process: ChildProcess;
  readonly addresses: { readonly bare: string; readonly raw: string; readonly mesh: string };
  readonly startMs: number;
  rssBytes(): Promise<number>;
}

async function spawnChild(index: number, ...bootstrap: string[]): Promise<Child> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', `i${index}`, ...bootstrap], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const next = (): Promise<Record<string, never>> =>
    new Promise((resolve) => void child.once('message', (message) => resolve(message as Record<string, never>)));
  const addresses = (await next()) as unknown as Child['addresses'];
  const ask = async (what: string): Promise<number> => {
    const reply = next();
    child.send(what);
    return (await reply) as unknown as number;
  };
  return {
    process: child,
    addresses,
    startMs: performance.now() - startMs,
    begin: () => ask('begin'),
    cpuMicros: () => ask('cpu'),
    rssBytes: () => ask('rss'),
  };
}

async function runChild(): Promise<void> {
  const index = Number(process.argv[3]!.slice(1));
  const network = await startNetwork(index, process.argv.slice(4));
  const office = officeOn(network, index);
  office.answer(echo, (body) => body);
  let bareAddress = '';
  let rawAddress = '';
  if (process.argv.length === 4) {
    const bare = await bareNode();
    await bare.handle(echoProtocol, (stream) =>
      stream.addEventListener('message', ({ data }) => void stream.send(data)),
    );
    bareAddress = String(bare.getMultiaddrs()[0]);
    const raw = await startNetwork(index + rawOffset);
    raw.serve((_, frame) => frame);
    rawAddress = raw.addresses()[0]!;
  }
  process.on('message', (what) => {
    if (what === 'begin') collect();
    process.send!(what === 'rss' ? process.memoryUsage.rss() : cpuMicros());
  });
  process.on('disconnect', () => process.exit());
  process.send!({ bare: bareAddress, raw: rawAddress, mesh: network.addresses()[0] });
}

async function requestReply(): Promise<void> {
  const child = await spawnChild(1);
  const network = await startNetwork(0, [child.addresses.mesh]);
  const office = officeOn(network, 0);
  const peer = testIdentity(1).id;
  const raw = await startNetwork(rawOffset, [child.addresses.raw]);
  const rawPeer = testIdentity(1 + rawOffset).id;
  await until('the peers', () => network.peers().includes(peer) && raw.peers().includes(rawPeer));
  const bare = await bareNode();
  const connection = await bare.dial(multiaddr(child.addresses.bare));

  for (const size of sizes) {
    const payload = new Uint8Array(size);
    const bareCall = bareCaller(await connection.newStream(echoProtocol), size);
    const blocks = await alternate(
      {
        'bare libp2p stream': () => requestBlock(child, size, bareCall),
        'network.request': () => requestBlock(child, size, () => raw.request(rawPeer, payload, { timeoutMs: 5_000 })),
        'office.request (signed both ways)': () =>
          requestBlock(child, size, () => office.request(peer, echo, { data: payload }, { timeoutMs: 5_000 })),
      },
      rounds,
    );
    printBlocks(size, blocks, 'bare libp2p stream', 'network.request', requestRatioGoal);
  }
  await Promise.all([network.close(), raw.close(), bare.stop()]);
  child.process.kill();
}

async function memory(): Promise<void> {
  const children: Child[] = [];
  for (let i = 0; i < nodesAtOnce; i++)
    children.push(await spawnChild(i + 1, '/ip4/127.0.0.1/tcp/9', ...children.map(({ addresses }) => addresses.mesh)));
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const cpuBefore = await Promise.all(children.map((child) => child.cpuMicros()));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const cpuAfter = await Promise.all(children.map((child) => child.cpuMicros()));
  const rss = await Promise.all(children.map((child) => child.rssBytes()));
  const idle = cpuAfter.reduce((sum, value, i) => sum + value - cpuBefore[i]!, 0) / children.length / 5_000_000;
  console.log(
    `\na process with ${nodesAtOnce - 1} peers, idle: RSS ${rss.map((bytes) => (bytes / 1e6).toFixed(0)).join(', ')} MB; CPU ${(idle * 100).toFixed(1)} % of a core`,
  );
  console.log(`process start to listening: ${children.map(({ startMs }) => startMs.toFixed(0)).join(', ')} ms`);
  for (const child of children) child.process.kill();
}

if (process.argv[2] === 'child') await runChild();
else {
  await requestReply();
  await memory();
  process.exit();
}
