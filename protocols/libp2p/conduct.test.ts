import { expect, it } from 'vitest';
import { createConduct } from './conduct.ts';

function clocked() {
  let nowMs = 0;
  const conduct = createConduct(() => nowMs);
  return { conduct, pass: (ms: number) => (nowMs += ms) };
}
const many = (conduct: ReturnType<typeof createConduct>, node: string, reason: string, count: number): number[] =>
  Array.from({ length: count }, () => conduct.violation(node, reason)).filter((ms) => ms > 0);

it('keeps out who breaks the rules over and over, longer each time, and nobody else', () => {
  const { conduct, pass } = clocked();
  expect(many(conduct, 'mallory', 'oversized', 3)).toEqual([]);
  expect(conduct.isKeptOut('mallory')).toBe(false);
  expect(many(conduct, 'mallory', 'oversized', 1)).toEqual([5_000]);
  expect([conduct.isKeptOut('mallory'), conduct.isKeptOut('amber')]).toEqual([true, false]);
  pass(5_001);
  expect(conduct.isKeptOut('mallory')).toBe(false);
  expect(many(conduct, 'mallory', 'oversized', 3)).toEqual([10_000]);
});

it('forgets with time: an honest peer that stumbles now and then is never kept out', () => {
  const { conduct, pass } = clocked();
  for (let i = 0; i < 200; i++) {
    expect(conduct.violation('amber', 'half_open')).toBe(0);
    expect(i % 10 === 0 ? conduct.violation('amber', 'protocol') : 0).toBe(0);
    pass(10_000);
  }
});

it('counts nothing for what says nothing about the peer, and remembers a bounded number of them', () => {
  const { conduct } = clocked();
  expect(many(conduct, 'amber', 'stranger', 100)).toEqual([]);
  for (let i = 0; i < 5_000; i++) conduct.violation(`node ${i}`, 'oversized');
  expect(many(conduct, 'node 1', 'oversized', 3)).toEqual([]);
});
