// Law: `npm run model` prints what the exhaustive model of the fast and slow path found, row by row, and fails where a configuration
// shows a violation or a mutant shows none.
import { modelRows } from '../consensus/model/index.ts';

const startMs = performance.now();
let beforeMs = startMs;
let part = '';
let wrong = 0;
for (const row of modelRows({ statesMax: 10_000_000, weightedMembersMax: 6 })) {
  if (row.part !== part) {
    part = row.part;
    console.log(`\n${part}`);
  }
  const nowMs = performance.now();
  const found =
    [row.disagreement && `two values decided: ${row.disagreement}`, row.blocked && `blocked: ${row.blocked}`]
      .filter(Boolean)
      .join('; ') || 'no violation, none blocked';
  console.log(
    `${row.isAsExpected ? 'ok ' : 'BAD'} ${row.name}\n      ${row.looked} looked at in ${((nowMs - beforeMs) / 1000).toFixed(1)} s: ${found}`,
  );
  if (!row.isAsExpected) wrong++;
  beforeMs = nowMs;
}
console.log(
  `\n${wrong === 0 ? 'every configuration holds and every mutant dies' : `${wrong} row(s) are not as expected`}, ${((beforeMs - startMs) / 1000).toFixed(0)} s`,
);
if (wrong > 0) process.exitCode = 1;
