import { expect, test } from 'vitest';
import { expectedPushRounds } from './epidemic.ts';
import { calibrate } from './index.ts';
import { sampleOf, shareOf, withinPoints, withinShare, withinThreeSigma } from './yardstick.ts';

test('the quick calibration meets every yardstick', async () => {
  const run = async (seed: number): Promise<{ code: number; lines: string[] }> => {
    const lines: string[] = [];
    return { code: await calibrate({ quick: true, seed }, (line) => lines.push(line)), lines };
  };
  const nameOf = (line: string): string => line.split('  expected ')[0]!;
  const missedIn = ({ lines }: { lines: string[] }): string[] => lines.filter((line) => line.startsWith('  MISSED'));
  const first = await run(1);
  expect(first.lines.at(-1)).toMatch(/^\d\d yardsticks, \d+ missed$/);
  expect(first.code).toBe(missedIn(first).length === 0 ? 0 : 1);
  if (first.code === 0) return;
  // One chance in 400 for each yardstick at each change of a draw: what is wrong misses again with other draws, what was chance does not.
  const again = missedIn(await run(2)).map(nameOf);
  expect(missedIn(first).filter((line) => again.includes(nameOf(line)))).toEqual([]);
});

test('a sample that is off by more than three standard errors is missed, one within is met', () => {
  const about = { group: 'g', name: 'n', source: 's' };
  const sample = sampleOf([1, 2, 3, 4]);
  expect(sample.mean).toBe(2.5);
  expect(sample.standardError).toBeCloseTo(Math.sqrt(5 / 3 / 4), 12);
  expect(withinThreeSigma(about, 2.5 + 2.9 * sample.standardError, sample).isMet).toBe(true);
  expect(withinThreeSigma(about, 2.5 + 3.1 * sample.standardError, sample).isMet).toBe(false);
  // No success at all is judged by the error of the share that was expected, and is no division by nothing.
  expect(withinThreeSigma(about, 0.5, shareOf(0, 100, 0.5)).isMet).toBe(false);
  expect(withinShare(about, 1_000, 1_029, 0.03).isMet).toBe(true);
  expect(withinShare(about, 1_000, 969, 0.03).isMet).toBe(false);
  expect(withinPoints(about, 10, 12.9, 3).isMet).toBe(true);
  expect(withinPoints(about, 10, 13.1, 3).isMet).toBe(false);
});

test('the expected rounds of push are right where they can be counted by hand', () => {
  // Two nodes: the other hears in the first round. Three: after one round two know; each tells the third with chance 1/2 per round.
  expect(expectedPushRounds(2)).toBeCloseTo(1, 12);
  expect(expectedPushRounds(3)).toBeCloseTo(1 + 1 / (1 - 1 / 4), 12);
});
