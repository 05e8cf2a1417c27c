// Law: a payload of any size arrives whole or fails, at the pace of its reader.
import { expect, it } from 'vitest';
import { maxResourceBytes, maxTopicBytes } from '../limits.ts';
import { bytes, type ContractKit, stranger } from './kit.ts';

export function payloadsContract({ pair, sleep, until, codeOf, drainAll }: ContractKit): void {
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
}
