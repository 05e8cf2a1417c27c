import { expect, it } from 'vitest';
import { createDepartures } from './departures.ts';

/** Who is a member in which epoch. */
function chainOf(...epochs: readonly string[]) {
  const members = (epoch: number): string => epochs[epoch] ?? '';
  return {
    links: epochs.map(() => ({})) as never,
    node: (id: string, epoch = epochs.length - 1) => (members(epoch).includes(id) ? ({ id } as never) : undefined),
  };
}

it('takes a member at its word for the membership it was given in, and for none after', () => {
  const departures = createDepartures(chainOf('ab', 'abc', 'abc'));
  expect(departures.has('a')).toBe(false);
  departures.note('a', 1);
  expect(departures.has('a')).toBe(true);
  // Who left in epoch 1 and came back in epoch 3 stays.
  const later = createDepartures(chainOf('ab', 'ab', 'b', 'ab'));
  later.note('a', 1);
  expect(later.has('a')).toBe(false);
  later.note('a', 3);
  expect(later.has('a')).toBe(true);
});

it('says nothing of who is no member, and tells of a new word once', () => {
  const departures = createDepartures(chainOf('ab'));
  let told = 0;
  departures.onChange(() => void told++);
  departures.note('c', 0);
  departures.note('c', 0);
  expect([departures.has('c'), told]).toEqual([false, 1]);
});
