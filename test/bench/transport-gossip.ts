// Law: what a publication costs is compared with what the same library costs as it comes, message for message, in turns, in one process.
// Usage: node test/bench/transport-gossip.ts [rounds] [--nodes 2,5,10,20]
import { gossipsub } from '@libp2p/gossipsub';
import { z } from 'zod';
import { createLibp2pNetwork, type Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { createPostOffice, defineMessage, type PostOffice } from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realRandom, testIdentity, until } from '../support/world.ts';
import { alternate, type Block, blockCpuMs, cpuMicros, judged, medianOf, ratioOf } from './alternate.ts';
import { type BareNode, bareNode } from './bare-libp2p.ts';

const meshId = new Uint8Array(32).fill(1);
const news = defineMessage('bench.news', z.object({ data: z.instanceof(Uint8Array) }));
const rounds = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 9);
const nodesAt = process.argv.indexOf('--nodes');
const counts = (nodesAt < 0 ? '2,5,10,20' : process.argv[nodesAt + 1]!).split(',').map(Number);
const sizes = [256, 4_096, 65_536];
const ratioGoal = 0.25;
/** Every connection is two handshakes and their signatures, all in this process: twenty nodes need some 15 s of CPU. */
const formingMaxMs = 300_000;
/** A publication that is not everywhere by then is counted as lost. */
const patienceMs = 10_000;
const idleMs = 5_000;
/** Publications on their way at once: few enough of the large ones that gossipsub does not have to buffer them. */
const inFlightOf = (size: number): number => (size > 16_384 ? 2 : 16);

const startMs = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startMs) / 1_000).toFixed(0).padStart(4)} s  ${text}`);

/** Counts deliveries and wakes who waits for them: looking again and again would be counted as their cost. */
function createTally() {
  let count = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let wake = (): void => {};
  return {
    count: () => count,
    add(): void {
      if (++count >= wanted) wake();
    },
    /** Until so many are there, or `patienceMs` have passed. */
    async reached(target: number): Promise<void> {
      if (count >= target) return;
      wanted = target;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, patienceMs);
      });
      clearTimeout(timer);
      wanted = Number.POSITIVE_INFINITY;
    },
  };
}

let counter = 0;
const distinct = (size: number): Uint8Array => {
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, counter++);
  return data;
};

/** gossipsub as it comes, but for the score that takes many nodes on one host for an attack. */
async function bareMesh(count: number) {
  const nodes: BareNode[] = await Promise.all(
    Array.from({ length: count }, () =>
      bareNode({
        pubsub: gossipsub({ scoreParams: { IPColocationFactorWeight: 0 }, allowPublishToZeroTopicPeers: true }),
      }),
    ),
  );
  const tally = createTally();
  for (const node of nodes) {
    node.services.pubsub!.subscribe('news');
    node.services.pubsub!.addEventListener('message', () => tally.add());
  }
  for (const [i, node] of nodes.entries())
    await Promise.all(nodes.slice(i + 1).map((other) => node.dial(other.getMultiaddrs())));
  await until(
    'subscriptions',
    () => nodes.every((node) => node.services.pubsub!.getSubscribers('news').length === count - 1),
    formingMaxMs,
  );
  return {
    publish: (data: Uint8Array) => nodes[0]!.services.pubsub!.publish('news', data),
    tally,
    close: () => Promise.all(nodes.map((node) => node.stop())),
  };
}

async function parleyMesh(count: number) {
  const networks: Libp2pNetwork[] = [];
  for (let index = 0; index < count; index++) {
    const network = await createLibp2pNetwork({
      identity: testIdentity(index),
      meshId,
      preSharedKey: new Uint8Array(32).fill(2),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: networks.flatMap((earlier) => earlier.addresses()),
      allow: () => true,
      log: () => {},
    });
    networks.push(network);
    // One after the other: all handshakes at once in one process outlast their time limits, end, and begin again.
    await until('the earlier nodes', () => network.peers().length === index, formingMaxMs);
  }
  await until('a full mesh', () => networks.every((network) => network.peers().length === count - 1), formingMaxMs);
  const tally = createTally();
  const offices: PostOffice[] = networks.map((network, index) =>
    createPostOffice({
      identity: testIdentity(index),
      meshId,
      crypto: createCrypto(),
      clock: realClock(),
      random: realRandom(),
      network,
      log: () => {},
    }),
  );
  for (const office of offices) {
    office.subscribe('news');
    office.on(news, () => tally.add());
  }
  return {
    publish: (data: Uint8Array) => offices[0]!.publish('news', news, { data }),
    tally,
    close: () => Promise.all(networks.map((network) => network.close())),
  };
}

interface Mesh {
  publish(data: Uint8Array): unknown;
  readonly tally: ReturnType<typeof createTally>;
}

/** What both meshes cost while nothing is published, in microseconds of CPU per millisecond: nobody's delivery, and on a busy machine a lot. */
let idleUsPerMs = 0;
async function measureIdle(): Promise<void> {
  const [before, beganMs] = [cpuMicros(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  idleUsPerMs = (cpuMicros() - before) / (performance.now() - beganMs);
}

async function block(mesh: Mesh, size: number, perMessage: number): Promise<Block> {
  const { tally } = mesh;
  const [from, before, beganMs] = [tally.count(), cpuMicros(), performance.now()];
  let sent = 0;
  while (cpuMicros() - before < blockCpuMs * 1_000) {
    for (let i = 0; i < inFlightOf(size); i++, sent++) await mesh.publish(distinct(size));
    await tally.reached(from + sent * perMessage);
  }
  const deliveries = tally.count() - from;
  if (deliveries < (sent * perMessage) / 2)
    throw new Error(`${deliveries} of ${sent * perMessage} deliveries in time: this machine is too busy to measure on`);
  return {
    cpuUs: (cpuMicros() - before - idleUsPerMs * (performance.now() - beganMs)) / deliveries,
    perSecond: (deliveries / (performance.now() - beganMs)) * 1_000,
  };
}

async function gossip(count: number): Promise<void> {
  say(`${count} nodes in one process: two meshes, ${count * (count - 1)} connections`);
  // Bare libp2p connects nobody again: what a busy machine lost of it while the other mesh forms stays lost.
  const ours = await parleyMesh(count);
  const bare = await bareMesh(count);
  // Gossipsub grafts its own mesh in its first heartbeats.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await measureIdle();
  say(`${count} nodes are connected; idle they take ${(idleUsPerMs / 10).toFixed(1)} % of a core`);
  for (const size of sizes) {
    const blocks = await alternate(
      { bare: () => block(bare, size, count - 1), ours: () => block(ours, size, count - 1) },
      rounds,
    );
    for (const [name, of] of [
      ['gossipsub, its defaults (StrictSign)', blocks.bare],
      ['office.publish, each checked once', blocks.ours],
    ] as const)
      say(
        `${count} nodes, ${size} B  ${name}`.padEnd(58) +
          `${medianOf(of, ({ perSecond }) => perSecond)
            .toFixed(0)
            .padStart(9)} deliveries/s` +
          `${medianOf(of, ({ cpuUs }) => cpuUs)
            .toFixed(0)
            .padStart(8)} us of CPU each`,
      );
    say(
      `${count} nodes, ${size} B  CPU per delivery, of gossipsub's defaults: ${judged(
        ratioOf(blocks.ours, blocks.bare, ({ cpuUs }) => cpuUs),
        ratioGoal,
      )}`,
    );
  }
  await Promise.all([bare.close(), ours.close()]);
}

for (const count of counts) await gossip(count);
process.exit();
