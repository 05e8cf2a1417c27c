import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../actors/system/index.ts';
import { branchingOfTrees, branchingRatio, detectCascades } from './cascade.ts';
import { discoveries } from './finding.ts';
import { detectHerding, division, orderParameter, susceptibility } from './herding.ts';
import { detectImbalance, placedByChoice } from './imbalance.ts';
import { detectInfluence, transferEntropyBits } from './influence.ts';
import {
  branchingCounts,
  herdingLoads,
  majorityVote,
  noisyCopy,
  turningVotes,
  voteRounds,
  voterConsensusTime,
  wanderingLoad,
} from './known.ts';
import { detectPolarisation, detectTipping } from './polarisation.ts';
import { createRegimeDetector, detectRegimeChange } from './regime.ts';
import { autocorrelation, binderCumulant, mean, normal, shuffled, variance } from './statistics.ts';
import { detectWaves } from './waves.ts';

const random = (label: string): Random => createRandom(20_26).fork(label);
/** Alarms in `trials`; each trial has its own draws. */
function alarms(label: string, trials: number, detect: (random: Random) => boolean): number {
  let count = 0;
  for (let i = 0; i < trials; i++) if (detect(random(label).fork(String(i)))) count++;
  return count;
}
/** More than that many of `trials` would alarm at rate 0.05 in fewer than one of a thousand runs. */
const mostOf200 = 21;
const options = (draws: Random) => ({ random: draws.fork('null'), surrogates: 99, falseAlarmRate: 0.05 });

describe('known systems are measured as theory has them', () => {
  it('a voter model of N agents is of one mind after N ln 2 updates each', () => {
    const draws = random('voter');
    const runs = Array.from({ length: 400 }, () => voterConsensusTime(draws, 100) / 100);
    const error = Math.sqrt(variance(runs) / runs.length);
    expect(Math.abs(mean(runs) - Math.LN2)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.05);
  });

  it('a majority-vote model on 20 neighbours is about to tip near the critical noise ½ − ½√(π/2k) = 0.36', () => {
    const agents = 500;
    const at = [0.2, 0.28, 0.34, 0.4, 0.46].map((noise) => {
      const means = majorityVote(random(`majority/${noise}`), { agents, degree: 20, noise, sweeps: 400 });
      return {
        noise,
        chi: susceptibility(means, agents),
        binder: binderCumulant(means),
        memory: autocorrelation(means, 1),
        order: mean(means.map(Math.abs)),
      };
    });
    const peak = at.reduce((best, each) => (each.chi > best.chi ? each : best));
    expect(peak.noise).toBe(0.34);
    // One in five votes is noise: 0.6 is as much order as there can be.
    expect(at[0]!.order).toBeGreaterThan(0.55);
    expect(at[0]!.binder).toBeGreaterThan(0.65);
    expect(at[4]!.order).toBeLessThan(0.2);
    expect(at[4]!.binder).toBeLessThan(0.3);
    expect(peak.memory).toBeGreaterThan(at[4]!.memory);
  });

  it('a copy of a coin that is wrong in one of five tells 1 − H(0.2) = 0.278 bits, and nothing the other way', () => {
    const { source, target } = noisyCopy(random('copy'), 20_000, 0.2);
    expect(transferEntropyBits(source, target)).toBeCloseTo(0.278, 1);
    expect(Math.abs(transferEntropyBits(source, target) - 0.278)).toBeLessThan(0.02);
    expect(transferEntropyBits(target, source)).toBeLessThan(0.002);
  });

  it('a branching process of ratio σ is measured as σ, by its counts and by its trees', () => {
    for (const sigma of [0, 0.3, 0.6]) {
      const counts = branchingCounts(random(`branching/${sigma}`), 5_000, 20, sigma);
      expect(Math.abs(branchingRatio(counts) - sigma)).toBeLessThan(0.05);
    }
    expect(
      branchingOfTrees([
        [1, 2, 2, 0],
        [1, 0],
        [1, 1, 0],
      ]),
    ).toBe(5 / 8);
  });

  it('a cumulative sum alarms falsely less often than every e^h samples, and calls a shift after about h / KL', () => {
    const draws = random('cusum');
    const shift = Math.sqrt(0.1);
    const detector = createRegimeDetector({
      before: { mean: 0, deviation: 1 },
      shift,
      falseAlarmEvery: Math.exp(8) / 2,
    });
    expect(detector.threshold).toBeCloseTo(8);
    let falseAlarms = 0;
    const samples = 300_000;
    for (let i = 0; i < samples; i++) if (detector.add(normal(draws))) falseAlarms++;
    expect(falseAlarms).toBeLessThan(samples / (Math.exp(8) / 2));
    const delays = Array.from({ length: 200 }, () => {
      const fresh = createRegimeDetector({
        before: { mean: 0, deviation: 1 },
        shift,
        falseAlarmEvery: Math.exp(8) / 2,
      });
      let delay = 1;
      while (!fresh.add(shift + normal(draws))) delay++;
      return delay;
    });
    // h / KL = 8 / 0.05 = 160, a little less since the sum never starts below 0.
    expect(mean(delays)).toBeGreaterThan(120);
    expect(mean(delays)).toBeLessThan(175);
  });
});

describe('a detector', () => {
  it('of herding alarms where agents follow each other, and on independent ones as often as it says, however much they agree', () => {
    const rounds = (following: number) => (draws: Random) =>
      detectHerding(voteRounds(draws, { rounds: 20, agents: 9, following }), options(draws)).isAlarm;
    expect(alarms('herding/none', 200, rounds(0))).toBeLessThanOrEqual(mostOf200);
    expect(alarms('herding/some', 40, rounds(0.6))).toBeGreaterThan(35);
    const unanimous = Array.from({ length: 12 }, () => ({ blind: Array(9).fill(1), shown: Array(9).fill(1) }));
    expect(detectHerding(unanimous, options(random('unanimous'))).isAlarm).toBe(false);
  });

  it('of influence alarms on a copy and not on a stranger; of many at once the false share is bounded', () => {
    const copy = (noise: number) => (draws: Random) => {
      const { source, target } = noisyCopy(draws, 150, noise);
      return detectInfluence(source, target, options(draws)).isAlarm;
    };
    expect(alarms('influence/none', 200, copy(0.5))).toBeLessThanOrEqual(mostOf200);
    expect(alarms('influence/some', 40, copy(0.1))).toBeGreaterThan(35);
    expect(discoveries([0.001, 0.8, 0.02, 0.04, 0.5], 0.05)).toEqual([true, false, true, false, false]);
    expect(discoveries([0.9, 0.8], 0.05)).toEqual([false, false]);
  });

  it('of load waves finds the wave and its period, and takes a queue that merely wanders for what it is', () => {
    const load = (wave: number) => (draws: Random) =>
      detectWaves(wanderingLoad(draws, { samples: 96, memory: 0.8, wave, period: 12 }), options(draws));
    expect(alarms('waves/none', 200, (draws) => load(0)(draws).isAlarm)).toBeLessThanOrEqual(mostOf200);
    expect(alarms('waves/some', 40, (draws) => load(2)(draws).isAlarm)).toBeGreaterThan(35);
    expect(load(3)(random('waves/period')).periodSamples).toBeCloseTo(12, 0);
  });

  it('of cascades alarms where failures bring on failures, and not on as many that come alone', () => {
    const counts = (sigma: number) => (draws: Random) =>
      detectCascades(branchingCounts(draws, 60, 5, sigma), options(draws)).isAlarm;
    expect(alarms('cascade/none', 200, counts(0))).toBeLessThanOrEqual(mostOf200);
    expect(alarms('cascade/some', 40, counts(0.6))).toBeGreaterThan(35);
    expect(detectCascades(Array(60).fill(5), options(random('even'))).isAlarm).toBe(false);
  });

  it('of a change of regime names the moment, up and down, and none where there was none', () => {
    const series = (change: number) => {
      const draws = random(`regime/${change}`);
      return Array.from({ length: 600 }, (_, t) => 10 + 2 * normal(draws) + (t < 400 ? 0 : change));
    };
    for (const change of [4, -4]) {
      const at = detectRegimeChange(series(change), { reference: 200, shift: 1 })!;
      expect(at).toBeGreaterThanOrEqual(400);
      expect(at).toBeLessThan(440);
    }
    expect(detectRegimeChange(series(0), { reference: 200, shift: 1 })).toBeUndefined();
  });

  it('of polarisation alarms where agents turn together, and not where each leans its own way', () => {
    const votes = (together: number) => (draws: Random) =>
      detectPolarisation(turningVotes(draws, { rounds: 40, agents: 15, together }), options(draws)).isAlarm;
    expect(alarms('polarisation/none', 200, votes(0))).toBeLessThanOrEqual(mostOf200);
    expect(alarms('polarisation/some', 40, votes(0.4))).toBeGreaterThan(35);
    const camps = Array.from({ length: 20 }, (_, round) => Array<number>(9).fill(round % 2 === 0 ? 1 : -1));
    const found = detectPolarisation(camps, options(random('camps')));
    expect(found).toMatchObject({ isAlarm: true, order: 1 });
    expect(found.binder).toBeCloseTo(2 / 3);
    // Of one mind all along: nobody turned with anybody.
    const settled = Array.from({ length: 20 }, () => Array<number>(9).fill(1));
    expect(detectPolarisation(settled, options(random('settled'))).isAlarm).toBe(false);
  });

  it('of tipping alarms where a majority-vote model nears its critical noise, and not where it stays far from it', () => {
    const series = (noises: readonly [number, number]) => (draws: Random) =>
      noises.flatMap((noise, half) => [
        ...majorityVote(draws.fork(`half ${half}`), { agents: 100, degree: 20, noise, sweeps: 120 }),
      ]);
    const alarm = (noises: readonly [number, number]) => (draws: Random) =>
      detectTipping(series(noises)(draws), options(draws)).isAlarm;
    expect(alarms('tipping/some', 20, alarm([0.48, 0.37]))).toBeGreaterThan(16);
    // What it is held against is a fitted line: 60 trials, of which one in a thousand runs has more than 10 at rate 0.05.
    expect(alarms('tipping/none', 60, alarm([0.46, 0.46]))).toBeLessThanOrEqual(10);
  });

  it('of load herding alarms where all read one old table, and not where each task goes to the shorter of two queues', () => {
    const placed = (draw: (random: Random) => number[]) => (draws: Random) =>
      detectImbalance(
        Array.from({ length: 5 }, () => draw(draws)),
        options(draws),
      ).isAlarm;
    expect(
      alarms(
        'imbalance/none',
        200,
        placed((draws) => placedByChoice(draws, 20, 200, 2)),
      ),
    ).toBeLessThanOrEqual(mostOf200);
    expect(
      alarms(
        'imbalance/some',
        40,
        placed((draws) => herdingLoads(draws, 20, 200, 20)),
      ),
    ).toBeGreaterThan(35);
    expect(
      alarms(
        'imbalance/fresh',
        40,
        placed((draws) => herdingLoads(draws, 20, 200, 1)),
      ),
    ).toBe(0);
  });

  it('tells a swarm of one mind from a divided one', () => {
    expect(orderParameter([1, 1, 1, -1])).toBe(0.5);
    expect(division([0, 0, 1, 1])).toBe(1);
    expect(division([3, 3, 3])).toBe(0);
    expect(shuffled([1, 2, 3, 4], random('shuffle')).sort()).toEqual([1, 2, 3, 4]);
  });
});
