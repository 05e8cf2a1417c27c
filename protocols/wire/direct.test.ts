// Law: see direct.ts: whatever a peer hands over is its own, once, of this mesh, and well formed, or it is dropped under that peer's name.
import { afterEach, describe, expect, it } from 'vitest';
import type { Network, NodeId } from '../../actors/system/index.ts';
import { virtualWorld } from '../../actors/system/testing/index.ts';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { createLoopbackHub } from '../loopback/index.ts';
import { combineNetworks } from '../network/index.ts';
import { ByteReader, utf8 } from './bytes.ts';
import { encodeDirect } from './direct.ts';
import { createPostOffice } from './office.ts';
import type { PostOffice } from './office-contract.ts';

const type = 'test.direct';
const meshId = new Uint8Array(32).fill(5);
const crypto = createCrypto();
const signatures = { made: 0, checked: 0 };
const counting = {
  ...crypto,
  sign(...args: Parameters<typeof crypto.sign>) {
    signatures.made++;
    return crypto.sign(...args);
  },
  verify(...args: Parameters<typeof crypto.verify>) {
    signatures.checked++;
    return crypto.verify(...args);
  },
};

const offices: PostOffice[] = [];
afterEach(() => {
  for (const office of offices.splice(0)) office.close();
});

const world = virtualWorld(7);
function officeOf(index: number, network: Network, allow: (id: NodeId) => boolean = () => true): PostOffice {
  const { clock, log } = world;
  const random = world.random.fork(`office ${index} ${offices.length}`);
  const identity = testIdentity(index);
  const office = createPostOffice({ identity, meshId, crypto: counting, clock, random, network, log, allow });
  offices.push(office);
  return office;
}
const idOf = (index: number): NodeId => testIdentity(index).id;
const message = (id: number, body: Uint8Array, change: { type?: string; meshId?: Uint8Array } = {}): Uint8Array =>
  encodeDirect({ meshId, type, id: new Uint8Array(16).fill(id), body, ...change });

/** A hears; B and C are on the wire with nothing of ours above it. */
async function heard(options: { allow?: (id: NodeId) => boolean } = {}) {
  const hub = createLoopbackHub(world);
  const [a, b, c] = [0, 1, 2].map((index) => hub.open(idOf(index))) as [Network, Network, Network];
  const office = officeOf(0, a, options.allow);
  const got: [from: NodeId, text: string][] = [];
  const leave = office.direct.on(type, (from, body) => {
    const reader = new ByteReader(body);
    got.push([from, reader.text(1_000)]);
    reader.end();
  });
  await world.advance(10);
  const reasons = (from: NodeId): Record<string, number> =>
    Object.fromEntries(
      office
        .refusals()
        .filter((refusal) => refusal.from === from)
        .map(({ reason, count }) => [reason, count]),
    );
  return { office, got, a, b, c, leave, reasons };
}
const text = (words: string): Uint8Array => new Uint8Array([0, 0, 0, words.length, ...utf8.encode(words)]);

describe('a direct message', () => {
  it('goes to several peers as the same bytes, in order, under nobody’s signature', async () => {
    const hub = createLoopbackHub(world);
    const [sender, ...receivers] = [0, 1, 2, 3].map((index) => officeOf(index, hub.open(idOf(index))));
    const got: string[] = [];
    for (const [index, office] of receivers.entries())
      office.direct.on(type, (from, body) => void got.push(`${index} ${from === idOf(0)} ${utf8.decode(body)}`));
    await world.advance(10);
    const before = { ...signatures };
    for (const words of ['one', 'two'])
      expect(sender!.direct.send([idOf(1), idOf(2), idOf(3), idOf(9)], type, utf8.encode(words))).toBe(3);
    await world.advance(10);
    expect(got).toHaveLength(6);
    for (const index of [0, 1, 2])
      expect(got.filter((line) => line.startsWith(`${index} `))).toEqual([`${index} true one`, `${index} true two`]);
    expect(signatures).toEqual(before);
    expect(sender!.sent()).toEqual([{ type, count: 8, sizeBytes: 8 * message(1, utf8.encode('one')).length }]);
  });

  it('is handled once, by whatever paths it comes and however often; the same words in another message are another', async () => {
    const { got, b, office } = await heard();
    const one = message(1, text('one'));
    for (let i = 0; i < 5; i++) b.send(idOf(0), one);
    b.send(idOf(0), message(2, text('one')));
    await world.advance(10);
    expect(got).toEqual([
      [idOf(1), 'one'],
      [idOf(1), 'one'],
    ]);
    expect(office.counts()).toEqual({ handled: 2, duplicates: 4, refused: 0 });
  });

  it('comes once over two transports at once', async () => {
    const hubs = [createLoopbackHub(world), createLoopbackHub(world)];
    const network = (index: number): Network =>
      combineNetworks(
        hubs.map((hub) => hub.open(idOf(index))),
        crypto,
      );
    const [a, b] = [network(0), network(1)];
    const got: string[] = [];
    officeOf(0, a).direct.on(type, (_, body) => void got.push(utf8.decode(body)));
    await world.advance(10);
    b.send(idOf(0), message(1, utf8.encode('by both')), { everyPath: true });
    officeOf(1, b).direct.send([idOf(0)], type, utf8.encode('by one'));
    await world.advance(10);
    expect(got).toEqual(['by both', 'by one']);
  });

  it('another peer’s, handed on, is the peer’s that hands it on: it takes nothing from its author', async () => {
    const { got, b, c } = await heard();
    const overheard = message(1, text('one'));
    c.send(idOf(0), overheard);
    await world.advance(10);
    b.send(idOf(0), overheard);
    await world.advance(10);
    expect(got.map(([from]) => from)).toEqual([idOf(2), idOf(1)]);
  });

  it('of another mesh, of a type nobody ever handled, by a stranger, malformed, cut short or too long is refused under its sender', async () => {
    const { got, b, c, reasons } = await heard({ allow: (id) => id !== idOf(2) });
    const whole = message(3, text('cut'));
    b.send(idOf(0), message(1, text('x'), { meshId: new Uint8Array(32).fill(6) }));
    b.send(idOf(0), message(2, text('x'), { type: 'test.other' }));
    c.send(idOf(0), message(3, text('x')));
    for (let length = 40; length < whole.length; length++) b.send(idOf(0), whole.subarray(0, length));
    b.send(idOf(0), new Uint8Array([...whole, 0]));
    b.send(idOf(0), message(4, new Uint8Array([0, 0, 0, 9, 1])));
    await world.advance(10);
    expect(got).toEqual([]);
    expect(reasons(idOf(1))).toEqual({ misaddressed: 1, unknown_type: 1, malformed: whole.length - 40 + 2 });
    expect(reasons(idOf(2))).toEqual({ stranger: 1 });
    b.send(idOf(0), message(5, text('after all that')));
    await world.advance(10);
    expect(got).toEqual([[idOf(1), 'after all that']]);
  });

  it('garbage of any length, with and without its first bytes, is refused and breaks nothing', async () => {
    const { got, b, office } = await heard();
    const start = message(1, text('x')).subarray(0, 19);
    for (let round = 0; round < 400; round++) {
      const noise = world.random.bytes(world.random.below(300));
      b.send(idOf(0), round % 2 === 0 ? noise : new Uint8Array([...start, ...noise]));
      if (round % 20 === 0) await world.advance(1);
    }
    await world.advance(10);
    expect(got).toEqual([]);
    expect(office.counts()).toEqual({ handled: 0, duplicates: 0, refused: 400 });
    expect(world.logged.filter(({ text: line }) => line.includes('handler failed'))).toEqual([]);
  });

  it('a handler’s own fault is told and is nobody’s refusal; one that is being restarted misses what comes meanwhile', async () => {
    const { office, b, leave, got } = await heard();
    leave();
    b.send(idOf(0), message(1, text('missed')));
    await world.advance(10);
    office.direct.on(type, () => {
      throw new Error('a fault of this program');
    });
    expect(() => office.direct.on(type, () => {})).toThrow('handled already');
    b.send(idOf(0), message(2, text('x')));
    await world.advance(10);
    expect(got).toEqual([]);
    expect(office.refusals()).toEqual([]);
    expect(world.logged.at(-1)).toMatchObject({ text: 'a message handler failed', fields: { type, from: idOf(1) } });
  });

  it('of a peer that repeats itself without end takes bounded memory, and its flood makes nobody else’s be handled twice', async () => {
    const { b, c, got } = await heard();
    const kept = message(1, text('kept'));
    c.send(idOf(0), kept);
    for (let n = 0; n < 6_000; n++) {
      const id = new Uint8Array(16);
      new DataView(id.buffer).setUint32(12, n);
      b.send(idOf(0), encodeDirect({ meshId, type, id, body: text('flood') }));
      if (n % 500 === 0) await world.advance(1);
    }
    c.send(idOf(0), kept);
    await world.advance(10);
    expect(got.filter(([, words]) => words === 'kept')).toHaveLength(1);
    expect(got.filter(([, words]) => words === 'flood')).toHaveLength(6_000);
  });
});
