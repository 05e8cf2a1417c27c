// Law: systems whose behaviour is known from theory, with and without what a detector looks for. Detectors are tried on them and on nothing else.
import type { Random } from '../../actors/system/index.ts';
import type { Round } from './herding.ts';
import { normal, poisson, uniform } from './statistics.ts';

/** Rounds of agents with private answers out of `options`; afterwards each follows a drawn peer with probability `following`. */
export function voteRounds(random: Random, about: { rounds: number; agents: number; following: number }): Round[] {
  return Array.from({ length: about.rounds }, () => {
    const likely = 0.3 + 0.4 * uniform(random);
    const blind = Array.from({ length: about.agents }, () => Number(random.chance(likely)));
    const shown: number[] = [];
    for (let i = 0; i < about.agents; i++) {
      // A copy of whoever spoke before; nobody did before the first.
      const isFollower = i > 0 && random.chance(about.following);
      shown.push(isFollower ? shown[random.below(i)]! : Number(random.chance(likely)));
    }
    return { blind, shown };
  });
}

/** Time, in updates per agent, until a complete voter model that starts half and half is of one mind: ln 2 of its size in theory. */
export function voterConsensusTime(random: Random, agents: number): number {
  let ones = agents >> 1;
  let updates = 0;
  for (; ones > 0 && ones < agents; updates++) {
    const isOne = random.below(agents) < ones;
    const others = ones - Number(isOne);
    const copies = random.below(agents - 1) < others;
    ones += Number(copies) - Number(isOne);
  }
  return updates / agents;
}

/** Mean vote per sweep of a majority-vote model of that noise, each agent with `degree` drawn neighbours; after a warm-up as long again. */
export function majorityVote(
  random: Random,
  { agents, degree, noise, sweeps }: { agents: number; degree: number; noise: number; sweeps: number },
): Float64Array {
  const spins = Int8Array.from({ length: agents }, () => 1);
  const neighbours = drawRegular(random, agents, degree);
  const means = new Float64Array(sweeps);
  for (let sweep = -sweeps; sweep < sweeps; sweep++) {
    for (let step = 0; step < agents; step++) {
      const agent = random.below(agents);
      let sum = 0;
      for (let i = 0; i < degree; i++) sum += spins[neighbours[agent * degree + i]!]!;
      const majority = sum === 0 ? (random.chance(0.5) ? 1 : -1) : Math.sign(sum);
      spins[agent] = random.chance(noise) ? -majority : majority;
    }
    if (sweep >= 0) means[sweep] = spins.reduce((sum, spin) => sum + spin, 0) / agents;
  }
  return means;
}

/** Stubs paired at random: close to a random regular graph, for large ones. */
function drawRegular(random: Random, agents: number, degree: number): Int32Array {
  const stubs = Int32Array.from({ length: agents * degree }, (_, i) => Math.floor(i / degree));
  for (let i = stubs.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [stubs[i], stubs[j]] = [stubs[j]!, stubs[i]!];
  }
  const neighbours = new Int32Array(agents * degree);
  const filled = new Int32Array(agents);
  for (let i = 0; i + 1 < stubs.length; i += 2) {
    const [a, b] = [stubs[i]!, stubs[i + 1]!];
    neighbours[a * degree + filled[a]!++] = b;
    neighbours[b * degree + filled[b]!++] = a;
  }
  return neighbours;
}

/** A fair coin per step, and its copy one step later of which that share is wrong. */
export function noisyCopy(random: Random, steps: number, noise: number): { source: number[]; target: number[] } {
  const source = Array.from({ length: steps }, () => random.below(2));
  const target = source.map((_, t) => (t === 0 ? 0 : source[t - 1]! ^ Number(random.chance(noise))));
  return { source, target };
}

/** Counts per window of a Poisson process whose every event brings on Poisson(σ) others, within one window or so. */
export function branchingCounts(random: Random, windows: number, perWindow: number, sigma: number): number[] {
  const counts = new Uint32Array(windows);
  // So many roots that as many events come out whatever σ is.
  for (let window = 0; window < windows; window++)
    for (let roots = poisson(random, perWindow * (1 - sigma)); roots > 0; roots--) {
      let living = 1;
      for (; living > 0; ) {
        counts[window]! += living;
        let next = 0;
        for (let i = 0; i < living; i++) next += poisson(random, sigma);
        living = next;
      }
    }
  return [...counts];
}

/** Load that wanders (an autoregression), with or without a wave of that period on top. */
export function wanderingLoad(
  random: Random,
  { samples, memory, wave, period }: { samples: number; memory: number; wave: number; period: number },
): number[] {
  let value = 0;
  return Array.from({ length: samples }, (_, t) => {
    value = memory * value + normal(random);
    return 20 + value + wave * Math.sin((2 * Math.PI * t) / period);
  });
}

/** Votes of ±1 by agents with leanings of their own; in each round that share of them follows one common turn. */
export function turningVotes(
  random: Random,
  about: { readonly rounds: number; readonly agents: number; readonly together: number },
): number[][] {
  const leanings = Array.from({ length: about.agents }, () => 0.2 + 0.6 * uniform(random));
  return Array.from({ length: about.rounds }, () => {
    const turn = random.chance(0.5) ? 1 : -1;
    return leanings.map((leaning) => (random.chance(about.together) ? turn : random.chance(leaning) ? 1 : -1));
  });
}

/** Queues of agents after tasks that all read one table of loads, renewed every `staleness` tasks, and go to the least loaded by it. */
export function herdingLoads(random: Random, agents: number, tasks: number, staleness: number): number[] {
  const queues = new Array<number>(agents).fill(0);
  let table = [...queues];
  for (let task = 0; task < tasks; task++) {
    if (task % staleness === 0) table = [...queues];
    const least = Math.min(...table);
    const best = table.flatMap((load, agent) => (load === least ? [agent] : []));
    // A tenth of them, which all know the same of the same few.
    queues[best[random.below(Math.max(1, Math.ceil(best.length / 10)))]!]!++;
  }
  return queues;
}
