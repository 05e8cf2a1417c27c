import { describe, expect, it } from 'vitest';
import { createRandom } from '../../actors/system/index.ts';
import { centralEarliestFinish, centralFirstCome, powerOf } from './baselines.ts';
import { contractNet } from './contract.ts';
import { Field } from './field.ts';
import { type Measured, measure, measureOver } from './measure.ts';

const agents = 200;
const steady = { agents, tasks: 20_000, load: 0.8 };
const burst = { agents, tasks: 2_000, load: undefined };
const random = () => createRandom(3);

describe('the node’s own allocation', () => {
  it('at 80 % load is within 1.5× the mean and 1.15× the 99th percentile of a centre that knows all, evenly, for at most 40 messages', () => {
    const centre = measure('central', centralFirstCome, { ...steady, random: random() });
    const mesh = measure('mesh', contractNet(), { ...steady, random: random() });
    expect(mesh.meanMs / centre.meanMs).toBeLessThanOrEqual(1.5);
    expect(mesh.p99Ms / centre.p99Ms).toBeLessThanOrEqual(1.15);
    expect(mesh.fairness).toBeGreaterThanOrEqual(0.95);
    expect(mesh.messagesPerTask).toBeLessThanOrEqual(40);
    expect(mesh).toMatchObject({ lost: 0, repeated: 0 });
    expect(mesh.messagesPerTask).toBeGreaterThan(16);
  });

  it('works a burst off in 1.4× the time of the best central rule; without reservations offers herd, and it does not', () => {
    const seeds = [1, 2, 3].map((seed) => createRandom(seed));
    const of = (rule: Parameters<typeof measure>[1]): Measured => measureOver('', rule, burst, seeds);
    const best = Math.min(of(centralFirstCome).makespanMs, of(centralEarliestFinish).makespanMs);
    const mesh = of(contractNet());
    const plain = of(contractNet({ isReserving: false, isStealing: false }));
    expect(mesh.makespanMs / best).toBeLessThanOrEqual(1.4);
    expect(plain.makespanMs / best).toBeGreaterThan(1.4);
    expect(mesh.meanMs).toBeLessThan(of(contractNet({ isStealing: false })).meanMs);
  });

  it('loses no task when one agent in ten goes down for good, and runs none again that nobody had begun', () => {
    for (const seed of [1, 2, 3]) {
      const found = measure('', contractNet(), {
        agents: 100,
        tasks: 2_000,
        load: 0.7,
        crashes: 0.1,
        random: createRandom(seed),
      });
      expect(found.lost).toBe(0);
      expect(found.repeated).toBeGreaterThan(0);
      expect(found.repeated).toBeLessThan(100);
    }
  });

  it('comes out the same for the same seed, and otherwise for another', () => {
    const of = (seed: number): Measured =>
      measure('', contractNet(), { agents: 50, tasks: 500, load: 0.8, random: createRandom(seed) });
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });
});

it('the field runs each task once and for its time, whoever allots it, and two choices beat one by far', () => {
  for (const rule of [centralFirstCome, powerOf(1), powerOf(2)]) {
    const field = new Field({ agents: 50, tasks: 500, load: 0.5, random: random() });
    field.run(rule(field));
    expect(field.tasks.every(({ runs, doneMs }) => runs === 1 && doneMs !== undefined)).toBe(true);
    const work = field.tasks.reduce((sum, { workMs }) => sum + workMs, 0);
    const worked = field.agents.reduce((sum, { busyMs, speed }) => sum + busyMs * speed, 0);
    expect(worked / work).toBeCloseTo(1, 6);
  }
  const of = (d: number): Measured =>
    measure('', powerOf(d), { agents: 100, tasks: 4_000, load: 0.8, random: random() });
  expect(of(2).meanMs * 2).toBeLessThan(of(1).meanMs);
});
