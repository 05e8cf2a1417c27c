// Law: `node sim/calibrate/main.ts [--quick] [--mesh] [--only PART…] [--seed S]` prints every yardstick and exits with 1 if one is missed.
// `--mesh` adds the comparison with five real processes.
import { parseArgs } from 'node:util';
import { type CalibratedPart, calibrate, calibratedParts } from './index.ts';

const { values } = parseArgs({
  options: {
    mesh: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
  },
});
const chosen = values.only ?? calibratedParts.filter((part) => part !== 'mesh' || values.mesh);
const unknown = chosen.filter((part) => !(calibratedParts as readonly string[]).includes(part));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}; there are ${calibratedParts.join(', ')}`);
  process.exitCode = 2;
} else {
  process.exitCode = await calibrate(
    {
      quick: values.quick,
      seed: Number(values.seed),
      only: chosen as CalibratedPart[],
    },
    (line) => console.log(line),
  );
}
