// Law: `node sim/detect/main.ts` prints of each detector its null model, how often it alarms there and how often on a system that has what it
// looks for. Both are measured, on systems known from theory; the first is what an alarm is worth.
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../../actors/system/index.ts';
import { detectCascades } from './cascade.ts';
import { detectHerding } from './herding.ts';
import { detectImbalance, placedByChoice } from './imbalance.ts';
import { detectInfluence } from './influence.ts';
import {
  branchingCounts,
  herdingLoads,
  majorityVote,
  noisyCopy,
  turningVotes,
  voteRounds,
  wanderingLoad,
} from './known.ts';
import { detectPolarisation, detectTipping } from './polarisation.ts';
import { createRegimeDetector } from './regime.ts';
import { normal } from './statistics.ts';
import { detectWaves } from './waves.ts';

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '300' },
    rate: { type: 'string', default: '0.01' },
    seed: { type: 'string', default: '1' },
  },
});
const trials = Number(values.trials);
const falseAlarmRate = Number(values.rate);
const options = (random: Random) => ({ random: random.fork('null'), surrogates: 199, falseAlarmRate });

interface Detector {
  readonly name: string;
  readonly nullModel: string;
  readonly system: string;
  readonly without: (random: Random) => boolean;
  readonly with: (random: Random) => boolean;
}

const votes = (following: number) => (random: Random) =>
  detectHerding(voteRounds(random, { rounds: 20, agents: 15, following }), options(random)).isAlarm;
const counts = (sigma: number) => (random: Random) =>
  detectCascades(branchingCounts(random, 100, 5, sigma), options(random)).isAlarm;
const load = (wave: number) => (random: Random) =>
  detectWaves(wanderingLoad(random, { samples: 150, memory: 0.8, wave, period: 12 }), options(random)).isAlarm;
const copies = (noise: number) => (random: Random) => {
  const { source, target } = noisyCopy(random, 300, noise);
  return detectInfluence(source, target, options(random)).isAlarm;
};

const turning = (together: number) => (random: Random) =>
  detectPolarisation(turningVotes(random, { rounds: 40, agents: 15, together }), options(random)).isAlarm;
const tipping = (first: number, second: number) => (random: Random) => {
  const half = (noise: number, which: string) =>
    majorityVote(random.fork(which), { agents: 100, degree: 20, noise, sweeps: 120 });
  return detectTipping([...half(first, 'first'), ...half(second, 'second')], options(random)).isAlarm;
};
const queues = (draw: (random: Random) => number[]) => (random: Random) =>
  detectImbalance(
    Array.from({ length: 5 }, () => draw(random)),
    options(random),
  ).isAlarm;

const detectors: readonly Detector[] = [
  {
    name: 'herding',
    nullModel: 'blind and shown answers swapped by a coin',
    system: 'each follows one before it, p = 0.5',
    without: votes(0),
    with: votes(0.5),
  },
  {
    name: 'influence',
    nullModel: 'the source turned round in time',
    system: 'copy of a coin, 20 % wrong',
    without: copies(0.5),
    with: copies(0.2),
  },
  {
    name: 'load waves',
    nullModel: 'wandering load of the same memory',
    system: 'a wave of 1.5 deviations',
    without: load(0),
    with: load(1.5),
  },
  {
    name: 'cascades',
    nullModel: 'as many events, each by itself',
    system: 'branching ratio 0.5',
    without: counts(0),
    with: counts(0.5),
  },
  {
    name: 'polarisation',
    nullModel: 'each agent’s votes in another order',
    system: 'two in five turn together',
    without: turning(0),
    with: turning(0.4),
  },
  {
    name: 'tipping',
    nullModel: 'as slow all along as on average',
    system: 'majority vote, noise from 0.48 to 0.37',
    without: tipping(0.46, 0.46),
    with: tipping(0.48, 0.37),
  },
  {
    name: 'load herding',
    nullModel: 'each task to the shorter of two queues',
    system: 'one table, 40 tasks old',
    without: queues((random) => placedByChoice(random, 40, 400, 2)),
    with: queues((random) => herdingLoads(random, 40, 400, 40)),
  },
];

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(8);
console.log(`detector     alarms: without   with   (${trials} trials each; a rate of ${falseAlarmRate} was asked for)`);
for (const { name, nullModel, system, ...detector } of detectors) {
  const rate = (which: 'with' | 'without'): number => {
    const random = createRandom(Number(values.seed)).fork(`${name}/${which}`);
    let alarms = 0;
    for (let i = 0; i < trials; i++) if (detector[which](random.fork(String(i)))) alarms++;
    return alarms / trials;
  };
  console.log(
    `${name.padEnd(18)} ${percent(rate('without'))} ${percent(rate('with'))}   null: ${nullModel}; with: ${system}`,
  );
}

const random = createRandom(Number(values.seed)).fork('regime');
const falseAlarmEvery = 2_000;
const regime = createRegimeDetector({ before: { mean: 0, deviation: 1 }, shift: 0.5, falseAlarmEvery });
const samples = trials * falseAlarmEvery;
let alarms = 0;
for (let i = 0; i < samples; i++) if (regime.add(normal(random))) alarms++;
let delay = 0;
for (let trial = 0; trial < trials; trial++)
  for (let isOver = false; !isOver; delay++) isOver = regime.add(0.5 + normal(random));
console.log(
  `regime change      a false alarm every ${alarms === 0 ? `> ${samples}` : Math.round(samples / alarms)} samples (at least ${falseAlarmEvery} were asked for), a shift of half a deviation after ${(delay / trials).toFixed(0)}   null: independent normal samples`,
);
