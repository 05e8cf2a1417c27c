// Law: a member that takes nothing, or sends without end, has its share of this node's memory and time, and no more.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { patientMs, until } from '../../test/support/world.ts';
import { frameKind, maxOutboundBytes } from '../network/index.ts';
import { frameProtocol } from './link.ts';
import { ack, encoded, hello, honestPair, mallory, rawPeer, start } from './testing/hostile-kit.ts';

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

describe('a member beyond its share', () => {
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
});
