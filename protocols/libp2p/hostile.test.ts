import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerEvent } from '../../actors/system/index.ts';
import { freePorts } from '../../test/support/ports.ts';
import { patientMs, recordingLog, testIdentity, until } from '../../test/support/world.ts';
import {
  encodedBytes,
  encodeInto,
  type FrameKind,
  frameKind,
  frameVersion,
  maxOutboundBytes,
} from '../network/index.ts';
import { createGate } from './gate.ts';
import { createLibp2pNetwork, type Libp2pNetwork, type Libp2pNetworkOptions } from './index.ts';
import { encodeIntroductions } from './introductions.ts';
import { deriveKey } from './keys.ts';
import { frameProtocol } from './link.ts';
import { pullProtocol } from './pull.ts';
import { createLibp2pNode, type Libp2pNode } from './settings.ts';

const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);
const mallory = testIdentity(9);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function start(
  index: number,
  change: Partial<Libp2pNetworkOptions> = {},
): Promise<Libp2pNetwork & { readonly lines: ReturnType<typeof recordingLog>['lines'] }> {
  const { log, lines } = recordingLog();
  const network = await createLibp2pNetwork({
    identity: testIdentity(index),
    meshId,
    preSharedKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    allow: () => true,
    log,
    ...change,
  });
  cleanups.push(() => network.close());
  return Object.assign(network, { lines });
}

/** Two honest members that talk to each other before, during and after whatever the test does. */
async function honestPair(change: Partial<Libp2pNetworkOptions> = {}) {
  const a = await start(0, change);
  const b = await start(1, { bootstrap: a.addresses(), ...change });
  await until('the honest pair', () => a.peers().includes(b.self) && b.peers().includes(a.self));
  const downs: PeerEvent[] = [];
  a.onPeer((event) => {
    if (!event.up && event.node === b.self) downs.push(event);
  });
  b.serve((_, frame) => frame);
  const stillWorks = async (): Promise<void> => {
    expect(await a.request(b.self, Uint8Array.of(1, 2, 3), { timeoutMs: patientMs })).toEqual(Uint8Array.of(1, 2, 3));
    expect(downs).toEqual([]);
  };
  return { a, b, stillWorks };
}

function portOf(network: Libp2pNetwork): number {
  return Number(/\/tcp\/(\d+)/.exec(network.addresses()[0]!)![1]);
}

async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** A member's key and the mesh's key in hands that follow no protocol above libp2p. */
async function rawPeer(victim: Libp2pNetwork) {
  const { log } = recordingLog();
  const gate = createGate({ networkKey: deriveKey('parley/noise/1', meshId, preSharedKey), allow: () => true, log });
  const node: Libp2pNode = await createLibp2pNode({
    secretKey: mallory.secretKey,
    listen: [],
    gate,
    mdnsKey: undefined,
  });
  cleanups.push(() => node.stop());
  const inbound: Stream[] = [];
  await node.handle(frameProtocol, (stream) => void inbound.push(stream));
  await node.start();
  const connection = await node.dial(multiaddr(victim.addresses()[0]!));
  return { node, connection, inbound };
}

function encoded(kind: FrameKind, payload: Uint8Array, correlation = 0): Uint8Array {
  const bytes = new Uint8Array(encodedBytes(kind, payload));
  encodeInto(bytes, 0, kind, correlation, payload);
  return bytes;
}
const hello = encoded(frameKind.hello, Uint8Array.of(frameVersion));
const ack = encoded(frameKind.ack, new Uint8Array(0));

const reasonsOf = (network: Libp2pNetwork): string[] => network.refusals().map(({ reason }) => reason);

describe('hostile input on the libp2p transport', () => {
  it('takes random bytes on its port: refused, counted under the address, and the mesh goes on', async () => {
    const { a, stillWorks } = await honestPair();
    for (let i = 0; i < 20; i++) {
      const socket = await rawSocket(portOf(a));
      socket.write(randomBytes(1 + i * 5_000));
      if (i % 3 === 0) socket.write('\x13/multistream/1.0.0\n\x07/noise\n');
      if (i % 2 === 0) socket.end(randomBytes(500));
    }
    await stillWorks();
    await until('the refusals', () => (a.refusals().find(({ reason }) => reason === 'handshake')?.count ?? 0) >= 10);
    expect(a.refusals()[0]!.from).toBe('/ip4/127.0.0.1');
    expect(
      a.lines.find(
        ({ text, fields }) => text === 'connection refused' && String(fields.address).startsWith('/ip4/127.0.0.1/tcp/'),
      ),
    ).toBeDefined();
    await stillWorks();
  });

  it('refuses a member key under another pre-shared key, or of another mesh', async () => {
    const { a, stillWorks } = await honestPair();
    const wrongKey = await start(2, { preSharedKey: new Uint8Array(32).fill(3) });
    const otherMesh = await start(3, { meshId: new Uint8Array(32).fill(3) });
    for (const network of [wrongKey, otherMesh]) {
      await expect(network.dial(a.addresses()[0]!)).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('pre-shared key'),
      });
    }
    await until('both refusals', () => (a.refusals().find(({ reason }) => reason === 'handshake')?.count ?? 0) >= 2);
    expect(a.peers()).toHaveLength(1);
    await stillWorks();
  });

  it('refuses a valid key that is not allowed, by name, in both directions, until it is allowed', async () => {
    const stranger = testIdentity(2).id;
    const { a, stillWorks } = await honestPair({ allow: (id) => id !== stranger });
    const s = await start(2, { bootstrap: a.addresses() });
    await until('the refusal', () => reasonsOf(a).includes('stranger'));
    expect(a.refusals().find(({ reason }) => reason === 'stranger')).toMatchObject({
      from: '/ip4/127.0.0.1',
      detail: expect.stringContaining(stranger),
    });
    await expect(a.dial(s.addresses()[0]!)).rejects.toMatchObject({ code: 'unreachable' });
    await expect(s.dial(a.addresses()[0]!)).rejects.toMatchObject({ code: 'refused' });
    expect(a.peers()).not.toContain(stranger);
    expect(s.peers()).toEqual([]);
    a.setAllow(() => true);
    // Nobody has to ask again: whoever wants in keeps dialing.
    await until('the newcomer', () => a.peers().includes(stranger));
    a.setAllow((id) => id !== stranger);
    await until('its removal', () => !a.peers().includes(stranger));
    await stillWorks();
  });

  it('cuts off a member that announces an oversized frame, before anything is allocated for it', async () => {
    const { a, stillWorks } = await honestPair();
    const { connection } = await rawPeer(a);
    const stream = await connection.newStream(frameProtocol);
    stream.send(hello);
    stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, frameKind.frame));
    await until('the cut', () => connection.status !== 'open');
    expect(a.refusals().find(({ reason }) => reason === 'oversized')).toMatchObject({
      from: '/ip4/127.0.0.1',
      detail: expect.stringContaining(mallory.id),
    });
    await stillWorks();
  });

  it('cuts off a member that sends frames before the greeting, speaks another version, or writes where it should read', async () => {
    const { a, stillWorks } = await honestPair();
    const got: string[] = [];
    a.onFrame((from) => void got.push(from));
    const raw = await rawPeer(a);
    await until('its stream', () => raw.inbound.length > 0);
    raw.inbound[0]!.send(randomBytes(100));
    await until('the cut', () => raw.connection.status !== 'open');
    await raw.node.stop();
    for (const bytes of [
      encoded(frameKind.frame, randomBytes(10)),
      encoded(frameKind.request, randomBytes(10), 7),
      encoded(frameKind.hello, Uint8Array.of(99)),
      randomBytes(64),
    ]) {
      const { connection, node } = await rawPeer(a);
      const stream = await connection.newStream(frameProtocol);
      stream.send(bytes);
      await until('the cut', () => connection.status !== 'open');
      await node.stop();
    }
    expect(reasonsOf(a)).toEqual(expect.arrayContaining(['protocol', 'version']));
    expect(got).toEqual([]);
    await stillWorks();
  });

  it('drops who connects and says nothing, on TCP and as a member, without ever announcing it', async () => {
    const { a, stillWorks } = await honestPair();
    const events: PeerEvent[] = [];
    a.onPeer((event) => void events.push(event));
    const socket = await rawSocket(portOf(a));
    const { connection } = await rawPeer(a);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await until('the silent member', () => connection.status !== 'open');
    await closed;
    expect(reasonsOf(a)).toEqual(expect.arrayContaining(['half_open', 'handshake']));
    expect(events.filter(({ node }) => node === mallory.id)).toEqual([]);
    await stillWorks();
  });

  it('bounds what it holds for a member that never reads, and delivers to the others meanwhile', async () => {
    const { a, b, stillWorks } = await honestPair();
    const { connection, inbound } = await rawPeer(a);
    const stream = await connection.newStream(frameProtocol);
    stream.send(hello);
    await until('its stream', () => inbound.length > 0);
    inbound[0]!.pause();
    stream.send(ack);
    await until('the member', () => a.peers().includes(mallory.id));
    const frame = new Uint8Array(100_000);
    let accepted = 0;
    while (accepted < 1_000 && a.send(mallory.id, frame)) accepted++;
    expect(accepted * frame.length).toBeGreaterThan(maxOutboundBytes / 2);
    expect(accepted * frame.length).toBeLessThanOrEqual(maxOutboundBytes + frame.length);
    await new Promise((resolve) => setTimeout(resolve, 500));
    let more = 0;
    while (more < 1_000 && a.send(mallory.id, frame)) more++;
    // What its window still took, and no more than that.
    expect((accepted + more) * frame.length).toBeLessThan(2 * maxOutboundBytes);
    // Its requests are answered into the same bounded buffer.
    a.serve(() => frame);
    for (let i = 0; i < 200; i++) stream.send(encoded(frameKind.request, Uint8Array.of(1), i));
    let got = 0;
    b.onFrame(() => void got++);
    for (let i = 0; i < 100; i++) a.send(b.self, Uint8Array.of(i));
    await until('the honest member', () => got === 100);
    await stillWorks();
  });

  it('cuts off a member that does not take its gossip, and the others still get theirs', async () => {
    const { a, b, stillWorks } = await honestPair();
    const { node, connection, inbound } = await rawPeer(a);
    const pubsub = node.services.pubsub;
    pubsub.subscribe('parley');
    pubsub.subscribe('news');
    const stream = await connection.newStream(frameProtocol);
    stream.send(hello);
    await until('its stream', () => inbound.length > 0);
    inbound[0]!.resume();
    stream.send(ack);
    await until('the member', () => a.peers().includes(mallory.id));
    for (const open of connection.streams)
      if (open.direction === 'inbound' && open.protocol.startsWith('/meshsub')) open.pause();
    const got = new Set<number>();
    b.subscribe('news', (_, bytes) => void got.add(bytes[0]!));
    let probes = 0;
    await until('the subscription of the honest member', () => {
      // Each one different: the same bytes within half a minute are one publication.
      a.publish('news', Uint8Array.of(255, probes >> 8, probes++));
      return got.has(255);
    });
    // At the pace of a member that takes them.
    for (let i = 0; i < 100 && connection.status === 'open'; i++) {
      a.publish('news', new Uint8Array(200_000).fill(i));
      await until('the publication', () => got.has(i));
    }
    await until('the cut', () => connection.status !== 'open');
    a.publish('news', Uint8Array.of(200));
    await until('the last publication', () => got.has(200));
    await stillWorks();
  });

  it('believes no introduction but the one its subject signed, and names who brought another', async () => {
    const { a, stillWorks } = await honestPair();
    const { connection, node } = await rawPeer(a);
    const stream = await connection.newStream(frameProtocol);
    stream.send(hello);
    stream.send(ack);
    await until('the greeting', () => a.peers().includes(mallory.id));
    // A genuine record, of somebody else: the victim's own.
    let genuine: Uint8Array | undefined;
    await until('its record', () => {
      void node.peerStore.get(connection.remotePeer).then((peer) => {
        genuine = peer.peerRecordEnvelope;
      });
      return genuine !== undefined;
    });
    const subject = testIdentity(5).id;
    for (const record of [genuine!, new Uint8Array(randomBytes(200))])
      stream.send(encoded(frameKind.addresses, encodeIntroductions([{ node: subject, record }])));
    await until('both refusals', () => a.refusals().find(({ reason }) => reason === 'introduction')?.count === 2);
    expect(a.refusals().find(({ reason }) => reason === 'introduction')?.detail).toContain(mallory.id);
    await stillWorks();
  });

  it('keeps out for a while who breaks the rules again and again, and says so', async () => {
    const { a, stillWorks } = await honestPair();
    const told = () => a.lines.filter(({ text }) => text === 'a peer is kept out for a while');
    const breakRules = async (): Promise<void> => {
      const { connection, node } = await rawPeer(a);
      const stream = await connection.newStream(frameProtocol);
      stream.send(hello);
      stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, frameKind.frame));
      await until('the cut', () => connection.status !== 'open');
      await node.stop();
    };
    for (let broken = 0; broken < 3; broken++) await breakRules();
    expect(told()).toEqual([]);
    // On a slow machine the door may open again before it is tried, and stays closed for longer then.
    for (let tries = 0; tries < 20 && !reasonsOf(a).includes('kept_out'); tries++) await breakRules().catch(() => {});
    expect(reasonsOf(a)).toContain('kept_out');
    expect(told()[0]).toMatchObject({ fields: { node: mallory.id, reason: 'oversized', forMs: 5_000 } });
    expect(a.peers()).not.toContain(mallory.id);
    await stillWorks();
  });

  it('gives a member that floods it no more than its share, loses nothing of the flood, and answers the others meanwhile', async () => {
    const { a, b, stillWorks } = await honestPair();
    const flooder = await start(2, { bootstrap: a.addresses() });
    await until('the flooder', () => a.peers().includes(flooder.self) && flooder.peers().includes(a.self));
    let handled = 0;
    a.onFrame((from) => {
      if (from !== flooder.self) return;
      const endMs = performance.now() + 4;
      while (performance.now() < endMs);
      handled++;
    });
    a.serve((_, frame) => frame);
    const frame = new Uint8Array(8_000);
    const count = 250;
    for (let i = 0; i < count; i++) expect(flooder.send(a.self, frame)).toBe(true);
    for (let i = 0; i < 2; i++) await b.request(a.self, Uint8Array.of(i), { timeoutMs: patientMs });
    expect(handled).toBeLessThan(count);
    await until('all of the flood', () => handled === count);
    await stillWorks();
  });

  it('gives a member that floods it with publications no more than its share, loses none, and answers the others meanwhile', async () => {
    const { a, b, stillWorks } = await honestPair();
    const flooder = await start(2, { bootstrap: a.addresses() });
    let handled = 0;
    a.subscribe('news', (from) => {
      if (from !== flooder.self) return;
      const endMs = performance.now() + 4;
      while (performance.now() < endMs);
      handled++;
    });
    a.serve((_, frame) => frame);
    await until('the flooder', () => a.peers().includes(flooder.self) && flooder.peers().includes(a.self));
    await until('its first publication', () => {
      if (handled === 0) flooder.publish('news', randomBytes(8));
      return handled > 0;
    });
    await until('nothing on its way', () => true);
    const before = handled;
    const count = 250;
    for (let i = 0; i < count; i++) flooder.publish('news', randomBytes(4_000));
    for (let i = 0; i < 2; i++) await b.request(a.self, Uint8Array.of(i), { timeoutMs: patientMs });
    expect(handled - before).toBeLessThan(count);
    await until('all of the flood', () => handled - before >= count);
    await stillWorks();
  });

  it('answers malformed pulls and introductions with a refusal and nothing else', async () => {
    const { a, stillWorks } = await honestPair();
    a.provide(() => undefined);
    const { connection } = await rawPeer(a);
    for (const bytes of [Uint8Array.of(0xff, 0xff, 0xff, 0xff), Uint8Array.of(0, 0, 0, 2, 1, 2), randomBytes(300)]) {
      const stream = await connection.newStream(pullProtocol);
      stream.send(bytes);
      await stream.close().catch(() => {});
    }
    const stream = await connection.newStream(frameProtocol);
    stream.send(hello);
    stream.send(ack);
    stream.send(encoded(frameKind.addresses, randomBytes(100)));
    await until('the refused introduction', () => a.lines.some(({ text }) => text === 'an introduction was refused'));
    expect(a.peers()).toContain(mallory.id);
    await stillWorks();
  });
});

describe('processes on the libp2p transport', () => {
  const script = `
    import { testIdentity } from ${JSON.stringify(new URL('../../test/support/world.ts', import.meta.url).href)};
    import { createLibp2pNetwork } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const [index, listen, ...bootstrap] = process.argv.slice(1);
    const network = await createLibp2pNetwork({ identity: testIdentity(Number(index)), meshId: new Uint8Array(32).fill(1), preSharedKey: new Uint8Array(32).fill(2), listen: [listen], bootstrap, allow: () => true, log: () => {} });
    network.serve((_, frame) => frame);
    network.subscribe('news', () => {});
    network.onPeer(({ up }) => console.log(up ? 'up' : 'down'));
    process.on('SIGTERM', () => void network.close());
    console.log(network.addresses()[0]);
  `;
  const child = async (
    index: number,
    listen: string,
    ...bootstrap: string[]
  ): Promise<{ readonly process: ChildProcess; readonly lines: string[] }> => {
    const started = spawn(
      process.execPath,
      ['--input-type=module', '-e', script, '--', String(index), listen, ...bootstrap],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    cleanups.push(() => started.kill('SIGKILL'));
    const lines: string[] = [];
    started.stdout!.on('data', (data: Buffer) => void lines.push(...data.toString().trim().split('\n')));
    await until('the child to listen', () => lines.length > 0);
    return { process: started, lines };
  };

  it('lets a member that reads nothing wait alone: bounded memory, no publication lost to the others, and it is named', async () => {
    const { a, b, stillWorks } = await honestPair();
    const [port] = await freePorts(1);
    const slow = await child(3, `/ip4/127.0.0.1/tcp/${port}`, a.addresses()[0]!);
    const slowId = testIdentity(3).id;
    await until('the slow member', () => a.peers().includes(slowId));
    let heard = 0;
    b.subscribe('news', (_, frame) => void (frame.length > 8 && heard++));
    let isHeard = false;
    b.subscribe('probe', () => {
      isHeard = true;
    });
    await until('a publication to reach the other', () => {
      a.publish('probe', randomBytes(8));
      return isHeard;
    });
    slow.process.kill('SIGSTOP');
    const isNamed = (): boolean => a.refusals().some(({ from, reason }) => from === slowId && reason === 'slow');
    const frame = new Uint8Array(64 << 10);
    const beforeBytes = process.memoryUsage().rss;
    let offered = 0;
    let taken = 0;
    await until('the slow member to be named', () => {
      for (let i = 0; i < 40; i++, offered++) if (a.send(slowId, frame)) taken++;
      return isNamed() && offered > 2_000;
    });
    // What was refused is four fifths or more of what was offered; what waits is what may, on either side of the sockets.
    expect(taken * frame.length).toBeLessThan(32 << 20);
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(160 << 20);
    await stillWorks();
    // Publications are not kept for it without end either: it is cut off, and nobody else misses one.
    const count = 150;
    for (let i = 0; i < count; i++) {
      a.publish('news', randomBytes(64 << 10));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('every publication at the other', () => heard === count);
    await stillWorks();
    expect(a.refusals().filter(({ from }) => from === b.self)).toEqual([]);
    slow.process.kill('SIGCONT');
    let answered = false;
    await until('the slow member, awake', () => {
      if (!answered && a.peers().includes(slowId))
        a.request(slowId, Uint8Array.of(7), { timeoutMs: 2_000 }).then(
          () => {
            answered = true;
          },
          () => {},
        );
      return answered;
    });
  });

  it('sees a killed process go down by the end of its connection, not by its silence, and meets it again after it restarts on its port', async () => {
    const a = await start(0);
    const events: (PeerEvent & { readonly atMs: number })[] = [];
    a.onPeer((event) => void events.push({ ...event, atMs: performance.now() }));
    const [port] = await freePorts(1);
    const first = await child(1, `/ip4/127.0.0.1/tcp/${port}`, a.addresses()[0]!);
    await until('up', () => events.length === 1);
    const killedMs = performance.now();
    first.process.kill('SIGKILL');
    await until('down', () => events.length === 2);
    // Milliseconds on an idle machine; by its silence it would take three quarters of a minute.
    expect(events[1]!.atMs - killedMs).toBeLessThan(20_000);
    await new Promise((resolve) => setTimeout(resolve, 700));
    // The child no longer knows anyone: only the survivor's dialing can bring it back.
    await child(1, first.lines[0]!.replace(/\/p2p\/.*/, ''));
    await until('up again', () => events.length === 3);
    expect(events.map(({ up }) => up)).toEqual([true, false, true]);
  });

  it('ends by itself after close, leaving no handle behind', async () => {
    const a = await start(0);
    const one = await child(1, '/ip4/127.0.0.1/tcp/0', a.addresses()[0]!);
    const two = await child(2, '/ip4/127.0.0.1/tcp/0', a.addresses()[0]!, '/ip4/127.0.0.1/tcp/9');
    // Introduced to each other by the one they both know.
    await until(
      'a full mesh',
      () =>
        one.lines.filter((line) => line === 'up').length === 2 &&
        two.lines.filter((line) => line === 'up').length === 2,
    );
    for (const { process } of [one, two]) {
      process.kill('SIGTERM');
      await until('its end', () => process.exitCode !== null || process.signalCode !== null);
      expect(process.exitCode).toBe(0);
    }
  });
});
