// Law: `node sim/swarms/main.ts` measures every rule on the same agents and the same work, the mesh's own beside those it can and cannot beat,
// and says of each goal whether it is met. Exit code 1 where one is not.
import { parseArgs } from 'node:util';
import { createRandom } from '../../actors/system/index.ts';
import { central, distributed, type Measured, measureOver, meshRule, yardstick } from './measure.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '200' },
    tasks: { type: 'string', default: '20000' },
    seeds: { type: 'string', default: '2' },
    load: { type: 'string', default: '0.8' },
    burst: { type: 'string', default: '2000' },
  },
});
const agents = Number(values.agents);
const load = Number(values.load);
const seeds = () => Array.from({ length: Number(values.seeds) }, (_, i) => createRandom(i + 1));
const rules = Object.entries({ ...central, ...distributed });
const cpu = process.cpuUsage();

const line = (rule: string, ...figures: string[]): void =>
  console.log(rule.padEnd(28) + figures.map((figure) => figure.padStart(13)).join(''));
const failed: string[] = [];
const goal = (text: string, value: number, isMet: boolean): void => {
  console.log(`${isMet ? 'met   ' : 'MISSED'} ${text}: ${value.toFixed(3)}`);
  if (!isMet) failed.push(text);
};

console.log(
  `${agents} agents, ${values.tasks} tasks at ${(100 * load).toFixed(0)} % load, ${values.seeds} seeds; × is to "${yardstick}", which knows all and sends nothing`,
);
line('rule', 'mean', '× mean', 'p99', '× p99', 'Jain', 'messages/task');
const steady = rules.map(([name, make]) =>
  measureOver(name, make, { agents, tasks: Number(values.tasks), load }, seeds()),
);
const base = steady.find(({ rule }) => rule === yardstick)!;
for (const { rule, meanMs, p99Ms, fairness, messagesPerTask } of steady)
  line(
    rule,
    `${(meanMs / 1_000).toFixed(2)} s`,
    (meanMs / base.meanMs).toFixed(2),
    `${(p99Ms / 1_000).toFixed(1)} s`,
    (p99Ms / base.p99Ms).toFixed(2),
    fairness.toFixed(3),
    messagesPerTask.toFixed(1),
  );

console.log(`\nburst: ${values.burst} tasks at once; × is to the best central rule`);
line('rule', 'makespan', '×', 'mean', 'messages/task');
const burst = rules.map(([name, make]) =>
  measureOver(name, make, { agents, tasks: Number(values.burst), load: undefined }, seeds()),
);
const bestCentral = Math.min(...burst.filter(({ rule }) => rule in central).map(({ makespanMs }) => makespanMs));
for (const { rule, makespanMs, meanMs, messagesPerTask } of burst)
  line(
    rule,
    `${(makespanMs / 1_000).toFixed(0)} s`,
    (makespanMs / bestCentral).toFixed(2),
    `${(meanMs / 1_000).toFixed(1)} s`,
    messagesPerTask.toFixed(1),
  );

const crashed = measureOver(
  meshRule,
  distributed[meshRule]!,
  { agents, tasks: Number(values.tasks) / 2, load: 0.7, crashes: 0.1 },
  seeds(),
);
console.log(
  `\n10 % of the agents crash for good at 70 % load: ${crashed.lost} tasks lost, ${crashed.repeated.toFixed(0)} begun again elsewhere, mean ${(crashed.meanMs / 1_000).toFixed(2)} s\n`,
);

const mesh = (all: readonly Measured[]): Measured => all.find(({ rule }) => rule === meshRule)!;
goal('mean ≤ 1.5 × central', mesh(steady).meanMs / base.meanMs, mesh(steady).meanMs <= 1.5 * base.meanMs);
goal('p99 ≤ 1.15 × central', mesh(steady).p99Ms / base.p99Ms, mesh(steady).p99Ms <= 1.15 * base.p99Ms);
goal('Jain ≥ 0.95', mesh(steady).fairness, mesh(steady).fairness >= 0.95);
goal('≤ 40 messages per task', mesh(steady).messagesPerTask, mesh(steady).messagesPerTask <= 40);
goal(
  'burst ≤ 1.4 × the best central rule',
  mesh(burst).makespanMs / bestCentral,
  mesh(burst).makespanMs <= 1.4 * bestCentral,
);
goal('no task lost to crashes', crashed.lost, crashed.lost === 0);
const { user, system } = process.cpuUsage(cpu);
console.log(`${((user + system) / 1e6).toFixed(1)} s of CPU`);
if (failed.length > 0) process.exitCode = 1;
