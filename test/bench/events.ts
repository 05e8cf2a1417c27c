// Law: a figure of the event bus is taken between two processes, the publisher's and the consumer's, from publish to handled, each event
// counted; what was asked for is printed beside what was met.
// Usage: node test/bench/events.ts [seconds per row]   (JetStream where nats-server is installed; lanes over libp2p, on disk)
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Carrier, type OpenedBus, openCarrier } from '../support/event-carriers.ts';
import { natsServerBinary, startNatsServer } from '../support/nats.ts';
import { until } from '../support/world.ts';

const eventBytes = 256;
const keys = 64;
const inFlightMax = 4_096;
const goal = { perSecond: 10_000, p99Ms: 100, atPerSecond: 5_000 };
const nowMs = (): number => performance.timeOrigin + performance.now();
const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Counts {
  readonly handled: number;
  readonly cpuMicros: number;
  /** Since the last question. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function runChild(kind: Carrier, address: string): Promise<void> {
  const own = await openCarrier(kind, { address, index: 1 });
  let handled = 0;
  let delaysMs: number[] = [];
  await own.bus.join('bench', 'bench', {
    handle(events) {
      const at = nowMs();
      handled += events.length;
      for (const { data } of events) delaysMs.push(at - Buffer.from(data).readDoubleBE(0));
    },
  });
  process.on('message', (what) => {
    if (what === 'stop') return void own.close().then(() => process.exit());
    delaysMs.sort((a, b) => a - b);
    const at = (share: number): number => delaysMs[Math.floor(delaysMs.length * share)] ?? Number.NaN;
    process.send!({ handled, cpuMicros: cpuMicros(), p50Ms: at(0.5), p99Ms: at(0.99) } satisfies Counts);
    delaysMs = [];
  });
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

async function measure(kind: Carrier, own: OpenedBus, seconds: number): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', kind, own.address], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const next = (): Promise<unknown> => new Promise((resolve) => void child.once('message', resolve));
  const ask = async (): Promise<Counts> => {
    const reply = next();
    child.send('counts');
    return (await reply) as Counts;
  };
  await next();
  await until('the consumer', () => own.peers() > 0, 10_000);
  let published = 0;
  const publish = (): Promise<string> => {
    const data = Buffer.alloc(eventBytes);
    data.writeDoubleBE(nowMs());
    return own.bus.publish('bench', { key: `k${published++ % keys}`, data });
  };
  const caughtUp = async (): Promise<Counts> => {
    const endMs = performance.now() + 60_000;
    for (;;) {
      const counts = await ask();
      if (counts.handled >= published || performance.now() > endMs) return counts;
      await pause(20);
    }
  };
  // The group has settled once the first events came through.
  while ((await ask()).handled < keys) {
    await publish();
    await pause(2);
  }
  const start = await caughtUp();
  const from = published;
  const startMs = performance.now();
  const cpuBefore = cpuMicros();
  let inFlight = 0;
  let wake = (): void => {};
  while (performance.now() - startMs < seconds * 1_000) {
    if (inFlight >= inFlightMax) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    inFlight++;
    void publish().finally(() => {
      inFlight--;
      wake();
    });
    if (published % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const end = await caughtUp();
  const elapsedMs = performance.now() - startMs;
  const count = published - from;
  const perSecond = ((end.handled - start.handled) / elapsedMs) * 1_000;
  const cpuUs = (cpuMicros() - cpuBefore + end.cpuMicros - start.cpuMicros) / count;
  const line = (what: string, value: string, isMet: boolean, wanted: string): void =>
    console.log(
      `${kind.padEnd(10)} ${what.padEnd(44)} ${value.padStart(18)}   ${isMet ? 'met' : 'missed'} (${wanted})`,
    );
  line(
    `published and handled, ${eventBytes} B, ${cpuUs.toFixed(1)} us CPU/event`,
    `${perSecond.toFixed(0)}/s`,
    perSecond >= goal.perSecond,
    `≥ ${goal.perSecond}/s`,
  );
  const missing = published - end.handled;
  line('published and not handled', String(Math.max(0, missing)), missing <= 0, '0');

  await ask();
  const pacedMs = performance.now();
  let sent = 0;
  while (performance.now() - pacedMs < seconds * 1_000) {
    for (const due = ((performance.now() - pacedMs) / 1_000) * goal.atPerSecond; sent < due; sent++) void publish();
    await pause(1);
  }
  const paced = await caughtUp();
  line(
    `publish to handled at ${goal.atPerSecond}/s, p50 / p99`,
    `${paced.p50Ms.toFixed(1)} / ${paced.p99Ms.toFixed(1)} ms`,
    paced.p99Ms <= goal.p99Ms,
    `p99 ≤ ${goal.p99Ms} ms`,
  );
  const gone = new Promise((resolve) => void child.once('exit', resolve));
  child.send('stop');
  await gone;
  await own.close();
}

if (process.argv[2] === 'child') await runChild(process.argv[3] as Carrier, process.argv[4]!);
else {
  const seconds = Number(process.argv.find((argument) => /^[\d.]+$/.test(argument)) ?? 5);
  if (natsServerBinary !== undefined) {
    const server = await startNatsServer({ jetstream: true });
    await measure('jetstream', await openCarrier('jetstream', { address: server.url, index: 0 }), seconds);
    await server.end();
  }
  await measure('lanes', await openCarrier('lanes', { index: 0 }), seconds);
  process.exit();
}
