// Law: Lifeguard's claim (Dadgar, Phillips, Currey 2018) is a ratio: with its refinements, slow members cause a small fraction of the false
// verdicts that plain SWIM gives. Both arms are the node's own detector and differ in settings alone; the slowness is the paper's.
import { type Crypto, createRandom } from '../../actors/system/index.ts';
import type { DetectorSettings } from '../../protocols/membership/index.ts';
import { createDetectorMesh } from './detectors.ts';
import type { Yardstick } from './yardstick.ts';

const group = 'Lifeguard, with the node’s own detector';
const members = 100;
/** Slow members at once, and how long each is kept from the network, again and again, with how long a breath between. */
const experiments = [
  { slow: 1, stallMs: 16_384, breathMs: 1_024 },
  { slow: 4, stallMs: 16_384, breathMs: 1_024 },
  { slow: 16, stallMs: 16_384, breathMs: 256 },
  { slow: 32, stallMs: 16_384, breathMs: 64 },
] as const;
const warmUpMs = 20_000;
const leastRatio = 20;

/** The settings of the paper's experiments. */
const common: Partial<DetectorSettings> = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  gossipIntervalMs: 200,
  suspicionMultiplier: 5,
  minSuspicionMs: 0,
  lastWordMs: 0,
  syncIntervalMs: 30_000,
};
const plain: Partial<DetectorSettings> = { ...common, awarenessMax: 1, confirmations: 0, maxSuspicionFactor: 1 };
const lifeguard: Partial<DetectorSettings> = { ...common, awarenessMax: 8, confirmations: 3, maxSuspicionFactor: 6 };

/** Verdicts of death about members that were well all along. */
function falseVerdicts(
  settings: Partial<DetectorSettings>,
  experiment: (typeof experiments)[number],
  runMs: number,
  crypto: Crypto,
  seed: number,
): number {
  const { slow, stallMs, breathMs } = experiment;
  let verdicts = 0;
  const mesh = createDetectorMesh({
    count: members,
    seed,
    crypto,
    settings,
    onOutput(_node, output) {
      if (output.kind === 'changed' && output.to === 'dead' && mesh.indexOf(output.node) >= slow) verdicts++;
    },
  });
  const random = createRandom(seed).fork('stalls');
  mesh.introduce();
  mesh.run(warmUpMs);
  const nextMs = Array.from({ length: slow }, () => warmUpMs + random.below(stallMs));
  const endMs = warmUpMs + runMs;
  for (;;) {
    const soonest = Math.min(...nextMs);
    if (soonest >= endMs) break;
    mesh.run(soonest);
    const node = nextMs.indexOf(soonest);
    mesh.stall(node, soonest + stallMs);
    nextMs[node] = soonest + stallMs + breathMs;
  }
  mesh.run(endMs + stallMs);
  return verdicts;
}

export function lifeguardYardsticks(options: {
  readonly crypto: Crypto;
  readonly seed: number;
  /** Of virtual time, for each experiment and arm. */
  readonly runMs: number;
  readonly experimentsMax?: number;
}): Yardstick[] {
  const { crypto, seed, runMs } = options;
  let [withPlain, withLifeguard] = [0, 0];
  const each: string[] = [];
  for (const experiment of experiments.slice(0, options.experimentsMax)) {
    const [before, after] = [plain, lifeguard].map((arm) => falseVerdicts(arm, experiment, runMs, crypto, seed));
    withPlain += before!;
    withLifeguard += after!;
    each.push(`${experiment.slow} slow: ${before}/${after}`);
  }
  return [
    {
      group,
      name: `${members} members: false verdicts of plain SWIM per one with Lifeguard`,
      source: 'Lifeguard, abstract: 50 to 100 times fewer',
      expected: `≥ ${leastRatio}`,
      got: `${(withPlain / Math.max(1, withLifeguard)).toFixed(1)} (${each.join(', ')})`,
      // Without enough of them in the plain arm the ratio would say nothing.
      isMet: withPlain >= leastRatio && withPlain >= leastRatio * withLifeguard,
    },
  ];
}
