// Law: the numbers are those of hashicorp/memberlist (suspicion_test.go, awareness_test.go, util_test.go), re-typed as facts.
import { expect, test } from 'vitest';
import { createAwareness, createSuspicion, retransmitLimit, suspicionLengthMs, suspicionTimeoutMs } from './timing.ts';

test.each([
  [0, 0, 30_000],
  [1, 2_000, 14_000],
  [2, 3_000, 4_810],
  [3, 4_000, -2_000],
  [4, 5_000, -3_000],
  [5, 10_000, -8_000],
])(
  'after %i confirmations of 3 and %i ms, a suspicion of 2 to 30 s has %i ms left (memberlist)',
  (confirmations, elapsedMs, expectedMs) => {
    expect(suspicionLengthMs(confirmations, 3, 2_000, 30_000) - elapsedMs).toBe(expectedMs);
  },
);

test.each<[string, number, [string, boolean][], number]>([
  ['nobody', 0, [], 2_000],
  [
    'one other',
    1,
    [
      ['me', false],
      ['foo', true],
    ],
    1_250,
  ],
  [
    'one other, three times',
    1,
    [
      ['me', false],
      ['foo', true],
      ['foo', false],
      ['foo', false],
    ],
    1_250,
  ],
  [
    'two others',
    2,
    [
      ['me', false],
      ['foo', true],
      ['bar', true],
    ],
    810,
  ],
  [
    'three others',
    3,
    [
      ['me', false],
      ['foo', true],
      ['bar', true],
      ['baz', true],
    ],
    500,
  ],
  [
    'four others',
    3,
    [
      ['me', false],
      ['foo', true],
      ['bar', true],
      ['baz', true],
      ['zoo', false],
    ],
    500,
  ],
])(
  'a suspicion of 0.5 to 2 s confirmed by %s has %i confirmations (memberlist)',
  (_, confirmations, calls, expectedMs) => {
    const suspicion = createSuspicion({ accuser: 'me', needed: 3, minMs: 500, maxMs: 2_000, startMs: 100 });
    for (const [from, isNew] of calls) expect(suspicion.confirm(from)).toBe(isNew);
    expect(suspicion.confirmations).toBe(confirmations);
    expect(Math.abs(suspicion.deadlineMs() - 100 - expectedMs)).toBeLessThanOrEqual(2);
  },
);

test('a late confirmation can end a suspicion at once (memberlist)', () => {
  const suspicion = createSuspicion({ accuser: 'me', needed: 1, minMs: 100, maxMs: 30_000, startMs: 0 });
  suspicion.confirm('foo');
  expect(suspicion.deadlineMs()).toBe(100);
});

test('a suspicion nobody else could confirm lasts its minimum', () => {
  expect(createSuspicion({ accuser: 'me', needed: 0, minMs: 100, maxMs: 30_000, startMs: 0 }).deadlineMs()).toBe(100);
});

test('local health follows 14 changes within its bounds (memberlist)', () => {
  const steps: readonly (readonly [delta: number, score: number])[] = [
    [0, 0],
    [-1, 0],
    [-10, 0],
    [1, 1],
    [-1, 0],
    [10, 7],
    [-1, 6],
    [-1, 5],
    [-1, 4],
    [-1, 3],
    [-1, 2],
    [-1, 1],
    [-1, 0],
    [-1, 0],
  ];
  const awareness = createAwareness(8);
  for (const [delta, score] of steps) {
    awareness.apply(delta);
    expect(awareness.score).toBe(score);
    expect(awareness.scale(1_000)).toBe(1_000 * (score + 1));
  }
});

test.each([
  [5, 1_000],
  [10, 1_000],
  [50, 1_698],
  [100, 2_000],
  [500, 2_698],
  [1_000, 3_000],
])('a mesh of %i suspects for %i ms per unit of its multiplier (memberlist)', (nodes, expectedMs) => {
  expect(suspicionTimeoutMs(3, nodes, 1_000) / 3).toBe(expectedMs);
});

test.each([
  [0, 0],
  [1, 3],
  [99, 6],
])('a claim in a mesh of %i is repeated %i times (memberlist)', (nodes, times) => {
  expect(retransmitLimit(3, nodes)).toBe(times);
});
