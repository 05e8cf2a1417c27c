// Law: five real processes on loopback and the same five nodes in the simulator do the same work at the same pace, and are asked for the
// same counter. What grows with time and not with work (probes, greetings, comparisons) is left out on both sides.
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { Swarm } from '../index.ts';
import { computeTask, planOf } from '../workload.ts';
import { type SentCounts, startRealMesh } from './mesh-processes.ts';
import { withinShare, type Yardstick } from './yardstick.ts';

const nodes = 5;
const warmUps = 2;
/** After each, so that decisions do not share frames. */
const breathMs = 1_000;
const share = 0.1;
/** What a decision makes nodes say, from the offer of its task to the countersigned log. */
const ofDecisions = [
  'audit.cosign',
  'consensus.frame',
  'lane.entries',
  'task.offer',
  'task.offer.reply',
  'workflow.hold',
  'workflow.hold.reply',
] as const;

interface Mesh {
  sent(): Promise<SentCounts>;
  decide(label: string): Promise<void>;
  pause(ms: number): Promise<void>;
}

async function perDecision(mesh: Mesh, decisions: number): Promise<SentCounts> {
  for (let i = 0; i < warmUps; i++) await mesh.decide(`first${i}`);
  await mesh.pause(2 * breathMs);
  const before = await mesh.sent();
  for (let i = 0; i < decisions; i++) {
    await mesh.decide(`word${i}`);
    await mesh.pause(breathMs);
  }
  const after = await mesh.sent();
  return new Map(ofDecisions.map((type) => [type, ((after.get(type) ?? 0) - (before.get(type) ?? 0)) / decisions]));
}

async function simulatedMesh(seed: number): Promise<Mesh> {
  const swarm = new Swarm({ seed, nodes });
  const pause = (ms: number): Promise<void> => swarm.run(swarm.nowMs + ms);
  swarm.start();
  // Until all know what all can do.
  await pause(5_000);
  let turn = 0;
  return {
    pause,
    async sent() {
      const total = new Map<string, number>();
      for (const { process } of swarm.nodes)
        for (const { type, count } of process!.composed.parts.office.sent())
          total.set(type, (total.get(type) ?? 0) + count);
      return total;
    },
    async decide(label) {
      const content = utf8.encode(`about ${label}\n`);
      const blob = { digest: hex.encode(swarm.crypto.sha256(content)), sizeBytes: content.length };
      const plan = planOf(label, [computeTask('search', { durationMs: 50, files: [{ name: 'notes.txt', blob }] })]);
      const at = turn++ % nodes;
      const submission = swarm.submit(at, { plan, payloads: [{ name: 'notes.txt', content }] }, `calibration ${label}`);
      const { board } = swarm.nodes[at]!.process!.composed.parts;
      const isDone = (): boolean =>
        submission.workflow !== undefined && board.get(submission.workflow)?.ended?.state === 'completed';
      await swarm.run(swarm.nowMs + 60_000, isDone);
      if (!isDone())
        throw new Error(`the simulated workflow ${label} did not complete: ${submission.refused ?? 'in time'}`);
    },
  };
}

export async function meshYardsticks(options: {
  readonly seed: number;
  readonly decisions: number;
}): Promise<Yardstick[]> {
  const { seed, decisions } = options;
  const simulated = await perDecision(await simulatedMesh(seed), decisions);
  const started = await startRealMesh(nodes);
  let real: SentCounts;
  try {
    real = await perDecision(started, decisions);
  } finally {
    await started.end();
  }
  const sum = (counts: SentCounts): number => [...counts.values()].reduce((total, count) => total + count, 0);
  const about = (name: string) => ({
    group: `${nodes} processes on loopback beside their simulation, ${decisions} decisions`,
    name: `${name} per decision`,
    source: 'the real mesh, in this run',
  });
  return [
    withinShare(about('messages'), sum(real), sum(simulated), share),
    withinShare(about('frames of consensus'), real.get('consensus.frame')!, simulated.get('consensus.frame')!, share),
  ].map((yardstick) => ({
    ...yardstick,
    got: `${yardstick.got}; real/simulated ${ofDecisions.map((type) => `${type} ${real.get(type)!.toFixed(1)}/${simulated.get(type)!.toFixed(1)}`).join(', ')}`,
  }));
}
