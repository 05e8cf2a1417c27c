import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHlc, hlcTime } from './hlc.ts';

describe('a hybrid logical clock', () => {
  it('never repeats and never goes back, whatever the wall clock does and whatever it is told', () => {
    const step = fc.oneof(
      fc.record({ jumpMs: fc.integer({ min: -5_000, max: 5_000 }) }),
      fc.record({ peerMs: fc.integer({ min: -10_000, max: 10_000 }), counter: fc.nat(65_535) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let wallMs = 1_700_000_000_000;
        const hlc = createHlc({ wallMs: () => wallMs }, 1_000);
        let last = hlc.now();
        for (const item of steps) {
          if ('jumpMs' in item) wallMs += item.jumpMs;
          else {
            const time = hlcTime.of(wallMs + item.peerMs, item.counter);
            const accepted = hlc.observe(time);
            expect(accepted).toBe(item.peerMs <= 1_000);
            if (accepted && time > last) last = time;
          }
          const now = hlc.now();
          expect(now > last).toBe(true);
          last = now;
        }
      }),
    );
  });

  it('is not dragged along by a peer beyond the drift bound', () => {
    const hlc = createHlc({ wallMs: () => 1_000_000 }, 500);
    expect(hlc.observe(hlcTime.of(1_000_501))).toBe(false);
    expect(hlcTime.wallMs(hlc.now())).toBe(1_000_000);
    expect(hlc.observe(hlcTime.of(1_000_500))).toBe(true);
    expect(hlcTime.wallMs(hlc.now())).toBe(1_000_500);
  });

  it('orders 70,000 times within one millisecond: the counter carries over', () => {
    const hlc = createHlc({ wallMs: () => 5 });
    let last = hlc.now();
    for (let i = 0; i < 70_000; i++) {
      const now = hlc.now();
      if (now <= last) throw new Error(`${now} is not after ${last}`);
      last = now;
    }
    expect([hlcTime.wallMs(last), hlcTime.counter(last)]).toEqual([6, 70_000 - 65_536]);
  });
});
