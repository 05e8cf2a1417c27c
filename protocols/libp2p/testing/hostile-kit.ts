// Law: two honest members, and a third hand that holds a member's key and follows no protocol above libp2p.
import { connect, type Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect } from 'vitest';
import type { PeerEvent } from '../../../actors/system/index.ts';
import { patientMs, recordingLog, testIdentity, until } from '../../../test/support/world.ts';
import { encodedBytes, encodeInto, type FrameKind, frameKind, frameVersion } from '../../network/index.ts';
import { createGate } from '../gate.ts';
import { createLibp2pNetwork, type Libp2pNetwork, type Libp2pNetworkOptions } from '../index.ts';
import { deriveKey } from '../keys.ts';
import { frameProtocol } from '../link.ts';
import { createLibp2pNode, type Libp2pNode } from '../settings.ts';

const meshId = new Uint8Array(32).fill(1);
const preSharedKey = new Uint8Array(32).fill(2);
export const mallory = testIdentity(9);

export const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

export async function start(
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
export async function honestPair(change: Partial<Libp2pNetworkOptions> = {}) {
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

export function portOf(network: Libp2pNetwork): number {
  return Number(/\/tcp\/(\d+)/.exec(network.addresses()[0]!)![1]);
}

export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** A member's key and the mesh's key in hands that follow no protocol above libp2p. */
export async function rawPeer(victim: Libp2pNetwork) {
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

export function encoded(kind: FrameKind, payload: Uint8Array, correlation = 0): Uint8Array {
  const bytes = new Uint8Array(encodedBytes(kind, payload));
  encodeInto(bytes, 0, kind, correlation, payload);
  return bytes;
}
export const hello = encoded(frameKind.hello, Uint8Array.of(frameVersion));
export const ack = encoded(frameKind.ack, new Uint8Array(0));

export const reasonsOf = (network: Libp2pNetwork): string[] => network.refusals().map(({ reason }) => reason);
