// Law: a peer that goes is down at once, what was meant for one life reaches no other, and closing leaves nothing behind.
import { expect, it } from 'vitest';
import type { Network, PeerEvent } from '../../../actors/system/index.ts';
import { maxOutboundBytes } from '../limits.ts';
import { bytes, type ContractKit, deadlineMs, text, view } from './kit.ts';

export function livesContract({ clock, mesh, pair, sleep, until, codeOf }: ContractKit): void {
  it('reports a peer down at once when it closes, and up again after it restarts, with everything working as before', async () => {
    const [a, b, made] = await pair();
    const events: PeerEvent[] = [];
    a.onPeer((event) => void events.push(event));
    const news: string[] = [];
    a.subscribe('news', (_, frame) => void news.push(text(frame)));
    a.serve((_, frame) => frame);
    const startMs = clock.monotonicMs();
    const again = await made.restart(1);
    await until('down and up', () => events.length === 2);
    expect(events).toEqual([
      { node: b.self, up: false },
      { node: b.self, up: true },
    ]);
    expect(a.peers()).toEqual([b.self]);
    // Up means that what is published now arrives: a subscription made before is known.
    await until('the other side', () => again.peers().includes(a.self));
    again.publish('news', bytes('fresh'));
    expect(text(await again.request(a.self, bytes('hello'), { timeoutMs: deadlineMs }))).toBe('hello');
    again.serve((_, frame) => frame);
    expect(text(await a.request(again.self, bytes('back'), { timeoutMs: deadlineMs }))).toBe('back');
    await until('the publication', () => news.includes('fresh'));
    expect(clock.monotonicMs() - startMs).toBeLessThan(deadlineMs);
  });

  it('delivers nothing twice and nothing out of order across a restart of the peer, and nothing of before to its next life', async () => {
    const [a, b, made] = await pair();
    const lives: number[][] = [[], []];
    const listen = (network: Network, life: number): void => {
      network.onFrame((_, frame) => void lives[life]!.push(view(frame).getUint32(0)));
    };
    listen(b, 0);
    let sent = 0;
    let isOver = false;
    const sending = (async () => {
      while (!isOver) {
        const frame = new Uint8Array(1_000);
        view(frame).setUint32(0, sent);
        if (a.send(b.self, frame)) sent++;
        else await sleep(2);
        if (sent % 50 === 0) await sleep(1);
      }
    })();
    await until('its first life to hear something', () => lives[0]!.length > 100);
    const again = await made.restart(1);
    const sentBefore = sent;
    listen(again, 1);
    await until('its second life to hear something', () => lives[1]!.length > 100);
    isOver = true;
    await sending;
    await until('the last frame', () => lives[1]!.at(-1) === sent - 1);
    for (const heard of lives) expect(heard.every((value, i) => i === 0 || value > heard[i - 1]!)).toBe(true);
    expect(lives[1]![0]).toBeGreaterThan(lives[0]!.at(-1)!);
    // What was sent while it was away was refused to the sender or is lost; it is not kept for later.
    expect(lives[1]![0]).toBeGreaterThanOrEqual(sentBefore - maxOutboundBytes / 1_000);
  });

  it('closes twice, and with work in flight, without a rejection nobody handles', async () => {
    const { networks } = await mesh(3);
    for (const network of networks) {
      network.serve((_, frame) => frame);
      network.subscribe('news', () => {});
    }
    const work = networks.flatMap((a) =>
      networks
        .filter((b) => b !== a)
        .map((b) => codeOf(a.request(b.self, new Uint8Array(100_000), { timeoutMs: deadlineMs }))),
    );
    for (const network of networks) network.publish('news', bytes('x'));
    await Promise.all(networks.map((network) => network.close()));
    await Promise.all(networks.map((network) => network.close()));
    for (const outcome of await Promise.all(work))
      expect(['resolved', 'closed', 'unreachable', 'refused']).toContain(outcome);
  });
}
