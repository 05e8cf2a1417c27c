import { describe, expect, it } from 'vitest';
import type { Parts } from '../../actors/parts/index.ts';
import type { Clock } from '../../actors/system/index.ts';
import { createLoopbackHub } from '../../protocols/loopback/index.ts';
import { createPostOffice } from '../../protocols/wire/index.ts';
import {
  createCrypto,
  realClock,
  realRandom,
  realScheduler,
  recordingLog,
  testIdentity,
  until,
} from '../../test/support/world.ts';
import { answerLooks, examinePairs, examineReach, type Way, type Ways } from './pairs.ts';

const crypto = createCrypto();
const real = realClock();
const names = ['amber', 'birch', 'cedar', 'dahlia'];
const ids = names.map((_, index) => testIdentity(index).id);

interface Seen {
  readonly offMs?: number;
  /** Members that it does not reach. */
  readonly blind?: readonly string[];
  readonly natsServer?: string | null;
  readonly isOld?: boolean;
}

/** Members of one mesh, the first of which examines. */
async function meshOf(others: Readonly<Record<string, Seen>>) {
  const { log } = recordingLog();
  const hub = createLoopbackHub({ clock: real, scheduler: realScheduler(real), log });
  const made = names.map((name, index) => {
    const { offMs = 0, blind = [], natsServer, isOld = false } = others[name] ?? {};
    const clock: Clock = { ...real, wallMs: () => real.wallMs() + offMs };
    const identity = testIdentity(index);
    const network = hub.open(identity.id);
    const parts = {
      identity,
      office: createPostOffice({
        identity,
        meshId: new Uint8Array(32).fill(5),
        crypto,
        clock,
        random: realRandom(),
        network,
        log,
      }),
      chain: {
        current: { members: ids.map((id) => ({ id })) },
        nameOf: (id: string) => names[ids.indexOf(id)] ?? id,
      },
      view: { isLive: () => true },
      world: { clock, network },
    } as unknown as Parts;
    const ways: Ways = {
      addresses: () => ['/ip4/10.0.0.1/tcp/4101'],
      wayTo: (id): Way | undefined => (blind.includes(names[ids.indexOf(id)]!) ? undefined : 'direct'),
      natsServer: () => natsServer,
    };
    if (!isOld) answerLooks(parts, '0.1.0', ways);
    return { parts, ways, network };
  });
  await until('a full mesh', () => made.every(({ network }) => network.peers().length === names.length - 1));
  const [first] = made;
  const report = await examinePairs(first!.parts, first!.ways);
  const failed = report.checks.filter(({ ok }) => !ok);
  return { ...report, failed, lines: failed.map(({ subject, check, detail }) => `${subject} · ${check} · ${detail}`) };
}

describe('the doctor looks at every pair of members from both ends', () => {
  it('and finds nothing wrong where nothing is', async () => {
    const { checks, failed, reachedBy } = await meshOf({});
    expect(failed).toEqual([]);
    expect(checks.map(({ subject, check }) => `${subject} ${check}`)).toEqual([
      ...['birch', 'cedar', 'dahlia'].flatMap((name) => [`${name} both ways`, `${name} clock`]),
      'mesh pairs',
    ]);
    expect(reachedBy(ids[1]!)).toEqual(['cedar', 'dahlia']);
  });

  it('and names both ends where one does not reach the other, this node’s own pairs too', async () => {
    const { failed, lines } = await meshOf({ birch: { blind: ['amber', 'cedar'] }, cedar: { blind: ['birch'] } });
    expect(lines).toEqual([
      'birch · both ways · this node reaches it, and it does not reach this node',
      'birch – cedar · both ways · birch does not reach cedar, cedar does not reach birch',
    ]);
    for (const { fix } of failed) expect(fix).toMatch(/\w/);
  });

  it('and tells clocks that are seconds apart, and those too far apart to talk at all', async () => {
    const { failed, lines } = await meshOf({ birch: { offMs: 20_000 }, cedar: { offMs: -600_000 } });
    expect(lines).toEqual([
      expect.stringMatching(/^birch · clock · [12]\d\.\d s ahead of this node's$/),
      expect.stringMatching(/^cedar · clock · the clocks differ: .*10\.0 min ahead of/),
    ]);
    for (const { fix } of failed) expect(fix).toMatch(/NTP/);
  });

  it('and says who does not answer, and whose NATS server is gone', async () => {
    const { failed, lines } = await meshOf({ birch: { isOld: true }, dahlia: { natsServer: null } });
    expect(lines).toEqual([
      expect.stringMatching(/^birch · both ways · it did not say what it sees/),
      'dahlia · NATS · it is meant to use NATS, and no server answers it',
    ]);
    for (const { fix } of failed) expect(fix).toMatch(/\w/);
  });
});

describe('how others reach this node', () => {
  const ways = (addresses: readonly string[], natsServer?: string | null): Ways => ({
    addresses: () => addresses,
    wayTo: () => undefined,
    natsServer: () => natsServer,
  });
  it('fails where it wants a relay and has none, or a NATS server that does not answer, each with its fix', () => {
    expect(examineReach('amber', 2, ways(['/ip4/10.0.0.1/tcp/1']))).toMatchObject([
      { check: 'NAT', ok: false, fix: expect.stringContaining('"reservations"') },
    ]);
    expect(examineReach('amber', 1, ways(['/ip4/10.0.0.1/tcp/1/p2p/X/p2p-circuit/p2p/Y']))).toMatchObject([
      { check: 'NAT', ok: true, detail: 'can be reached through a relay' },
    ]);
    expect(examineReach('amber', 0, ways(['/ip4/127.0.0.1/tcp/1'], null))).toMatchObject([
      { check: 'NAT', ok: true, detail: expect.stringContaining('this machine only') },
      { check: 'NATS', ok: false, fix: expect.stringContaining('4222') },
    ]);
  });
});
