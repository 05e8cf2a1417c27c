// Law: the smallest case found that still breaks the same law: faults, lies, work, nodes and time are left out while it does, and what stays
// is needed. Draws are keyed, so that leaving one thing out leaves the rest as it was.
import type { SimCase } from './case.ts';
import type { Fault } from './faults/index.ts';
import { type RunResult, runCase } from './run.ts';
import { type Expectations, judged } from './scenario/index.ts';

export interface Shrunk {
  readonly simCase: SimCase;
  readonly result: RunResult;
  readonly runs: number;
}

export interface ShrinkOptions {
  /** Default 200. */
  readonly runsMax?: number;
  readonly expect?: Expectations | undefined;
  /** Asked between two runs. */
  readonly isOver?: () => boolean | Promise<boolean>;
  readonly onSmaller?: (simCase: SimCase, runs: number) => void;
}

/** `simCase` must break a law. */
export async function shrinkCase(simCase: SimCase, options: ShrinkOptions = {}): Promise<Shrunk> {
  const { runsMax = 200, expect, isOver = () => false, onSmaller } = options;
  const run = async (candidate: SimCase): Promise<RunResult> => judged(expect, await runCase(candidate));
  let best = { simCase, result: await run(simCase) };
  let runs = 1;
  const law = best.result.violations[0]?.law;
  if (law === undefined) throw new Error(`seed ${simCase.seed} breaks no law; there is nothing to shrink`);
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of lesser(best.simCase)) {
      if (runs >= runsMax || (await isOver())) return { ...best, runs };
      runs++;
      const result = await run(candidate);
      if (!result.violations.some((violation) => violation.law === law)) continue;
      best = { simCase: candidate, result };
      onSmaller?.(candidate, runs);
      isSmaller = true;
      break;
    }
  }
  return { ...best, runs };
}

/** Lists with a half, then a quarter, … then one thing less. */
function* shorter<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let end = list.length; end > 0; end -= size) yield list.filter((_, i) => i < end - size || i >= end);
}

/** Cases with less in them, the boldest first. */
function* lesser(simCase: SimCase): Generator<SimCase> {
  const { plan, workload, faultsUntilMs } = simCase;
  for (const faults of shorter(plan.faults)) yield { ...simCase, plan: { ...plan, faults } };
  for (const liars of shorter(plan.liars)) yield { ...simCase, plan: { ...plan, liars } };
  for (const fewer of shorter(workload)) if (fewer.length > 0) yield { ...simCase, workload: fewer };
  for (const [i, liar] of plan.liars.entries())
    for (const kits of shorter(liar.kits))
      if (kits.length > 0)
        yield {
          ...simCase,
          plan: { ...plan, liars: plan.liars.map((each, n) => (n === i ? { ...liar, kits } : each)) },
        };
  for (const [i, errand] of workload.entries()) {
    const { again, cancel, ...once } = errand;
    if (again !== undefined || cancel !== undefined)
      yield { ...simCase, workload: workload.map((each, n) => (n === i ? once : each)) };
  }
  const fewer = simCase.nodes.length > 1 ? withoutLastNode(simCase) : undefined;
  if (fewer !== undefined) yield fewer;
  const lastMs = Math.max(
    0,
    ...workload.map(({ atMs, again }) => Math.max(atMs, again?.atMs ?? 0)),
    ...plan.faults.map(({ when }) => ('atMs' in when ? when.atMs : 0)),
  );
  for (const untilMs of [Math.round(faultsUntilMs / 2), lastMs + 1_000])
    if (untilMs > lastMs && untilMs < faultsUntilMs) yield { ...simCase, faultsUntilMs: untilMs };
}

/** Undefined where something is about that node and it alone. */
function withoutLastNode(simCase: SimCase): SimCase | undefined {
  const { plan, workload } = simCase;
  const last = simCase.nodes.length - 1;
  const names = (fault: Fault): number[] => [
    ...('node' in fault && typeof fault.node === 'number' ? [fault.node] : []),
    ...('a' in fault ? [fault.a, fault.b] : []),
  ];
  const isNamed =
    plan.faults.some((fault) => names(fault).includes(last)) ||
    plan.liars.some(({ node }) => node === last) ||
    workload.some(({ node, again, cancel }) => [node, again?.node, cancel?.node].includes(last));
  if (isNamed) return undefined;
  const fewer = (group: readonly number[]): number[] => group.filter((node) => node !== last);
  const faults = plan.faults.map((fault): Fault => {
    if (fault.kind === 'split') return { ...fault, group: fewer(fault.group) };
    if (fault.kind === 'cut' || fault.kind === 'clog')
      return { ...fault, from: fewer(fault.from), to: fewer(fault.to) };
    return fault;
  });
  return { ...simCase, nodes: simCase.nodes.slice(0, -1), plan: { ...plan, faults } };
}
