// Law: a thousand full nodes are a thousand times the supervisor tree, membership, memory, consensus and roles of production, in one process
// and one core, with work that is certified while they run: meshes of a few nodes each, since every node of a mesh is connected to every
// other. Beside it one mesh that grows, for what that connectedness costs.
// Usage: node test/bench/sim-full.ts MESHES NODES_EACH SECONDS
import { computeTask, planOf, Swarm } from '../../sim/index.ts';

const [meshes = 250, nodes = 4, seconds = 20] = process.argv.slice(2).map(Number);
/** Until all know each other; what it costs is told apart. */
const settleSeconds = 8;
/** Every mesh has one task certified per so many seconds. */
const workEverySeconds = 10;
const sliceSeconds = 10;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const swarms = Array.from({ length: meshes }, (_, i) => new Swarm({ seed: i + 1, nodes }));
for (const swarm of swarms) swarm.start();
const beforeStart = cpuSeconds();
for (const swarm of swarms) await swarm.run(settleSeconds * 1_000);
const beforeWork = cpuSeconds();
// In slices, so that all of them are alive at any time.
for (let second = 0; second < seconds; second += sliceSeconds) {
  for (const [i, swarm] of swarms.entries()) {
    for (let at = second; at < Math.min(second + sliceSeconds, seconds); at++)
      if ((at + i) % workEverySeconds === 0)
        swarm.later((at - second) * 1_000, 'client', () =>
          swarm.submit(at % nodes, planOf('a task', [computeTask('only')]), `bench ${i} at ${at}`),
        );
    await swarm.run((settleSeconds + Math.min(second + sliceSeconds, seconds)) * 1_000);
  }
}
const used = cpuSeconds() - beforeWork;
const ended = swarms.flatMap(({ nodes: [first] }) => first!.process?.composed.parts.board.all() ?? []);
console.log(
  JSON.stringify({
    nodes: meshes * nodes,
    startSeconds: beforeWork - beforeStart,
    cpuSeconds: used,
    virtualSeconds: seconds,
    submitted: swarms.reduce((sum, { submissions }) => sum + submissions.length, 0),
    completed: ended.filter(({ ended: how }) => how?.state === 'completed').length,
    events: swarms.reduce((sum, { kernel }) => sum + kernel.trace.count, 0),
    breaches: swarms.reduce((sum, { kernel }) => sum + kernel.breaches.length, 0),
    rssBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
