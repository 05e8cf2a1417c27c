// Law: rumours among light agents spread as the theory of epidemics says: what is proved about rounds and shares on paper, the engine's
// queue, clock and chance have to bring out too.
import { createRandom, type Random } from '../../actors/system/index.ts';
import { createLightWorld } from '../lite/index.ts';
import { sampleOf, shareOf, withinThreeSigma, type Yardstick } from './yardstick.ts';

const roundUs = 1_000;
const group = 'epidemic theory';

/** Every agent that knows tells one random other per round; returns the rounds until all know. */
function pushRounds(nodes: number, random: Random): number {
  const world = createLightWorld();
  const kinds = { round: 0, rumour: 1 } as const;
  const knows = new Uint8Array(nodes);
  let informed = 0;
  let lastUs = 0;
  const learn = (node: number): void => {
    if (knows[node] === 1) return;
    knows[node] = 1;
    informed++;
    lastUs = world.nowUs;
    world.after(roundUs - (world.nowUs % roundUs), kinds.round, node, node, 0);
  };
  learn(0);
  while (informed < nodes)
    world.run(world.nowUs + roundUs, (kind, from, to) => {
      if (kind === kinds.rumour) {
        learn(to);
        return;
      }
      world.after(1 + random.below(roundUs - 1), kinds.rumour, from, other(from, nodes, random), 0);
      world.after(roundUs, kinds.round, from, from, 0);
    });
  return Math.floor(lastUs / roundUs);
}

/** Every agent tells `fanout` others once, when it learns, and then no more; returns how many know in the end. */
function infectAndDie(nodes: number, fanout: () => number, random: Random): number {
  const world = createLightWorld();
  const knows = new Uint8Array(nodes);
  let informed = 0;
  const learn = (node: number): void => {
    if (knows[node] === 1) return;
    knows[node] = 1;
    informed++;
    const told = new Set<number>();
    for (const wanted = fanout(); told.size < wanted; ) told.add(other(node, nodes, random));
    for (const to of told) world.after(1 + random.below(roundUs), 0, node, to, 0);
  };
  learn(0);
  world.run(Number.MAX_SAFE_INTEGER, (_kind, _from, to) => void learn(to));
  return informed;
}

function other(node: number, nodes: number, random: Random): number {
  const drawn = random.below(nodes - 1);
  return drawn < node ? drawn : drawn + 1;
}

/** The expected rounds of push, exactly: the chain of how many know, each step the number of empty boxes that so many balls hit. */
export function expectedPushRounds(nodes: number): number {
  const expected = new Float64Array(nodes + 1);
  for (let informed = nodes - 1; informed >= 1; informed--) {
    const unknowing = nodes - informed;
    // After each ball: the chance that so many of those who do not know were hit.
    let hit = new Float64Array(Math.min(informed, unknowing) + 1);
    hit[0] = 1;
    for (let ball = 1; ball <= informed; ball++) {
      const next = new Float64Array(hit.length);
      for (let count = 0; count < hit.length && count <= ball; count++) {
        const misses = (nodes - 1 - (unknowing - count)) / (nodes - 1);
        next[count] =
          hit[count]! * misses + (count === 0 ? 0 : hit[count - 1]! * ((unknowing - count + 1) / (nodes - 1)));
      }
      hit = next;
    }
    let sum = 1;
    for (let count = 1; count < hit.length; count++) sum += hit[count]! * expected[informed + count]!;
    expected[informed] = sum / (1 - hit[0]!);
  }
  return expected[1]!;
}

/** The share that learns in the end: the root of π = 1 − e^(−fπ). */
function finalShare(fanout: number): number {
  let share = 1;
  for (let i = 0; i < 200; i++) share = 1 - Math.exp(-fanout * share);
  return share;
}

export function epidemicYardsticks(options: { readonly seed: number; readonly scale: number }): Yardstick[] {
  const random = createRandom(options.seed).fork('epidemic');
  const times = (count: number): number => Math.max(20, Math.round(count * options.scale));
  const repeat = (count: number, draw: (random: Random) => number, label: string): number[] =>
    Array.from({ length: count }, (_, i) => draw(random.fork(`${label}/${i}`)));

  const exactNodes = 1_000;
  const exact = expectedPushRounds(exactNodes);
  /** The O(1) term of log2 n + ln n + O(1), taken where the chain can be computed. */
  const constant = exact - Math.log2(exactNodes) - Math.log(exactNodes);
  const push = [1_000, 10_000].map((nodes) => {
    const count = times(nodes === 1_000 ? 400 : 60);
    return withinThreeSigma(
      {
        group,
        name: `push, ${nodes} nodes: rounds until all know`,
        source: 'Pittel 1987; constant from the exact chain',
      },
      Math.log2(nodes) + Math.log(nodes) + constant,
      sampleOf(repeat(count, (each) => pushRounds(nodes, each), `push/${nodes}`)),
    );
  });

  const reach = [2, 3, 4, 6].map((fanout) => {
    const nodes = 10_000;
    const runs = repeat(times(60), (each) => infectAndDie(nodes, () => fanout, each) / nodes, `reach/${fanout}`);
    return withinThreeSigma(
      { group, name: `infect and die, fanout ${fanout}: share that knows`, source: 'π = 1 − e^(−fπ)' },
      finalShare(fanout),
      sampleOf(runs),
    );
  });

  const atomic = [0, 1, 2].map((c) => {
    const nodes = 2_000;
    const mean = Math.log(nodes) + c;
    const count = times(400);
    const all = repeat(
      count,
      (each) => infectAndDie(nodes, () => Math.floor(mean) + (each.chance(mean % 1) ? 1 : 0), each),
      `atomic/${c}`,
    ).filter((informed) => informed === nodes).length;
    const expected = Math.exp(-Math.exp(-c));
    return withinThreeSigma(
      {
        group,
        name: `fanout ln n + ${c}: chance that all know`,
        source: 'Kermarrec, Massoulié, Ganesh 2003: e^(−e^(−c))',
      },
      expected,
      shareOf(all, count, expected),
    );
  });
  return [...push, ...reach, ...atomic];
}
