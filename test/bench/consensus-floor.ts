// Law: what a decision of four members cannot do without is measured by itself: its signatures, its synced records and its frames over the very
// transport, with no engine behind them. What the engine adds is the difference to `consensus.ts`; nothing here decides anything.
// Usage: node test/bench/consensus-floor.ts [decisions per flush …]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openVoteLog } from '../../actors/consensus/index.ts';
import { createStorage } from '../../node/world/index.ts';
import { createLibp2pNetwork, type Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { createCrypto, testIdentity, until } from '../support/world.ts';

const depths = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 8, 28, 90];
/** What each member writes down and says per decision of the mesh, in bytes, with payloads of 200: as counted in `consensus.ts`. */
const [recordBytes, frameBytes] = [850, 236];
const members = 4;
const crypto = createCrypto();
const [one, other] = [testIdentity(0), testIdentity(1)];

/** CPU time of this process per round, in microseconds, after as many rounds unmeasured. */
async function cpuUs(rounds: number, run: () => unknown): Promise<number> {
  for (let i = 0; i < rounds; i++) await run();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await run();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / rounds;
}

async function connect(): Promise<{ networks: Libp2pNetwork[]; carry(frame: Uint8Array): Promise<void> }> {
  const networks: Libp2pNetwork[] = [];
  for (const identity of [one, other]) {
    networks.push(
      await createLibp2pNetwork({
        identity,
        meshId: new Uint8Array(32).fill(1),
        preSharedKey: new Uint8Array(32).fill(2),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bootstrap: networks.flatMap((network) => network.addresses()),
        allow: () => true,
        log: () => {},
      }),
    );
  }
  const [from, to] = networks as [Libp2pNetwork, Libp2pNetwork];
  await until('the two are connected', () => from.peers().length === 1 && to.peers().length === 1, 20_000);
  let arrived = (): void => {};
  to.onFrame(() => arrived());
  return {
    networks,
    carry: (frame) =>
      new Promise((resolve) => {
        arrived = resolve;
        from.send(other.id, frame);
      }),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
const { networks, carry } = await connect();
try {
  const message = new Uint8Array(46);
  const signature = crypto.sign(one.secretKey, message);
  const signUs = await cpuUs(2_000, () => crypto.sign(one.secretKey, message));
  const checkUs = await cpuUs(2_000, () => crypto.verify(one.publicKey, message, signature));
  console.log(`a signature ${signUs.toFixed(1)} µs, its check ${checkUs.toFixed(1)} µs`);
  const log = await openVoteLog(await createStorage(folder), 0, crypto);
  for (const depth of depths) {
    const record = new Uint8Array(recordBytes * depth).fill(7);
    const frame = new Uint8Array(frameBytes * depth).fill(9);
    const writeUs = await cpuUs(400, () => log.append([record]));
    const frameUs = await cpuUs(1_000, () => carry(frame));
    const flush = {
      signatures: signUs + (members - 1) * checkUs,
      record: writeUs,
      frames: (members - 1) * frameUs,
    };
    const perDecision = Object.entries(flush).map(([what, us]) => `${what} ${((members * us) / depth).toFixed(1)}`);
    const sum = (members * (flush.signatures + flush.record + flush.frames)) / depth;
    console.log(
      `${String(depth).padStart(4)} decisions a flush: a record ${writeUs.toFixed(0)} µs, a frame there and in ${frameUs.toFixed(0)} µs; per decision, µs of all members: ${perDecision.join(', ')}; together ${sum.toFixed(1)}`,
    );
  }
  await log.close();
} finally {
  for (const network of networks) await network.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
