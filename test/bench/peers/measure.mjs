// Law: every program is measured alike: CPU nanoseconds of the whole process per operation, the best and the median of several rounds
// after a warm-up, beside a loop of pure arithmetic that shows how disturbed the machine was.

const rounds = 5;

/** CPU milliseconds of a fixed piece of work. */
function calibrate() {
  const before = process.cpuUsage();
  let x = 1;
  for (let i = 0; i < 20_000_000; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 + (x === 42 ? 1 : 0);
}

/**
 * Runs the case named by the command line and prints its figures as one line of JSON. A case does its work and returns the number of
 * operations and, if there is something to end, how, which is not measured; `idle` spawns that many actors and returns them, `gap`
 * floods the loop.
 */
export async function main(cases) {
  const name = process.argv[2];
  const run = cases[name];
  if (run === undefined) {
    console.log(JSON.stringify({ absent: true }));
    process.exit(0);
  }
  calibrate();
  const loopMs = calibrate();
  if (name === 'idle') print({ best: await idleBytes(run), loopMs });
  if (name === 'gap') print({ best: await largestGapMs(run), loopMs });
  const figures = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    const [operations, end] = await run();
    const { user, system } = process.cpuUsage(before);
    await end?.();
    if (round > 0) figures.push(((user + system) * 1000) / operations);
  }
  figures.sort((a, b) => a - b);
  print({ best: figures[0], median: figures[figures.length >> 1], loopMs });
}

function print(figures) {
  console.log(JSON.stringify(figures));
  process.exit(0);
}

async function idleBytes(spawn) {
  const actors = 100_000;
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const kept = await spawn(actors);
  await new Promise((resolve) => setTimeout(resolve, 300));
  globalThis.gc();
  const bytes = (process.memoryUsage().heapUsed - before) / actors;
  return kept === undefined ? Number.NaN : bytes;
}

/** In CPU time, so that other programs do not count: how long a timer of 1 ms had to wait at most. */
async function largestGapMs(flood) {
  await (await flood())[1]?.();
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  let last = cpuMs();
  let largest = 0;
  const timer = setInterval(() => {
    const now = cpuMs();
    largest = Math.max(largest, now - last);
    last = now;
  }, 1);
  await flood();
  // A flood that never let the timer run is one gap.
  largest = Math.max(largest, cpuMs() - last);
  clearInterval(timer);
  return largest;
}
