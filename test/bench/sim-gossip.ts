// Law: one measured run in a process of its own, as its peers in C++ and Python are: CPU time and peak memory, start and imports included.
// Usage: node test/bench/sim-gossip.ts NODES MESSAGES SEED
import { runGossipsub } from '../../sim/lite/index.ts';

const [nodes = 1_000, messages = 60, seed = 1] = process.argv.slice(2).map(Number);
const { events, delivered, sent, virtualMs } = runGossipsub({ seed, version: '1.0', nodes, messages });
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    events,
    delivered,
    messages: sent.message,
    cpuSeconds: (user + system) / 1e6,
    rssBytes: process.resourceUsage().maxRSS * 1024,
    virtualSeconds: virtualMs / 1_000,
  }),
);
