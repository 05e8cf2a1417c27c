// Law: a publication reaches each subscriber once, and nobody else.
import { expect, it } from 'vitest';
import { bytes, type ContractKit, text } from './kit.ts';

export function publicationsContract({ mesh, sleep, until, listenToNews }: ContractKit): void {
  it('publishes to whoever subscribed, not to the publisher, and no longer after unsubscribing', async () => {
    const { networks } = await mesh(3);
    const got = networks.map(() => [] as string[]);
    const hear = listenToNews(networks, (i, news) => void got[i]!.push(news));
    networks[1]!.subscribe('other', (_, frame) => void got[1]!.push(`other ${text(frame)}`));
    await hear.isReaching([1, 2]);
    networks[0]!.publish('news', bytes('hello'));
    await until('both subscribers', () => got[1]!.length === 1 && got[2]!.length === 1);
    expect(got).toEqual([[], ['hello'], ['hello']]);
    hear.leave[2]!();
    await sleep(100);
    networks[0]!.publish('news', bytes('again'));
    await until('the one left', () => got[1]!.length === 2);
    await sleep(50);
    expect(got).toEqual([[], ['hello', 'again'], ['hello']]);
  });

  it('delivers each publication once', async () => {
    const { networks } = await mesh(4);
    const got = new Map<string, number>();
    const hear = listenToNews(networks, (i, news) => {
      const key = `${i} ${news}`;
      got.set(key, (got.get(key) ?? 0) + 1);
    });
    await hear.isReaching([1, 2, 3]);
    for (let i = 0; i < 50; i++) networks[0]!.publish('news', bytes(`m${i}`));
    await until('all', () => got.size === 150);
    await sleep(100);
    expect([...got.values()].every((count) => count === 1)).toBe(true);
  });
}
