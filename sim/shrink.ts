// Law: the smallest case that still breaks the same law: faults, lies and work are left out one by one, and what stays is needed. Draws are
// keyed, so that leaving one thing out leaves the rest as it was.
import { type RunResult, runCase, type SimCase } from './run.ts';

export interface Shrunk {
  readonly simCase: SimCase;
  readonly result: RunResult;
  readonly runs: number;
}

/** Every case with one thing less than `simCase`. */
function* lesser(simCase: SimCase): Generator<SimCase> {
  const { plan, workload } = simCase;
  const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at);
  for (let i = plan.faults.length - 1; i >= 0; i--)
    yield { ...simCase, plan: { ...plan, faults: without(plan.faults, i) } };
  for (let i = workload.length - 1; i >= 0; i--)
    if (workload.length > 1) yield { ...simCase, workload: without(workload, i) };
  for (let i = plan.liars.length - 1; i >= 0; i--) {
    yield { ...simCase, plan: { ...plan, liars: without(plan.liars, i) } };
    const liar = plan.liars[i]!;
    for (let k = liar.kits.length - 1; k >= 0; k--) {
      if (liar.kits.length > 1)
        yield {
          ...simCase,
          plan: {
            ...plan,
            liars: plan.liars.map((each, n) => (n === i ? { ...each, kits: without(liar.kits, k) } : each)),
          },
        };
    }
  }
  for (let i = 0; i < workload.length; i++) {
    const { again, ...once } = workload[i]!;
    if (again !== undefined) yield { ...simCase, workload: workload.map((each, n) => (n === i ? once : each)) };
  }
}

/** `simCase` must break a law. At most `runsMax` runs. */
export async function shrinkCase(simCase: SimCase, runsMax = 200): Promise<Shrunk> {
  let best = { simCase, result: await runCase(simCase) };
  let runs = 1;
  const law = best.result.violations[0]?.law;
  if (law === undefined) throw new Error(`seed ${simCase.seed} breaks no law; there is nothing to shrink`);
  for (let isSmaller = true; isSmaller && runs < runsMax; ) {
    isSmaller = false;
    for (const candidate of lesser(best.simCase)) {
      if (runs >= runsMax) break;
      runs++;
      const result = await runCase(candidate);
      if (!result.violations.some((violation) => violation.law === law)) continue;
      best = { simCase: candidate, result };
      isSmaller = true;
      break;
    }
  }
  return { ...best, runs };
}
