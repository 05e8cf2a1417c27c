// Law: what the Network port promises, every transport keeps. Each transport's test calls this suite; a promise that only some keep
// belongs in that transport's own test. Frames are raw bytes here: envelopes are the post office's concern.
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Clock,
  type Network,
  NetworkError,
  type NodeId,
  type PeerEvent,
  type Scheduler,
} from '../../actors/system/index.ts';
import {
  maxFrameBytes,
  maxOutboundBytes,
  maxRequestsServedPerPeer,
  maxResourceBytes,
  maxTopicBytes,
} from './limits.ts';

export interface ContractMesh {
  /** Every pair connected and announced. */
  readonly networks: readonly Network[];
  /** Closes the node's network and opens it again under the same identity, where the others knew it. */
  restart(index: number): Promise<Network>;
  close(): Promise<void>;
}

export interface ContractHarness {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly open: (count: number) => Promise<ContractMesh>;
}

/** For what has to come; a machine under load proves nothing by being late. */
const deadlineMs = 60_000;

export function networkContract(name: string, harness: ContractHarness): void {
  const { clock, scheduler } = harness;
  const open: ContractMesh[] = [];
  const mesh = async (count: number): Promise<ContractMesh> => {
    const made = await harness.open(count);
    open.push(made);
    return made;
  };
  const pair = async (): Promise<readonly [Network, Network, ContractMesh]> => {
    const made = await mesh(2);
    return [made.networks[0]!, made.networks[1]!, made];
  };
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => void scheduler.at(clock.monotonicMs() + ms, resolve));
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const endMs = clock.monotonicMs() + deadlineMs;
    while (!condition()) {
      if (clock.monotonicMs() > endMs) throw new Error(`waited ${deadlineMs} ms for: ${what}`);
      await sleep(5);
    }
  };
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof NetworkError) return error.code;
      throw error;
    }
    return 'resolved';
  };
  /**
   * Subscribes every network to one topic. Publications are best effort and subscriptions travel too: probes, which count for nothing, are
   * repeated until those named have heard one of the first network's.
   */
  const listenToNews = (networks: readonly Network[], onNews: (index: number, news: string) => void) => {
    const reached = new Set<number>();
    const leave = networks.map((network, i) =>
      network.subscribe('news', (_, frame) => {
        if (text(frame).startsWith('probe ')) reached.add(i);
        else onNews(i, text(frame));
      }),
    );
    const isReaching = async (indexes: readonly number[]): Promise<void> => {
      let probes = 0;
      await until('a publication to reach every subscriber', () => {
        if (probes % 4 === 0) networks[0]!.publish('news', bytes(`probe ${probes}`));
        probes++;
        return indexes.every((i) => reached.has(i));
      });
    };
    return { leave, isReaching };
  };
  const drainAll = async (source: AsyncIterable<Uint8Array>): Promise<number> => {
    let bytes = 0;
    for await (const chunk of source) bytes += chunk.length;
    return bytes;
  };

  describe(`${name} keeps the Network contract`, () => {
    afterEach(async () => {
      await Promise.all(open.splice(0).map((made) => made.close()));
    });

    it('delivers a frame to the peer it names, with the sender it came from', async () => {
      const { networks } = await mesh(3);
      const got = networks.map(() => [] as [NodeId, string][]);
      for (const [i, network] of networks.entries())
        network.onFrame((from, frame) => void got[i]!.push([from, text(frame)]));
      expect(networks[0]!.peers()).toEqual([networks[1]!.self, networks[2]!.self].sort());
      expect(networks[0]!.send(networks[1]!.self, bytes('to one'))).toBe(true);
      expect(networks[2]!.send(networks[0]!.self, bytes('to zero'))).toBe(true);
      await until('both frames', () => got[0]!.length === 1 && got[1]!.length === 1);
      expect(got).toEqual([[[networks[2]!.self, 'to zero']], [[networks[0]!.self, 'to one']], []]);
    });

    it('delivers every frame of a pair in the order it was sent, whatever the sizes, and empty ones too', async () => {
      const [a, b] = await pair();
      const got: [number, number][] = [];
      b.onFrame((_, frame) => void got.push([frame.length >= 4 ? view(frame).getUint32(0) : -1, frame.length]));
      const sent: [number, number][] = [];
      for (let i = 0; i < 2_000; i++) {
        const size = i % 500 === 7 ? 0 : i % 97 === 3 ? 70_000 : 4 + ((i * 37) % 600);
        const frame = new Uint8Array(size);
        if (size >= 4) view(frame).setUint32(0, i);
        while (!a.send(b.self, frame)) await sleep(1);
        sent.push([size >= 4 ? i : -1, size]);
      }
      await until('all frames', () => got.length >= sent.length);
      expect(got).toEqual(sent);
    });

    it('carries a frame of exactly the limit unchanged and refuses a larger one as too_large', async () => {
      const [a, b] = await pair();
      expect(a.maxFrameBytes).toBe(maxFrameBytes);
      const whole = new Uint8Array(maxFrameBytes).map((_, i) => (i * 31) ^ (i >> 8));
      let got: Uint8Array | undefined;
      b.onFrame((_, frame) => {
        got = frame.slice();
      });
      b.serve((_, frame) => frame);
      expect(a.send(b.self, whole)).toBe(true);
      await until('the frame', () => got !== undefined);
      expect(Buffer.compare(got!, whole)).toBe(0);
      expect(Buffer.compare(await a.request(b.self, whole, { timeoutMs: deadlineMs }), whole)).toBe(0);
      const larger = new Uint8Array(maxFrameBytes + 1);
      expect(() => a.send(b.self, larger)).toThrow(NetworkError);
      expect(() => a.publish('topic', larger)).toThrow(NetworkError);
      expect(await codeOf(a.request(b.self, larger, { timeoutMs: 1_000 }))).toBe('too_large');
    });

    it('answers send with false once the peer’s buffer is full, in bounded memory, and sends again when it has drained', async () => {
      const [a, b] = await pair();
      let got = 0;
      b.onFrame(() => void got++);
      const frame = new Uint8Array(256 << 10);
      let accepted = 0;
      while (accepted < 2_000 && a.send(b.self, frame)) accepted++;
      expect(accepted * frame.length).toBeGreaterThanOrEqual(maxOutboundBytes - frame.length);
      // The kernel's and the multiplexer's own windows come on top of the buffer.
      expect(accepted * frame.length).toBeLessThan(4 * maxOutboundBytes);
      await until('what was accepted', () => got === accepted);
      expect(a.send(b.self, frame)).toBe(true);
      await until('one more', () => got === accepted + 1);
    });

    it('answers send with false where there is no connection to the peer, or to oneself', async () => {
      const [a] = await pair();
      expect(a.send(stranger, bytes('x'))).toBe(false);
      expect(a.send(a.self, bytes('x'))).toBe(false);
    });

    it('lets one handler fail without harm to the next handler, the next frame or the connection', async () => {
      const [a, b] = await pair();
      const got: string[] = [];
      b.onFrame(() => {
        throw new Error('a broken handler');
      });
      b.onFrame((_, frame) => void got.push(text(frame)));
      a.send(b.self, bytes('one'));
      a.send(b.self, bytes('two'));
      await until('both', () => got.length === 2);
      expect(got).toEqual(['one', 'two']);
      expect(a.peers()).toEqual([b.self]);
    });

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

    it('pulls a payload many times the frame limit, intact, and from an offset', async () => {
      const [a, b] = await pair();
      const sizeBytes = 5_000_000;
      const byteAt = (i: number): number => ((i * 7) ^ (i >> 11)) & 0xff;
      b.provide(async function* (from, resource, offsetBytes) {
        expect([from, resource]).toEqual([a.self, 'blob/abc']);
        for (let at = offsetBytes; at < sizeBytes; ) {
          const size = Math.min(sizeBytes - at, 1 + ((at * 13) % 200_000));
          yield new Uint8Array(size).map((_, i) => byteAt(at + i));
          at += size;
        }
      });
      for (const offsetBytes of [0, 4_321_000]) {
        let at = offsetBytes;
        for await (const chunk of a.pull(b.self, 'blob/abc', offsetBytes)) {
          for (let i = 0; i < chunk.length; i += 997) expect(chunk[i]).toBe(byteAt(at + i));
          at += chunk.length;
        }
        expect(at).toBe(sizeBytes);
      }
    });

    it('stops the provider while the reader does not read, so that a slow reader bounds the sender’s memory', async () => {
      const [a, b] = await pair();
      let produced = 0;
      let ended = false;
      b.provide(async function* () {
        try {
          for (; produced < 64 << 20; produced += 64 << 10) yield new Uint8Array(64 << 10);
        } finally {
          ended = true;
        }
      });
      const reader = a.pull(b.self, 'large', 0)[Symbol.asyncIterator]();
      await reader.next();
      await sleep(800);
      expect(produced).toBeLessThan(4 << 20);
      let read = 0;
      while (read < 8 << 20) read += (await reader.next()).value!.length;
      await reader.return!();
      await until('the provider to end with its reader', () => ended);
      expect(produced).toBeLessThan(32 << 20);
    });

    it('gives a reader that is slower than its sender the whole payload, to its last byte', async () => {
      const [a, b] = await pair();
      const sizeBytes = 12 << 20;
      b.provide(async function* () {
        for (let at = 0; at < sizeBytes; at += 64 << 10) yield new Uint8Array(64 << 10).fill((at >> 16) & 0xff);
      });
      const readSlowly = async (): Promise<number> => {
        let read = 0;
        let chunks = 0;
        for await (const chunk of a.pull(b.self, 'large', 0)) {
          expect(chunk[0]).toBe((read >> 16) & 0xff);
          read += chunk.length;
          // The sender is done, and has closed, long before the reader comes to the end.
          if (++chunks % 4 === 0) await sleep(1);
        }
        return read;
      };
      expect(await Promise.all([readSlowly(), readSlowly(), readSlowly()])).toEqual([sizeBytes, sizeBytes, sizeBytes]);
    });

    it('rejects a pull as refused where the resource is not there or breaks off, never as a shorter payload', async () => {
      const [a, b] = await pair();
      expect(await codeOf(drainAll(a.pull(b.self, 'nobody provides', 0)))).toBe('refused');
      b.provide((_, resource) => {
        if (resource !== 'broken') return undefined;
        return (async function* () {
          yield new Uint8Array(100_000);
          throw new Error('disk error');
        })();
      });
      expect(await codeOf(drainAll(a.pull(b.self, 'missing', 0)))).toBe('refused');
      expect(await codeOf(drainAll(a.pull(b.self, 'broken', 0)))).toBe('refused');
      expect(await codeOf(drainAll(a.pull(stranger, 'x', 0)))).toBe('unreachable');
    });

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

    it('carries a resource name of exactly the limit, and refuses longer ones, and longer topics', async () => {
      const [a, b] = await pair();
      const topic = 't'.repeat(maxTopicBytes + 1);
      expect(() => a.publish(topic, bytes('x'))).toThrow(RangeError);
      expect(() => b.subscribe(topic, () => {})).toThrow(RangeError);
      b.subscribe(topic.slice(1), () => {});
      const resource = 'r'.repeat(maxResourceBytes);
      b.provide(async function* (_, asked) {
        yield bytes(String(asked.length));
      });
      expect(await drainAll(a.pull(b.self, resource, 0))).toBe(String(maxResourceBytes).length);
      expect(await codeOf(drainAll(a.pull(b.self, `${resource}r`, 0)))).toBe('too_large');
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
  });
}

/** The peer id of a key that no test uses. */
const stranger = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (value: string): Uint8Array => encoder.encode(value);
const text = (value: Uint8Array): string => decoder.decode(value);
const view = (value: Uint8Array): DataView => new DataView(value.buffer, value.byteOffset, value.byteLength);
