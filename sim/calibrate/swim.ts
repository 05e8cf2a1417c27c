// Law: SWIM's analysis (Das, Gupta, Motivala 2002) holds for the detector that nodes run: how soon someone looks at a dead member, how soon
// everyone has, how often a living one is suspected, and what it costs. Lifeguard's refinements are switched off by settings alone.
import { type Crypto, createRandom } from '../../actors/system/index.ts';
import type { DetectorSettings } from '../../protocols/membership/index.ts';
import { createDetectorMesh } from './detectors.ts';
import { type Sample, sampleOf, shareOf, withinThreeSigma, type Yardstick } from './yardstick.ts';

const group = 'SWIM, with the node’s own detector';
const periodMs = 1_000;
const never = 0xffff_ffff;

/** One probe per second and nothing else: no dissemination, no comparison, no local health, no shortened or prolonged suspicion. */
const bare: Partial<DetectorSettings> = {
  probeIntervalMs: periodMs,
  probeTimeoutMs: 300,
  awarenessMax: 1,
  confirmations: 0,
  maxSuspicionFactor: 1,
  minSuspicionMs: 3_600_000,
  lastWordMs: 0,
  retransmitMultiplier: 0,
  syncIntervalMs: never,
  reviveIntervalMs: never,
};

/**
 * Periods from a death to the first probe of the dead by anyone of `observers`. Each looks at every other once per round of n − 1 periods, in
 * an order drawn anew; the death falls somewhere into everybody's round, the same place for all, since all began together.
 */
function expectedFirstProbe(nodes: number, observers: number): number {
  const others = nodes - 1;
  let sum = 0;
  for (let into = 0; into < others; into++) {
    const left = others - into;
    for (let after = 0; after < left + others; after++) {
      // That one has not looked within `after` periods: its turn comes later in this round, or it came before the death and will in the next.
      const waits = after <= left ? 1 - after / others : (into / others) * (1 - (after - left) / others);
      sum += waits ** observers;
    }
  }
  return sum / others;
}

interface FirstProbes {
  readonly firsts: readonly number[];
  /** The longest that any node took to look at a dead one, in its own periods. */
  readonly longest: number;
}

function firstProbes(nodes: number, rounds: number, victims: number, crypto: Crypto, seed: number): FirstProbes {
  const random = createRandom(seed).fork(`first probes/${nodes}`);
  const firsts: number[] = [];
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    let dead: number[] = [];
    const periods = new Int32Array(nodes);
    const first = new Map<number, number>();
    const last = new Map<string, number>();
    const mesh = createDetectorMesh({
      count: nodes,
      seed: random.u32(),
      crypto,
      settings: bare,
      onOutput(node, output, onTick) {
        // A question asked again, by every path, is no new probe; nor is one on another's behalf.
        if (
          dead.length === 0 ||
          !onTick ||
          output.kind !== 'send' ||
          output.message.kind !== 'ping' ||
          output.everyPath
        )
          return;
        const period = ++periods[node]!;
        const target = mesh.indexOf(output.to);
        if (!dead.includes(target)) return;
        first.set(target, Math.min(first.get(target) ?? period, period));
        const pair = `${node} ${target}`;
        if (!last.has(pair)) last.set(pair, period);
      },
    });
    mesh.introduce();
    mesh.run((1 + random.below(nodes - 1)) * periodMs + random.below(periodMs));
    const chosen = new Set<number>();
    while (chosen.size < victims) chosen.add(random.below(nodes));
    dead = [...chosen];
    for (const node of dead) mesh.kill(node);
    // Small meshes run until the slowest has looked; large ones until someone has.
    const untilMs = mesh.nowMs + (nodes <= 10 ? 2 * nodes : 12) * periodMs;
    mesh.run(untilMs);
    firsts.push(...dead.map((node) => first.get(node) ?? Number.POSITIVE_INFINITY));
    longest = Math.max(longest, ...last.values());
  }
  return { firsts, longest };
}

/**
 * The share of probes of a living member that find it silent. SWIM: the question or its answer is lost, and so is one of the four messages
 * through each helper. The node asks the member itself twice: that is the square.
 */
function expectedSilence(lossShare: number, helpers: number): number {
  const q = 1 - lossShare;
  return (1 - q ** 2) ** 2 * (1 - q ** 4) ** helpers;
}

function falseSuspicions(lossShare: number, helpers: number, probes: number, crypto: Crypto, seed: number): Sample {
  const observer = 0;
  let suspected = 0;
  const settings = { ...bare, retransmitMultiplier: 4, indirectProbes: helpers, gossipIntervalMs: 50 };
  const mesh = createDetectorMesh({
    count: 30,
    seed,
    crypto,
    settings,
    // The others answer, help and refute, and hardly ever probe.
    settingsOf: (index) => (index === observer ? settings : { ...settings, probeIntervalMs: 60_000 }),
    lossShare,
    onOutput(node, output, onTick) {
      if (node === observer && onTick && output.kind === 'changed' && output.to === 'suspect') suspected++;
    },
  });
  mesh.introduce();
  mesh.run(probes * periodMs);
  return shareOf(suspected, probes, expectedSilence(lossShare, helpers));
}

/** Messages per node and period while nothing is lost. */
function load(nodes: number, periods: number, crypto: Crypto, seed: number): number {
  let messages = 0;
  const mesh = createDetectorMesh({
    count: nodes,
    seed,
    crypto,
    settings: bare,
    onOutput: (_node, output) => void (output.kind === 'send' && mesh.nowMs >= 3 * periodMs && messages++),
  });
  mesh.introduce();
  mesh.run((3 + periods) * periodMs);
  return messages / nodes / periods;
}

export function swimYardsticks(options: {
  readonly crypto: Crypto;
  readonly seed: number;
  readonly scale: number;
  readonly nodesMax: number;
}): Yardstick[] {
  const { crypto, seed, scale } = options;
  const times = (count: number): number => Math.max(2, Math.round(count * scale));
  const found: Yardstick[] = [];
  for (const [nodes, rounds, victims] of [
    [10, 400, 1],
    [50, 100, 2],
    [1_000, 5, 20],
  ] as const) {
    if (nodes > options.nodesMax) continue;
    const { firsts, longest } = firstProbes(nodes, times(rounds), victims, crypto, seed);
    found.push(
      withinThreeSigma(
        {
          group,
          name: `${nodes} nodes: periods until a dead one is first probed`,
          source: 'SWIM §3.1; e/(e − 1) = 1.582',
        },
        expectedFirstProbe(nodes, nodes - victims),
        sampleOf(firsts),
      ),
    );
    if (nodes === 10)
      found.push({
        group,
        name: `${nodes} nodes: periods until everyone has probed it`,
        source: 'SWIM §4.3: two rounds at the most',
        expected: `≤ ${2 * (nodes - 1)}`,
        got: `${longest}`,
        isMet: longest <= 2 * (nodes - 1) && longest > nodes - 1,
      });
  }
  for (const [lossShare, helpers] of [
    [0.1, 3],
    [0.2, 3],
    [0.1, 1],
  ] as const) {
    found.push(
      withinThreeSigma(
        {
          group,
          name: `${lossShare * 100} % loss, ${helpers} helper(s): false suspicions per probe`,
          source: 'SWIM §3.1: (1 − q²)(1 − q⁴)^k, times (1 − q²) for the second question',
        },
        expectedSilence(lossShare, helpers),
        falseSuspicions(lossShare, helpers, times(20_000), crypto, seed),
      ),
    );
  }
  const loads = [10, 100].map((nodes) => load(nodes, 20, crypto, seed));
  found.push({
    group,
    name: 'messages per node and period, 10 and 100 nodes',
    source: 'SWIM §3.1: constant; a ping and its answer',
    expected: '2 and 2',
    got: loads.map((value) => value.toFixed(2)).join(' and '),
    isMet: loads.every((value) => Math.abs(value - 2) < 0.1),
  });
  return found;
}
