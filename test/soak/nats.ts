// Law: fail-over is a distribution: the server in use is killed again and again, and the gap that most stay under is compared with what was
// asked for. Usage: node test/soak/nats.ts [kills]
import { killServers } from '../support/nats-failover.ts';

const kills = Number(process.argv[2] ?? 30);
const goalMs = 2_000;
const report = await killServers(kills);
const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
const p99Ms = at(report.gapsMs, 0.99);
const isMet = p99Ms <= goalMs && report.framesInOrder && report.missing === 0 && report.peersLost === 0;
console.log(
  `${kills} servers killed: ${report.frames} frames, ${report.framesInOrder ? 'each once and in order' : 'NOT each once and in order'}; gap p50 ${at(report.gapsMs, 0.5).toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms; ${report.acknowledged} events acknowledged, ${report.missing} missing; peers lost ${report.peersLost}: ${isMet ? 'met' : 'missed'} (p99 ≤ ${goalMs} ms, nothing lost)`,
);
// JetStream elects a leader first: the server's own time, which no client shortens.
console.log(
  `acknowledged again after p50 ${at(report.publishGapsMs, 0.5).toFixed(0)} ms, p99 ${at(report.publishGapsMs, 0.99).toFixed(0)} ms (a new leader of a stream on three servers)`,
);
process.exit(isMet ? 0 : 1);
