// Law: a thousand full nodes are a thousand times the supervisor tree, membership, memory, consensus and roles of production, in one process
// and one core, with work that is certified while they run. In one mesh few of them vote, some execute beside those, and the others listen;
// in meshes of a few nodes each, all of them vote.
// Usage: node test/bench/sim-full.ts MESHES MEMBERS WORKERS OBSERVERS SECONDS (members, workers and observers of each mesh)
import { computeTask, planOf, Swarm } from '../../sim/index.ts';

const [meshes = 1, members = 7, workers = 24, observers = 969, seconds = 20] = process.argv.slice(2).map(Number);
/** Until all know each other; what it costs is told apart. */
const settleSeconds = 8;
/** Every mesh has one task certified per so many seconds. */
const workEverySeconds = 10;
const sliceSeconds = 10;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const beforeStart = cpuSeconds();
const swarms = Array.from({ length: meshes }, (_, i) => new Swarm({ seed: i + 1, nodes: members, workers, observers }));
for (const swarm of swarms) swarm.start();
for (const swarm of swarms) await swarm.run(settleSeconds * 1_000);
const beforeWork = cpuSeconds();
// In slices, so that all of them are alive at any time.
for (let second = 0; second < seconds; second += sliceSeconds) {
  for (const [i, swarm] of swarms.entries()) {
    for (let at = second; at < Math.min(second + sliceSeconds, seconds); at++)
      if ((at + i) % workEverySeconds === 0)
        swarm.later((at - second) * 1_000, 'client', () =>
          swarm.submit(at % members, planOf('a task', [computeTask('only')]), `bench ${i} at ${at}`),
        );
    await swarm.run((settleSeconds + Math.min(second + sliceSeconds, seconds)) * 1_000);
  }
}
const used = cpuSeconds() - beforeWork;
/** Workflows that this node knows to be completed. */
const completedAt = (node: Swarm['nodes'][number]): number =>
  node.process?.composed.parts.board.all().filter(({ ended }) => ended?.state === 'completed').length ?? 0;
console.log(
  JSON.stringify({
    nodes: meshes * (members + workers + observers),
    startSeconds: beforeWork - beforeStart,
    cpuSeconds: used,
    virtualSeconds: seconds,
    submitted: swarms.reduce((sum, { submissions }) => sum + submissions.length, 0),
    // By whoever knows least of each mesh.
    completed: swarms.reduce((sum, { nodes }) => sum + Math.min(...nodes.map(completedAt)), 0),
    events: swarms.reduce((sum, { kernel }) => sum + kernel.trace.count, 0),
    breaches: swarms.reduce((sum, { kernel }) => sum + kernel.breaches.length, 0),
    rssBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
