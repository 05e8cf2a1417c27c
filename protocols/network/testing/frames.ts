// Law: a frame arrives whole, in order, from who sent it, or its sender is told that it will not.
import { expect, it } from 'vitest';
import { NetworkError, type NodeId } from '../../../actors/system/index.ts';
import { maxFrameBytes, maxOutboundBytes } from '../limits.ts';
import { bytes, type ContractKit, deadlineMs, stranger, text, view } from './kit.ts';

export function framesContract({ mesh, pair, sleep, until, codeOf }: ContractKit): void {
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

  it('keeps what came before anyone listened, in order, for whoever listens first', async () => {
    const [a, b] = await pair();
    b.serve((_, frame) => frame);
    const sent = Array.from({ length: 50 }, (_, i) => `early ${i}`);
    for (const each of sent) expect(a.send(b.self, bytes(each))).toBe(true);
    // What went before the request is there when it is answered.
    await a.request(b.self, bytes('are they there?'), { timeoutMs: deadlineMs });
    const got: string[] = [];
    b.onFrame((_, frame) => void got.push(text(frame)));
    a.send(b.self, bytes('late'));
    await until('all frames', () => got.length > sent.length);
    expect(got).toEqual([...sent, 'late']);
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
}
