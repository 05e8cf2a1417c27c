import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Clock, NetworkError, type NodeId } from '../../actors/system/index.ts';
import {
  createCrypto,
  patientMs,
  realClock,
  realRandom,
  realScheduler,
  recordingLog,
  testIdentity,
  turnsOfTheLoop,
  until,
} from '../../test/support/world.ts';
import { createLoopbackHub } from '../loopback/index.ts';
import { encodeBody } from './body.ts';
import { sealEnvelope, type Unsigned } from './envelope.ts';
import { hlcTime } from './hlc.ts';
import { defineMessage, defineRequest } from './message.ts';
import { createPostOffice } from './office.ts';
import type { PostOffice } from './office-contract.ts';

const crypto = createCrypto();
const clock = realClock();
const scheduler = realScheduler(clock);
const random = realRandom();
const meshId = new Uint8Array(32).fill(5);

const hello = defineMessage('test.hello', z.object({ text: z.string().max(100) }));
const sum = defineRequest('test.sum', z.object({ items: z.array(z.number()) }), z.object({ total: z.number() }));

function mesh(count: number, options: { allow?: (id: NodeId) => boolean; clock?: Clock } = {}) {
  const { log, lines } = recordingLog();
  const hub = createLoopbackHub({ clock, scheduler, log });
  const nodes = Array.from({ length: count }, (_, i) => {
    const identity = testIdentity(i);
    const network = hub.open(identity.id);
    return {
      identity,
      network,
      office: createPostOffice({
        identity,
        meshId,
        crypto,
        clock: options.clock ?? clock,
        random,
        network,
        log,
        ...(options.allow ? { allow: options.allow } : {}),
      }),
    };
  });
  /** An envelope that the office itself would not write. */
  const sealed = (author: number, change: Partial<Unsigned>, body: unknown = { text: 'x' }): Uint8Array =>
    sealEnvelope(
      {
        id: random.bytes(16),
        type: hello.type,
        hlc: hlcTime.of(clock.wallMs()),
        ttlMs: patientMs,
        body: encodeBody(body, 1000),
        ...change,
      },
      testIdentity(author),
      { crypto, meshId },
    );
  return { nodes, lines, sealed, offices: nodes.map(({ office }) => office) };
}

const reasons = (office: PostOffice): string[] =>
  office.refusals().map(({ from, reason, count }) => `${testName(from)} ${reason} ${count}`);
const testName = (id: string): string => String([0, 1, 2, 3].find((i) => testIdentity(i).id === id) ?? id);

describe('a post office', () => {
  it('delivers a typed message with its proven author', async () => {
    const { offices } = mesh(2);
    const got: unknown[] = [];
    offices[1]!.on(hello, (body, { from, envelope }) => void got.push([body.text, testName(from), envelope.type]));
    expect(offices[0]!.send(offices[1]!.self, hello, { text: 'good morning' })).toBe(true);
    await until('the message', () => got.length === 1);
    expect(got).toEqual([['good morning', '0', 'test.hello']]);
  });

  it('asks and answers with both sides’ schemas, many at once', async () => {
    const { offices } = mesh(2);
    offices[1]!.answer(sum, async ({ items }) => ({ total: items.reduce((a, b) => a + b, 0) }));
    const totals = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        offices[0]!.request(offices[1]!.self, sum, { items: [i, 1] }, { timeoutMs: patientMs }),
      ),
    );
    expect(totals.map(({ total }) => total)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('publishes to the subscribers of a topic until they leave', async () => {
    const { offices } = mesh(3);
    const got: string[] = [];
    const leave = offices.map((office, i) => {
      office.on(hello, (body) => void got.push(`${i} ${body.text}`));
      return office.subscribe('news');
    });
    const twice = offices[1]!.subscribe('news');
    offices[0]!.publish('news', hello, { text: 'one' });
    await until('both', () => got.length === 2);
    leave[1]!();
    leave[1]!();
    leave[2]!();
    offices[0]!.publish('news', hello, { text: 'two' });
    await until('the one left', () => got.length === 3);
    twice();
    offices[0]!.publish('news', hello, { text: 'three' });
    await turnsOfTheLoop();
    expect(got.sort()).toEqual(['1 one', '1 two', '2 one']);
    // A publication counts once, whoever hears it.
    const [{ type, count, sizeBytes } = { type: '', count: 0, sizeBytes: 0 }] = offices[0]!.sent();
    expect([type, count]).toEqual([hello.type, 3]);
    expect(sizeBytes).toBeGreaterThan(3 * 64);
    expect(offices[1]!.sent()).toEqual([]);
  });

  it('handles a message once, whatever the paths it came by', async () => {
    const { nodes, offices, sealed } = mesh(2);
    let count = 0;
    offices[1]!.on(hello, () => void count++);
    const bytes = sealed(0, { to: offices[1]!.self });
    for (let i = 0; i < 5; i++) nodes[0]!.network.send(offices[1]!.self, bytes);
    await until('all five', () => offices[1]!.counts().duplicates === 4);
    expect(count).toBe(1);
    expect(offices[1]!.refusals()).toEqual([]);
  });

  it('drops and counts, under the sender to blame, whatever is not a valid message', async () => {
    const { nodes, offices, sealed, lines } = mesh(3);
    const to = offices[1]!.self;
    let handled = 0;
    offices[1]!.on(hello, () => void handled++);
    offices[1]!.subscribe('news');
    const raw = (bytes: Uint8Array): boolean => nodes[0]!.network.send(to, bytes);
    raw(new Uint8Array(50));
    raw(sealed(2, { to }));
    raw(sealed(0, { to: offices[2]!.self }));
    raw(sealed(0, { topic: 'news' }));
    raw(sealed(0, { to, type: 'test.unknown' }));
    raw(sealed(0, { to, hlc: hlcTime.of(clock.wallMs() - 1_000_000) }));
    raw(sealed(0, { to, hlc: hlcTime.of(clock.wallMs() + 1_000_000) }));
    raw(sealed(0, { to }, { text: 5 }));
    raw(sealed(0, { to, body: new Uint8Array(1).fill(0xc1) }));
    const forged = sealed(0, { to });
    forged[forged.length - 1]! ^= 1;
    raw(forged);
    // The peer that hands over a forged publication is to blame, the author of a genuine but wrong one is.
    const forgedNews = sealed(2, { topic: 'news' });
    forgedNews[forgedNews.length - 1]! ^= 1;
    nodes[0]!.network.publish('news', forgedNews);
    nodes[0]!.network.publish('news', sealed(2, { topic: 'news' }, { text: 6 }));
    raw(sealed(0, { to }));
    await until('the good one', () => handled === 1);
    expect(reasons(offices[1]!).sort()).toEqual(
      [
        '0 clock 1',
        '0 expired 1',
        '0 malformed 2',
        '0 misaddressed 2',
        '0 not_author 1',
        '0 schema 1',
        '0 signature 2',
        '0 unknown_type 1',
        '2 schema 1',
      ].sort(),
    );
    expect(offices[1]!.counts()).toMatchObject({ handled: 1, refused: 12 });
    expect(lines.filter(({ text }) => text === 'message refused').length).toBeGreaterThanOrEqual(9);
  });

  it('does not let a forged copy of a message suppress the genuine one', async () => {
    const { nodes, offices, sealed } = mesh(3);
    const got: string[] = [];
    offices[1]!.on(hello, ({ text }) => void got.push(text));
    offices[1]!.subscribe('news');
    const genuine = sealed(2, { topic: 'news' }, { text: 'genuine' });
    const forged = genuine.slice();
    forged[forged.length - 1]! ^= 1;
    nodes[0]!.network.publish('news', forged);
    await until('the forgery', () => offices[1]!.counts().refused === 1);
    nodes[0]!.network.publish('news', genuine);
    await until('the genuine one', () => got.length === 1);
  });

  it('handles no author that is not allowed, even when a member hands its message over', async () => {
    const { nodes, offices, sealed } = mesh(2, { allow: (id) => id !== testIdentity(3).id });
    offices[1]!.on(hello, () => {
      throw new Error('unreachable');
    });
    offices[1]!.subscribe('news');
    nodes[0]!.network.publish('news', sealed(3, { topic: 'news' }));
    await until('the refusal', () => offices[1]!.counts().refused === 1);
    expect(reasons(offices[1]!)).toEqual(['0 stranger 1']);
  });

  it('keeps what comes for a handler that is being restarted, and hands it over in order once it is back', async () => {
    const { offices } = mesh(2);
    const [a, b] = [offices[0]!, offices[1]!];
    const got: string[] = [];
    const ask = () => a.request(b.self, sum, { items: [1, 2] }, { timeoutMs: patientMs });
    const stops = [
      b.on(hello, ({ text }) => void got.push(text)),
      b.answer(sum, ({ items }) => ({ total: items.length })),
    ];
    for (const stop of stops) stop();
    const answer = ask();
    for (const text of ['one', 'two']) a.send(b.self, hello, { text });
    await turnsOfTheLoop();
    expect([got, b.counts().refused]).toEqual([[], 0]);
    b.on(hello, ({ text }) => void got.push(text));
    b.answer(sum, ({ items }) => ({ total: items.reduce((whole, item) => whole + item, 0) }));
    expect(await answer).toEqual({ total: 3 });
    await until('both', () => got.length === 2);
    expect(got).toEqual(['one', 'two']);
    expect(b.counts().refused).toBe(0);
  });

  it('keeps only so many of them: the rest is refused and counted', async () => {
    const { offices } = mesh(2);
    const [a, b] = [offices[0]!, offices[1]!];
    b.on(hello, () => {})();
    for (let i = 0; i < 300; i++) a.send(b.self, hello, { text: `${i}` });
    await until('the refusals', () => b.counts().refused === 44);
    let got = 0;
    b.on(hello, () => void got++);
    await until('those kept', () => got === 256);
  });

  it('rejects a request nobody answers, a refused one with its reason, and a reply that is not one', async () => {
    const { nodes, offices, sealed } = mesh(3);
    const ask = (to: number) => offices[0]!.request(offices[to]!.self, sum, { items: [] }, { timeoutMs: patientMs });
    await expect(ask(1)).rejects.toMatchObject({ code: 'refused' });
    offices[1]!.answer(sum, () => {
      throw new NetworkError('refused', 'too busy');
    });
    await expect(ask(1)).rejects.toMatchObject({ code: 'refused', message: 'too busy' });
    // A peer that replays some other signed message of its own as the reply.
    offices[2]!.close();
    nodes[2]!.network.serve(() =>
      sealed(2, { to: offices[0]!.self, type: sum.reply.type, re: new Uint8Array(16) }, { total: 1 }),
    );
    await expect(ask(2)).rejects.toMatchObject({ code: 'refused' });
    expect(reasons(offices[0]!)).toEqual(['2 reply 1']);
  });

  it('refuses two definitions of one type, and a body that cannot travel', () => {
    const { offices } = mesh(2);
    offices[0]!.on(hello, () => {});
    expect(() => offices[0]!.on(defineMessage('test.hello', z.string()), () => {})).toThrow(/two definitions/);
    expect(() => defineMessage('Bad Type', z.string())).toThrow(RangeError);
    const any = defineMessage('test.any', z.any());
    expect(() => offices[0]!.send(offices[1]!.self, any, new Set([1]))).toThrow(/body/);
    expect(() => offices[0]!.send(offices[1]!.self, any, new Uint8Array(1 << 20))).toThrow(/exceeds its limit/);
  });

  it('logs a handler’s failure, synchronous or not, and goes on', async () => {
    const { offices, lines } = mesh(2);
    let after = 0;
    offices[1]!.on(hello, () => {
      throw new Error('sync');
    });
    offices[1]!.on(hello, async () => {
      throw new Error('async');
    });
    offices[1]!.on(hello, () => void after++);
    offices[0]!.send(offices[1]!.self, hello, { text: 'x' });
    await until('both lines', () => lines.filter(({ text }) => text === 'a message handler failed').length === 2);
    expect(after).toBe(1);
  });

  it('bounds what it remembers of refusals and of seen messages', async () => {
    const { nodes, offices, sealed } = mesh(2);
    let count = 0;
    offices[1]!.on(hello, () => void count++);
    const first = sealed(0, { to: offices[1]!.self });
    nodes[0]!.network.send(offices[1]!.self, first);
    for (let i = 0; i < 4_096; i++) offices[0]!.send(offices[1]!.self, hello, { text: 'x' });
    await until('all', () => count === 4_097);
    // The oldest id is forgotten by now: its lifetime (ttl and clock drift) is what bounds a replay.
    nodes[0]!.network.send(offices[1]!.self, first);
    await until('the replay', () => count === 4_098);
  });
});
