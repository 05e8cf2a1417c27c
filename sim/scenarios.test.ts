// Law: the scenarios that ship keep every law on their seeds, the cases that once broke one keep it now, and a run is the same run twice,
// by either queue.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawCase } from './case.ts';
import { missedLine } from './lines.ts';
import { regressionJobs } from './regressions.ts';
import { runCase } from './run.ts';
import { compile, judged, ScenarioInvalid } from './scenario/index.ts';
import { loadScenario, shippedScenarios } from './scenarios.ts';
import { shrinkCase } from './shrink.ts';
import { SimulationFailed, simulate } from './simulate.ts';

/** Generous: a run takes a second or three of a processor, and a busy machine gives it a tenth of one. */
const oneRunMs = 240_000;
const program = 'parley sim';

describe('a case that once broke a law', () => {
  it('is kept whole', () => {
    for (const { simCase } of regressionJobs(program)) expect(simCase.nodes.length).toBeGreaterThan(0);
  });

  for (const { simCase, expect: expected, command } of regressionJobs(program))
    it(`keeps it now: ${command.split('/').at(-1)}`, { timeout: oneRunMs }, async () => {
      const result = judged(expected, await runCase(simCase));
      expect(result.verdict, missedLine(result, simCase.seed, command)).toBe('ok');
    });
});

describe('a scenario that ships', () => {
  for (const name of shippedScenarios()) {
    const { scenario } = loadScenario(name);
    it.each(scenario.seeds.map((seed) => [seed]))(
      `${name} keeps every law from seed %i`,
      { timeout: oneRunMs },
      async (seed) => {
        const result = judged(scenario.expect, await runCase(compile(scenario, seed)));
        expect(result.verdict, missedLine(result, seed, `${program} run ${name} --seed ${seed}`)).toBe('ok');
      },
    );
  }

  it('is one of at least thirteen, named as its file is', () => {
    expect(shippedScenarios().length).toBeGreaterThanOrEqual(13);
    for (const name of shippedScenarios()) expect(loadScenario(name).scenario.name).toBe(name);
  });
});

describe('a run', () => {
  it.each([1, 2, 3, 4])(
    'of seed %i is the same twice, by the heap and by the wheel',
    { timeout: oneRunMs },
    async (seed) => {
      const simCase = seed === 4 ? compile(loadScenario('clock-chaos').scenario, 3) : drawCase(seed);
      const heap = await runCase(simCase);
      const wheel = await runCase(simCase, { queue: 'wheel' });
      expect({ events: wheel.events, hash: wheel.hash }).toEqual({ events: heap.events, hash: heap.hash });
      expect(heap.events).toBeGreaterThan(3_000);
    },
  );

  it('without one of its faults is the same run up to that fault', { timeout: oneRunMs }, async () => {
    const whole = compile(loadScenario('rolling-restart').scenario, 1);
    const last = whole.plan.faults.at(-1)!;
    const atUs = 'atMs' in last.when ? last.when.atMs * 1_000 : Number.NaN;
    const chains: (string | undefined)[] = [];
    for (const faults of [whole.plan.faults, whole.plan.faults.slice(0, -1)]) {
      let chain: string | undefined;
      const onEvent = (event: { readonly atUs: number; readonly chain: string }): void => {
        if (event.atUs < atUs) chain = event.chain;
      };
      await runCase({ ...whole, plan: { ...whole.plan, faults } }, { onEvent });
      chains.push(chain);
    }
    expect(chains[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(chains[1]).toBe(chains[0]);
  });
});

describe('simulate, in any test runner', () => {
  it('takes fields, a shipped name or a file, and resolves to the runs', { timeout: oneRunMs }, async () => {
    const [run] = await simulate({
      name: 'mine',
      nodes: 4,
      workload: [{ work: 'one' }],
      phases: { faults: '4s' },
      expect: { completed: 1 },
    });
    expect(run).toMatchObject({ verdict: 'ok', seed: 1, workflows: { completed: 1 } });
    const folder = mkdtempSync(join(tmpdir(), 'parley-scenario-'));
    try {
      const path = join(folder, 'mine.yaml');
      writeFileSync(path, 'name: from-a-file\nworkload: [{ work: refused }]\nphases: { faults: 3s }\n');
      expect(await simulate(path, { seeds: [3] })).toMatchObject([
        { verdict: 'ok', seed: 3, workflows: { failed: 1 } },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
    await expect(simulate('no-such-scenario')).rejects.toThrow(ScenarioInvalid);
  });

  it('rejects with one line that shows it again where an expectation is missed', { timeout: oneRunMs }, async () => {
    const failed = await simulate({
      name: 'too-much',
      workload: [{ work: 'one' }],
      phases: { faults: '3s' },
      expect: { p50: '1ms', reached: ['a liar named'] },
    }).catch((error: unknown) => error as SimulationFailed);
    expect(failed).toBeInstanceOf(SimulationFailed);
    const [line] = (failed as SimulationFailed).message.split('\n');
    expect(line).toMatch(/^FAIL laws=expectation seed=1 code=[0-9a-f]{8} .*→ parley sim run too-much --seed 1$/);
  });
});

describe('shrinking', () => {
  it('leaves of a failing case what it needs to fail alike, and nothing else', { timeout: 2 * oneRunMs }, async () => {
    const scenario = loadScenario('partition-and-heal').scenario;
    const whole = compile({ ...scenario, workload: scenario.workload.map((work) => ({ ...work, every: 4_000 })) }, 1);
    // Nothing of the case is needed to miss this: one errand is left, since a run without work says nothing.
    const calmer = { ...whole, settleMs: 20_000 };
    const expected = { reached: ['a thing that never happens'] };
    const { simCase, result, runs } = await shrinkCase(calmer, { expect: expected, runsMax: 40 });
    expect(result.violations.map(({ law }) => law)).toContain('expectation');
    expect(simCase.plan.faults).toEqual([]);
    expect(simCase.workload).toHaveLength(1);
    expect(simCase.nodes.length).toBeLessThan(4);
    expect(simCase.faultsUntilMs).toBeLessThan(calmer.faultsUntilMs);
    expect(runs).toBeLessThanOrEqual(40);
  });
});
