import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('does what an array does with push, shift and filter', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 90 }) }) },
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 90 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), count: fc.integer({ min: 2, max: 5 }) }) },
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, (script) => {
      const fifo = new Fifo<number>();
      let list: number[] = [];
      let next = 0;
      for (const { do: what, count } of script) {
        if (what === 'drop') {
          fifo.drop((item) => item % count === 0);
          list = list.filter((item) => item % count !== 0);
        }
        for (let time = 0; time < count && what !== 'drop'; time++) {
          if (what === 'shift') expect(fifo.shift()).toBe(list.shift());
          else {
            fifo.push(next);
            list.push(next++);
          }
        }
        expect(fifo.size).toBe(list.length);
      }
    }),
  );
});
