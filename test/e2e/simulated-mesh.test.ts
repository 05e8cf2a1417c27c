// Law: five real processes say as much per decision as their simulation, within a tenth, wherever the machine lets them keep their pace: on a
// busy one they say things again, and the comparison is skipped, with what it came to.
import { expect, test } from 'vitest';
import { calibrate } from '../../sim/calibrate/index.ts';
import { measurePressure } from '../support/pressure.ts';

const triesMax = 2;
/** Share of the time in which something waited for a processor, above which the comparison is about the machine. */
const busyShare = 0.5;

test('five real processes say as much per decision as their simulation: within a tenth', async (context) => {
  for (let tries = 1; ; tries++) {
    const pressure = measurePressure();
    const lines: string[] = [];
    const code = await calibrate({ only: ['mesh'], quick: true }, (line) => lines.push(line));
    const busy = pressure();
    const missed = lines.filter((line) => line.startsWith('  MISSED'));
    expect(lines.filter((line) => line.startsWith('  met'))).toHaveLength(2 - missed.length);
    if (code === 0) return;
    if (tries < triesMax) continue;
    if (busy > busyShare) {
      console.warn(`notice: skipped, work waited for a processor ${(busy * 100).toFixed(0)} % of the time`, missed);
      context.skip();
    }
    expect(missed).toEqual([]);
  }
});
