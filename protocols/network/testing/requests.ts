// Law: a request ends in its own reply or in the reason why there is none, and holds up nothing else.
import { expect, it } from 'vitest';
import { NetworkError } from '../../../actors/system/index.ts';
import { maxRequestsServedPerPeer } from '../limits.ts';
import { bytes, type ContractKit, deadlineMs, stranger, text, view } from './kit.ts';

export function requestsContract({ clock, pair, sleep, until, codeOf, drainAll }: ContractKit): void {
  it('answers requests, each with its own reply, many at once and out of order', async () => {
    const [a, b] = await pair();
    b.serve(async (from, frame) => {
      await sleep(view(frame).getUint32(0) % 7);
      return bytes(`${from === a.self} ${view(frame).getUint32(0)}`);
    });
    const replies = await Promise.all(
      Array.from({ length: 500 }, (_, i) => {
        const frame = new Uint8Array(4);
        view(frame).setUint32(0, i);
        return a.request(b.self, frame, { timeoutMs: deadlineMs });
      }),
    );
    expect(replies.map(text)).toEqual(Array.from({ length: 500 }, (_, i) => `true ${i}`));
  });

  it('rejects a request as timeout at its deadline, and drops the reply that comes after', async () => {
    const [a, b] = await pair();
    const late: ((reply: Uint8Array) => void)[] = [];
    b.serve((_, frame) => (text(frame) === 'late' ? new Promise((resolve) => late.push(resolve)) : frame));
    expect(await codeOf(a.request(b.self, bytes('late'), { timeoutMs: 100 }))).toBe('timeout');
    await until('the request', () => late.length === 1);
    late[0]!(bytes('too late'));
    expect(text(await a.request(b.self, bytes('next'), { timeoutMs: deadlineMs }))).toBe('next');
    expect(a.peers()).toEqual([b.self]);
  });

  it('rejects a request as refused where the handler throws, telling the caller only what was thrown for it', async () => {
    const [a, b] = await pair();
    const stop = b.serve((_, frame) => {
      if (text(frame) === 'secret') throw new Error('the password is 1234');
      throw new NetworkError('refused', 'no such skill');
    });
    await expect(a.request(b.self, bytes('secret'), { timeoutMs: deadlineMs })).rejects.toMatchObject({
      code: 'refused',
      message: expect.not.stringContaining('1234'),
    });
    await expect(a.request(b.self, bytes('skill'), { timeoutMs: deadlineMs })).rejects.toMatchObject({
      code: 'refused',
      message: 'no such skill',
    });
    stop();
    expect(await codeOf(a.request(b.self, bytes('x'), { timeoutMs: deadlineMs }))).toBe('refused');
  });

  it('answers only so many requests of one peer at a time, and refuses the rest at once', async () => {
    const [a, b] = await pair();
    b.serve(() => new Promise<Uint8Array>(() => {}));
    const outcomes: string[] = [];
    const all = Array.from({ length: maxRequestsServedPerPeer + 10 }, async () => {
      outcomes.push(await codeOf(a.request(b.self, bytes('x'), { timeoutMs: 6 * deadlineMs })));
    });
    await until('the refusals', () => outcomes.length === 10);
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => 'refused'));
    await a.close();
    await Promise.all(all);
    expect(outcomes.filter((code) => code === 'closed')).toHaveLength(maxRequestsServedPerPeer);
  });

  it('rejects a request as unreachable where there is no connection', async () => {
    const [a] = await pair();
    expect(await codeOf(a.request(stranger, bytes('x'), { timeoutMs: deadlineMs }))).toBe('unreachable');
  });

  it('rejects requests in flight as unreachable when the peer goes away, and as closed when this end closes', async () => {
    const [a, b] = await pair();
    let asked = 0;
    const neverAnswer = (): Promise<Uint8Array> => {
      asked++;
      return new Promise(() => {});
    };
    b.serve(neverAnswer);
    const lost = codeOf(a.request(b.self, bytes('x'), { timeoutMs: deadlineMs }));
    await until('the request', () => asked === 1);
    await b.close();
    expect(await lost).toBe('unreachable');

    const [c, d] = await pair();
    d.serve(neverAnswer);
    d.provide(async function* () {
      asked++;
      yield bytes('first');
      await new Promise(() => {});
    });
    const closed = codeOf(c.request(d.self, bytes('x'), { timeoutMs: deadlineMs }));
    const pulled = codeOf(drainAll(c.pull(d.self, 'endless', 0)));
    await until('the request and the pull', () => asked === 3);
    const startMs = clock.monotonicMs();
    await c.close();
    // It does not wait for what is in flight.
    expect(clock.monotonicMs() - startMs).toBeLessThan(deadlineMs / 2);
    expect([await closed, await pulled]).toEqual(['closed', 'closed']);
    expect(c.send(d.self, bytes('x'))).toBe(false);
    expect(await codeOf(c.request(d.self, bytes('x'), { timeoutMs: 100 }))).toBe('closed');
    expect(await codeOf(drainAll(c.pull(d.self, 'x', 0)))).toBe('closed');
    c.publish('news', bytes('x'));
    await c.close();
  });
}
