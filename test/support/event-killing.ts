// Law: consumers are killed with SIGKILL, one after the other, while events keep coming; in the end every event was handled, and in no key
// one before the one before it. Used by the tests for a few kills and by the soak for a hundred.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Carrier, openCarrier } from './event-carriers.ts';
import { startNatsServer } from './nats.ts';
import { repository } from './process.ts';
import { realClock } from './world.ts';

export interface KillingReport {
  readonly kills: number;
  readonly published: number;
  readonly handled: number;
  readonly missing: number;
  /** What came too early, in words. */
  readonly misorder: string | undefined;
}

const keys = 16;
const consumersAtOnce = 3;
const leaseMs = 1_000;
const stalledMs = 60_000;

/** How long a process has been ready to run and was given no processor, in ms; 0 where the system does not say. */
function starvedMs({ pid }: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function killConsumers(options: {
  readonly carrier: Carrier;
  readonly kills: number;
  readonly betweenMs: number;
  readonly eventsPerSecond: number;
  readonly onProgress?: (text: string) => void;
}): Promise<KillingReport> {
  const server = options.carrier === 'jetstream' ? await startNatsServer({ jetstream: true }) : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'parley-events-'));
  const file = join(folder, 'handled');
  const clock = realClock();
  const own = await openCarrier(options.carrier, {
    ...(server === undefined ? {} : { address: server.url }),
    index: 0,
    parent: folder,
  });
  const { bus } = own;
  const children: ChildProcess[] = [];
  let started = 0;
  const startConsumer = (): void => {
    const args = [options.carrier, own.address, String(++started), folder, file, String(leaseMs)];
    const script = join(repository, 'test/support/event-consumer.ts');
    children.push(spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'inherit'] }));
  };
  const killOne = async (): Promise<void> => {
    const child = children.shift()!;
    const gone = new Promise((resolve) => void child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  try {
    for (let i = 0; i < consumersAtOnce; i++) startConsumer();
    let published = 0;
    let isPublishing = true;
    const publishing = (async () => {
      const startMs = clock.monotonicMs();
      const pending = new Set<Promise<unknown>>();
      while (isPublishing) {
        const due = ((clock.monotonicMs() - startMs) / 1_000) * options.eventsPerSecond;
        for (; published < due; published++) {
          const number = Math.floor(published / keys);
          const sent = bus.publish('orders', { key: `k${published % keys}`, data: Buffer.from(String(number)) });
          pending.add(sent);
          void sent.finally(() => pending.delete(sent));
        }
        await pause(10);
      }
      await Promise.all(pending);
    })();
    const read = (): string[] => {
      try {
        return readFileSync(file, 'utf8').split('\n').slice(0, -1);
      } catch {
        return [];
      }
    };
    while (read().length === 0) await pause(50);
    for (let kill = 1; kill <= options.kills; kill++) {
      await pause(options.betweenMs);
      await killOne();
      startConsumer();
      if (kill % 10 === 0) options.onProgress?.(`${kill} consumers killed, ${published} events published`);
    }
    isPublishing = false;
    await publishing;
    const missing = (): number => published - new Set(read()).size;
    // However slow the machine: what still moves is not lost, nor is what got no processor to move on. At the lowest priority beside busy
    // processes a consumer is given five milliseconds of a second, and takes minutes to start.
    let stillMs = 0;
    for (let left = missing(); left > 0 && stillMs < stalledMs; ) {
      const [sinceMs, before] = [clock.monotonicMs(), children.map(starvedMs)];
      await pause(250);
      const elapsedMs = clock.monotonicMs() - sinceMs;
      const starved = Math.max(...children.map((child, index) => starvedMs(child) - before[index]!));
      stillMs += Math.max(0, elapsedMs - starved);
      const now = missing();
      if (now < left) stillMs = 0;
      left = now;
    }
    const next = new Map<string, number>();
    let misorder: string | undefined;
    const lines = read();
    for (const line of lines) {
      const [key = '', number = ''] = line.split(' ');
      const due = next.get(key) ?? 0;
      if (Number(number) > due) misorder ??= `${key}: ${number} was handled before ${due}`;
      if (Number(number) === due) next.set(key, due + 1);
    }
    return { kills: options.kills, published, handled: lines.length, missing: missing(), misorder };
  } finally {
    while (children.length > 0) await killOne();
    await own.close();
    await server?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
