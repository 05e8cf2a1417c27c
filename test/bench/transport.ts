// Law: a transport figure is a ratio: every peer it is compared with runs in the same run, on the same machine, with the same payload.
// Usage: node test/bench/transport.ts [seconds per row]   (two processes: request/reply; 2 to 20 nodes: publish; memory, start-up)
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gossipsub } from '@libp2p/gossipsub';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { z } from 'zod';
import { createLibp2pNetwork, type Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { createPostOffice, defineMessage, defineRequest, type PostOffice } from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realRandom, testIdentity, until } from '../support/world.ts';
import { bareNode } from './bare-libp2p.ts';

const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);
const echoProtocol = '/bench/echo/1';
const blob = z.object({ data: z.instanceof(Uint8Array) });
const echo = defineRequest('bench.echo', blob, blob);
const news = defineMessage('bench.news', blob);
const seconds = Number(process.argv.find((argument) => /^[\d.]+$/.test(argument)) ?? 2);
const nodesAtOnce = 5;
const sizes = [256, 4_096, 65_536];
const counts = [2, 5, 10, 20];
/** Of publications that are on their way, so that large ones do not fill what gossipsub buffers. */
const publishInFlightOf = (size: number): number => (size > 16_384 ? 2 : 16);
const requestRatioGoal = 1.3;
const gossipRatioGoal = 0.25;
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

interface Sample {
  readonly p50Ms: number;
  readonly perSecond: number;
  /** Both processes. */
  readonly cpuUs: number;
}

const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function measure(child: Child, call: () => Promise<unknown>): Promise<Sample> {
  for (let i = 0; i < 300; i++) await call();
  const rtts: number[] = [];
  const endMs = performance.now() + seconds * 500;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    await call();
    rtts.push(performance.now() - startMs);
  }
  rtts.sort((a, b) => a - b);
  const cpuBefore = cpuMicros() + (await child.cpuMicros());
  let done = 0;
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1_000) {
      await call();
      done++;
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  const elapsedMs = performance.now() - startMs;
  const cpu = cpuMicros() + (await child.cpuMicros()) - cpuBefore;
  return { p50Ms: rtts[rtts.length >> 1]!, perSecond: (done / elapsedMs) * 1_000, cpuUs: cpu / done };
}

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

interface Child {
  readonly process: ChildProcess;
  readonly addresses: { readonly bare: string; readonly raw: string; readonly mesh: string };
  readonly startMs: number;
  cpuMicros(): Promise<number>;
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
  process.on('message', (what) => process.send!(what === 'cpu' ? cpuMicros() : process.memoryUsage.rss()));
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
    const rows: [string, Sample][] = [];
    rows.push([`bare libp2p stream`, await measure(child, bareCaller(await connection.newStream(echoProtocol), size))]);
    rows.push([`network.request`, await measure(child, () => raw.request(rawPeer, payload, { timeoutMs: 5_000 }))]);
    rows.push([
      `office.request (signed both ways)`,
      await measure(child, () => office.request(peer, echo, { data: payload }, { timeoutMs: 5_000 })),
    ]);
    const base = rows[0]![1];
    console.log(
      `\nrequest/reply, ${size} B, two processes        rtt p50 ms   (ratio)      req/s   (ratio)   CPU us/req`,
    );
    for (const [name, sample] of rows) {
      console.log(
        `${name.padEnd(44)} ${sample.p50Ms.toFixed(3).padStart(10)} ${(sample.p50Ms / base.p50Ms).toFixed(2).padStart(9)} ${sample.perSecond.toFixed(0).padStart(10)} ${(sample.perSecond / base.perSecond).toFixed(2).padStart(9)} ${sample.cpuUs.toFixed(1).padStart(12)}`,
      );
    }
    const ratio = base.perSecond / rows[1]![1].perSecond;
    console.log(
      `network.request takes ${ratio.toFixed(2)}× the bare stream's time at ${size} B: ${ratio <= requestRatioGoal ? 'met' : 'missed'} (≤ ${requestRatioGoal}×)`,
    );
  }
  await Promise.all([network.close(), raw.close(), bare.stop()]);
  child.process.kill();
}

async function gossip(count: number): Promise<void> {
  const rate = async (
    name: string,
    size: number,
    publish: (data: Uint8Array) => unknown,
    received: () => number,
  ): Promise<number> => {
    const perMessage = count - 1;
    let sent = 0;
    const startReceived = received();
    const cpuBefore = cpuMicros();
    const startMs = performance.now();
    while (performance.now() - startMs < seconds * 1_000) {
      for (let i = 0; i < publishInFlightOf(size); i++, sent++) await publish(distinct(size));
      const target = startReceived + sent * perMessage;
      const waitedMs = performance.now();
      while (received() < target && performance.now() - waitedMs < 2_000)
        await new Promise((resolve) => setImmediate(resolve));
    }
    const elapsedMs = performance.now() - startMs;
    const deliveries = received() - startReceived;
    console.log(
      `${`${size} B  ${name}`.padEnd(52)} ${((deliveries / elapsedMs) * 1_000).toFixed(0).padStart(12)} ${((cpuMicros() - cpuBefore) / deliveries).toFixed(0).padStart(18)} ${((100 * deliveries) / (sent * perMessage)).toFixed(1).padStart(12)}`,
    );
    return (cpuMicros() - cpuBefore) / deliveries;
  };
  let counter = 0;
  const distinct = (size: number): Uint8Array => {
    const data = new Uint8Array(size);
    new DataView(data.buffer).setUint32(0, counter++);
    return data;
  };
  console.log(`\n${`publish, ${count} nodes in one process`.padEnd(52)} deliveries/s    CPU us/delivery  delivered %`);

  const bare = await Promise.all(
    Array.from({ length: count }, () =>
      bareNode({
        pubsub: gossipsub({ scoreParams: { IPColocationFactorWeight: 0 }, allowPublishToZeroTopicPeers: true }),
      }),
    ),
  );
  let bareReceived = 0;
  for (const node of bare) {
    node.services.pubsub!.subscribe('news');
    node.services.pubsub!.addEventListener('message', () => void bareReceived++);
  }
  for (const [i, node] of bare.entries()) for (const other of bare.slice(i + 1)) await node.dial(other.getMultiaddrs());
  await until('subscriptions', () =>
    bare.every((node) => node.services.pubsub!.getSubscribers('news').length === count - 1),
  );
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const defaultsUs = new Map<number, number>();
  for (const size of sizes) {
    const us = await rate(
      'gossipsub, its defaults (StrictSign)',
      size,
      (data) => bare[0]!.services.pubsub!.publish('news', data),
      () => bareReceived,
    );
    defaultsUs.set(size, us);
  }
  await Promise.all(bare.map((node) => node.stop()));

  const networks: Libp2pNetwork[] = [];
  for (let i = 0; i < count; i++)
    networks.push(
      await startNetwork(
        i,
        networks.flatMap((network) => network.addresses()),
      ),
    );
  await until('a full mesh', () => networks.every((network) => network.peers().length === count - 1));
  let received = 0;
  for (const network of networks) network.subscribe('raw', () => void received++);
  const offices = networks.map(officeOn);
  let handled = 0;
  for (const office of offices) {
    office.subscribe('news');
    office.on(news, () => void handled++);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const size of sizes) {
    await rate(
      'network.publish',
      size,
      (data) => networks[0]!.publish('raw', data),
      () => received,
    );
    const oursUs = await rate(
      'office.publish (each checked once)',
      size,
      (data) => offices[0]!.publish('news', news, { data }),
      () => handled,
    );
    const ratio = oursUs / defaultsUs.get(size)!;
    console.log(
      `${size} B  CPU per delivery, signatures checked once: ${ratio.toFixed(2)}× of gossipsub's defaults: ${ratio <= gossipRatioGoal ? 'met' : 'missed'} (≤ ${gossipRatioGoal}×)`,
    );
  }
  await Promise.all(networks.map((network) => network.close()));
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
  for (const count of counts) await gossip(count);
  await memory();
  process.exit();
}
