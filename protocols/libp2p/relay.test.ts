// Members that cannot be dialed, as behind a NAT: they listen nowhere, so that a relay is the only way between them.
import type { Connection, Stream } from '@libp2p/interface';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { patientMs, recordingLog, testIdentity, until } from '../../test/support/world.ts';
import { createLibp2pNetwork, type Libp2pNetwork, type Libp2pNetworkOptions } from './index.ts';

const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function start(index: number, change: Partial<Libp2pNetworkOptions> = {}): Promise<Libp2pNetwork> {
  const network = await createLibp2pNetwork({
    identity: testIdentity(index),
    meshId,
    preSharedKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    allow: () => true,
    log: recordingLog().log,
    ...change,
  });
  cleanups.push(() => network.close());
  return network;
}
const hidden = (index: number, relays: readonly string[]) =>
  start(index, { listen: [], bootstrap: relays, relay: { reservations: 0, wanted: 1 } });
const arePeers = (a: Libp2pNetwork, b: Libp2pNetwork): boolean =>
  a.peers().includes(b.self) && b.peers().includes(a.self);

const hop = '/libp2p/circuit/relay/0.2.0/hop';
type Handler = (stream: Stream, connection: Connection) => unknown;
interface Registrar {
  getHandler(protocol: string): { readonly handler: Handler; readonly options: object };
  unhandle(protocol: string): Promise<void>;
  handle(protocol: string, handler: Handler, options: object): Promise<void>;
}

/** The nodes of libp2p below the networks, in the order they were made. */
const made = vi.hoisted(() => [] as unknown[]);
vi.mock('./settings.ts', async (original) => {
  const settings = await original<typeof import('./settings.ts')>();
  return {
    ...settings,
    createLibp2pNode: async (options: Parameters<typeof settings.createLibp2pNode>[0]) => {
      const node = await settings.createLibp2pNode(options);
      made.push(node);
      return node;
    },
  };
});

/** A relay that writes down every byte it passes on, both ways. */
async function watchingRelay(): Promise<{ readonly network: Libp2pNetwork; readonly seen: Uint8Array[] }> {
  const seen: Uint8Array[] = [];
  const network = await start(7, { relay: { reservations: 8, wanted: 0 } });
  const { registrar } = (made.at(-1) as { readonly components: { readonly registrar: Registrar } }).components;
  const { handler, options } = registrar.getHandler(hop);
  await registrar.unhandle(hop);
  await registrar.handle(
    hop,
    (stream, connection) => {
      stream.addEventListener('message', ({ data }) => void seen.push(Uint8Array.from(data.subarray())));
      const send = stream.send.bind(stream);
      stream.send = (data) => {
        seen.push(Uint8Array.from(data.subarray()));
        return send(data);
      };
      return handler(stream, connection);
    },
    options,
  );
  return { network, seen };
}

describe('members that cannot dial each other', () => {
  it('meet through a relay: frames, requests, publications and payloads pass, and the relay sees none of it in clear', async () => {
    const relay = await watchingRelay();
    const a = await hidden(0, relay.network.addresses());
    const b = await hidden(1, relay.network.addresses());
    await until('each other', () => arePeers(a, b));
    expect([a.pathTo(b.self), b.pathTo(a.self)]).toEqual(['relayed', 'relayed']);

    const secret = 'what only the two may read ';
    const long = new TextEncoder().encode(secret.repeat(4_000));
    const got: string[] = [];
    b.onFrame((from, frame) => void got.push(`${from === a.self} ${new TextDecoder().decode(frame)}`));
    b.subscribe('news', (_, frame) => void got.push(new TextDecoder().decode(frame)));
    b.serve((_, frame) => frame);
    b.provide(async function* () {
      yield long;
    });
    expect(a.send(b.self, new TextEncoder().encode(secret))).toBe(true);
    await until('the frame', () => got.includes(`true ${secret}`));
    expect(await a.request(b.self, long, { timeoutMs: patientMs })).toEqual(long);
    let pulled = 0;
    for await (const chunk of a.pull(b.self, 'blob', 0)) pulled += chunk.length;
    expect(pulled).toBe(long.length);
    let published = 0;
    await until('a publication', () => {
      // Each one different: the same bytes within half a minute are one publication.
      a.publish('news', new TextEncoder().encode(`${published++} ${secret}`));
      return got.some((one) => /^\d/.test(one) && one.endsWith(secret));
    });

    const passed = Buffer.concat(relay.seen);
    // The request, its reply and the pull all went this way.
    expect(passed.length).toBeGreaterThan(3 * long.length);
    expect(passed.includes(secret.trim())).toBe(false);
  });

  it('are found by each other without being told: whoever knows one passes on its signed record', async () => {
    const relay = await start(3, { relay: { reservations: 8, wanted: 0 } });
    const [a, b] = await Promise.all([hidden(0, relay.addresses()), hidden(1, relay.addresses())]);
    await until('each other', () => arePeers(a, b));
    expect(a.pathTo(b.self)).toBe('relayed');
    expect(a.pathTo(relay.self)).toBe('direct');
  });

  it('meet again through another relay when theirs dies', async () => {
    const relays = [
      await start(3, { relay: { reservations: 8, wanted: 0 } }),
      await start(4, { relay: { reservations: 8, wanted: 0 } }),
    ];
    const addresses = relays.flatMap((relay) => relay.addresses());
    const [a, b] = await Promise.all([hidden(0, addresses), hidden(1, addresses)]);
    await until('each other', () => arePeers(a, b));
    const usedBy = (network: Libp2pNetwork): Libp2pNetwork =>
      relays.find(({ self }) => network.addresses().some((address) => address.includes(`/p2p/${self}/p2p-circuit`)))!;
    await until('both reservations', () => usedBy(a) !== undefined && usedBy(b) !== undefined);
    const lost = usedBy(a);
    await lost.close();
    const kept = relays.find((relay) => relay !== lost)!;
    await until('the other relay', () => usedBy(a) === kept && usedBy(b) === kept);
    await until('each other again', () => arePeers(a, b));
    b.serve((_, frame) => frame);
    expect(await a.request(b.self, Uint8Array.of(1), { timeoutMs: patientMs })).toEqual(Uint8Array.of(1));
  });

  it('get no more places at a relay than it grants, and none at a member that is no relay', async () => {
    const relay = await start(3, { relay: { reservations: 1, wanted: 0 } });
    const plain = await start(4, { bootstrap: relay.addresses() });
    const first = await hidden(0, [...relay.addresses(), ...plain.addresses()]);
    const hasPlace = (network: Libp2pNetwork): boolean =>
      network.addresses().some((address) => address.includes('/p2p-circuit'));
    await until('the only place', () => hasPlace(first));
    expect(first.addresses().every((address) => address.includes(relay.self))).toBe(true);
    const second = await hidden(1, [...relay.addresses(), ...plain.addresses()]);
    await until('the mesh', () => second.peers().length >= 2);
    // It can still reach out, through the place of the other.
    await until('each other', () => arePeers(first, second));
    expect(hasPlace(second)).toBe(false);
  });

  it('leave the relay for the direct way as soon as there is one', async () => {
    const relay = await start(3, { relay: { reservations: 8, wanted: 0 } });
    const [a, b] = await Promise.all([
      hidden(0, relay.addresses()),
      // It can be dialed, and its address is known to nobody until now.
      start(1, { bootstrap: relay.addresses(), relay: { reservations: 0, wanted: 1 } }),
    ]);
    await until('each other', () => arePeers(a, b));
    await until('the direct way', () => a.pathTo(b.self) === 'direct', 2 * patientMs + 30_000);
    b.serve((_, frame) => frame);
    expect(await a.request(b.self, Uint8Array.of(1), { timeoutMs: patientMs })).toEqual(Uint8Array.of(1));
  });
});
