import { expect, test } from 'vitest';
import { calibrate } from '../../sim/calibrate/index.ts';

test('five real processes say as much per decision as their simulation: within a tenth', async () => {
  const lines: string[] = [];
  const code = await calibrate({ only: ['mesh'], quick: true }, (line) => lines.push(line));
  expect(lines.filter((line) => line.includes('MISSED'))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('  met'))).toHaveLength(2);
  expect(code).toBe(0);
}, 180_000);
