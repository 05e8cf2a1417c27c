// Law: servers of a cluster are killed with SIGKILL, one after the other, under two members that talk and a publisher that counts what was
// acknowledged: no frame that was accepted is lost, repeated or out of order, no acknowledged event is missing, and the silence is measured.
import { createNatsNetwork, openJetStreamBus } from '../../protocols/nats/index.ts';
import { deployCluster } from './nats-deploy.ts';
import { createCrypto, patientMs, realClock, realRandom, realScheduler, testIdentity, until } from './world.ts';

export interface FailoverReport {
  readonly kills: number;
  readonly frames: number;
  readonly framesInOrder: boolean;
  /** Longest silence at the other member after each kill of the server in use. */
  readonly gapsMs: readonly number[];
  readonly acknowledged: number;
  readonly missing: number;
  /** Longest time without an event acknowledged. */
  readonly publishGapsMs: readonly number[];
  readonly peersLost: number;
}

const passwords = { PARLEY_NODE_PASSWORD: 'of-the-nodes', PARLEY_CLIENT_PASSWORD: 'of-the-clients' };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Longer than any fail-over that is still called one takes to begin. */
const watchedMs = 1_500;

function createSilence() {
  let lastMs = performance.now();
  let longest = 0;
  return {
    heard(): void {
      longest = Math.max(longest, performance.now() - lastMs);
      lastMs = performance.now();
    },
    restart(): void {
      longest = 0;
    },
    isOver: (): boolean => performance.now() - lastMs < 200,
    longestMs: (): number => longest,
  };
}

export async function killServers(kills: number): Promise<FailoverReport> {
  const cluster = await deployCluster(passwords);
  const access = { servers: cluster.urls, credentials: { user: 'node', password: passwords.PARLEY_NODE_PASSWORD } };
  const clock = realClock();
  const closers: (() => Promise<unknown>)[] = [() => cluster.end()];
  try {
    const networks = await Promise.all(
      [0, 1].map((index) =>
        createNatsNetwork({
          ...access,
          identity: testIdentity(index),
          meshId: new Uint8Array(32).fill(1),
          preSharedKey: new Uint8Array(32).fill(2),
          crypto: createCrypto(),
          allow: () => true,
          log: () => {},
        }),
      ),
    );
    const [a, b] = networks as [(typeof networks)[0], (typeof networks)[0]];
    closers.push(() => Promise.all(networks.map((network) => network.close())));
    await until('both up', () => a.peers().length === 1 && b.peers().length === 1);
    let peersLost = 0;
    for (const network of networks) network.onPeer(({ up }) => void (up || peersLost++));
    // A cluster needs its leader before it takes a stream.
    let bus: Awaited<ReturnType<typeof openJetStreamBus>> | undefined;
    for (const endMs = clock.monotonicMs() + 2 * patientMs; bus === undefined; ) {
      try {
        bus = await openJetStreamBus({
          ...access,
          clock,
          scheduler: realScheduler(clock),
          random: realRandom(),
          crypto: createCrypto(),
          log: () => {},
        });
      } catch (error) {
        if (clock.monotonicMs() > endMs) throw error;
        await pause(250);
      }
    }
    const own = bus;
    closers.push(() => own.close());

    const got: number[] = [];
    const frameSilence = createSilence();
    const ackSilence = createSilence();
    b.onFrame((_, frame) => {
      got.push(Buffer.from(frame).readUInt32BE());
      frameSilence.heard();
    });
    let isRunning = true;
    let sent = 0;
    const sending = (async () => {
      for (; isRunning; await pause(5)) {
        const frame = Buffer.alloc(4);
        frame.writeUInt32BE(sent);
        if (a.send(b.self, frame)) sent++;
      }
    })();
    const acknowledged: string[] = [];
    const publishing = (async () => {
      for (let i = 0; isRunning; i++) {
        const data = `event ${i}`;
        await own.publish('orders', { key: 'k', data: Buffer.from(data) }).then(
          () => {
            acknowledged.push(data);
            ackSilence.heard();
          },
          () => {},
        );
        await pause(5);
      }
    })();
    const gapsMs: number[] = [];
    const publishGapsMs: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      await pause(1_000);
      const inUse = (kill % 2 === 0 ? a : b).server();
      const victim = cluster.servers.find(({ port }) => inUse?.endsWith(`:${port}`) === true);
      if (victim === undefined) throw new Error(`no server of the cluster is at ${inUse}`);
      for (const silence of [frameSilence, ackSilence]) silence.restart();
      await victim.kill();
      await pause(watchedMs);
      await until('frames and acknowledgements again', () => frameSilence.isOver() && ackSilence.isOver());
      gapsMs.push(frameSilence.longestMs());
      publishGapsMs.push(ackSilence.longestMs());
      await victim.restart();
      await pause(1_000);
    }
    isRunning = false;
    await Promise.all([sending, publishing]);
    await until('the last frame', () => got.length >= sent || peersLost > 0);
    const stop = new AbortController();
    const stored = new Set<string>();
    const stalled = setTimeout(() => stop.abort(), patientMs);
    for await (const { data } of own.read('orders', { from: 'first', signal: stop.signal })) {
      stored.add(Buffer.from(data).toString());
      if (acknowledged.every((one) => stored.has(one))) stop.abort();
    }
    clearTimeout(stalled);
    return {
      kills,
      frames: got.length,
      framesInOrder: got.length === sent && got.every((number, index) => number === index),
      gapsMs,
      acknowledged: acknowledged.length,
      missing: acknowledged.filter((one) => !stored.has(one)).length,
      publishGapsMs,
      peersLost,
    };
  } finally {
    for (const close of closers.reverse()) await close().catch(() => {});
  }
}
