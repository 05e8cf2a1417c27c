// Law: a field of agents that differ in speed and skills, work that comes at random and in sizes nobody knows exactly, and messages that take
// their time. It runs what it is told to run; who is told what is the rules' business.
import type { Random } from '../../actors/system/index.ts';
import { normal, uniform } from '../detect/index.ts';
import { createHeapQueue } from '../world/index.ts';

export interface Task {
  readonly index: number;
  readonly key: string;
  readonly skill: number;
  /** On an agent of speed 1. */
  readonly workMs: number;
  /** What anybody believes before it has run. */
  readonly guessMs: number;
  readonly arrivesMs: number;
  doneMs: number | undefined;
  runs: number;
}

export interface Agent {
  readonly index: number;
  readonly id: string;
  readonly speed: number;
  readonly skills: ReadonlySet<number>;
  isUp: boolean;
  running: Task | undefined;
  busyMs: number;
  /** In its hands, in their order; the rules' own. */
  readonly queue: Task[];
}

export interface FieldOptions {
  readonly random: Random;
  readonly agents: number;
  readonly tasks: number;
  /** Share of the agents' time that the work takes; undefined: all of it comes at once. */
  readonly load: number | undefined;
  /** Share of agents that go down for good, each at a moment of its own while work comes. */
  readonly crashes?: number;
}

const skills = 8;
const meanWorkMs = 5_000;
const workDeviation = 1;
const speedDeviation = 0.35;
const guessDeviation = 0.3;
const latencyMinMs = 10;
const latencyMaxMs = 150;

export interface Rule {
  arrive(task: Task): void;
  /** The agent has nothing running now; `done` is what it had. */
  free(agent: Agent, done?: Task): void;
  /** It went down, with whatever it had in its hands. */
  crashed?(agent: Agent): void;
}

export class Field {
  readonly agents: readonly Agent[];
  readonly tasks: readonly Task[];
  readonly bySkill: readonly (readonly Agent[])[];
  readonly random: Random;
  nowMs = 0;
  messages = 0;
  /** Not done yet, arrived or not. */
  left: number;
  private readonly queue = createHeapQueue();
  private readonly acts: ((() => void) | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private readonly latencies: Random;
  private readonly options: FieldOptions;

  constructor(options: FieldOptions) {
    this.options = options;
    const { random } = options;
    this.random = random;
    this.latencies = random.fork('latency');
    const draw = random.fork('agents');
    this.agents = Array.from({ length: options.agents }, (_, index) => {
      const own = new Set([index % skills]);
      for (let more = draw.below(4); own.size <= more; ) own.add(draw.below(skills));
      return {
        index,
        id: `agent-${String(index).padStart(4, '0')}`,
        speed: Math.exp(speedDeviation * normal(draw) - speedDeviation ** 2 / 2),
        skills: own,
        isUp: true,
        running: undefined,
        busyMs: 0,
        queue: [],
      };
    });
    this.bySkill = Array.from({ length: skills }, (_, skill) => this.agents.filter((agent) => agent.skills.has(skill)));
    const speed = this.agents.reduce((sum, agent) => sum + agent.speed, 0);
    const work = random.fork('work');
    let arrivesMs = 0;
    this.tasks = Array.from({ length: options.tasks }, (_, index) => {
      if (options.load !== undefined) arrivesMs += (-Math.log(1 - uniform(work)) * meanWorkMs) / (options.load * speed);
      const workMs = meanWorkMs * Math.exp(workDeviation * normal(work) - workDeviation ** 2 / 2);
      return {
        index,
        key: `task-${index}`,
        skill: work.below(skills),
        workMs,
        guessMs: workMs * Math.exp(guessDeviation * normal(work) - guessDeviation ** 2 / 2),
        arrivesMs,
        doneMs: undefined,
        runs: 0,
      };
    });
    this.left = options.tasks;
  }

  later(delayMs: number, act: () => void): void {
    const slot = this.freeSlots.pop() ?? this.acts.length;
    this.acts[slot] = act;
    this.queue.push(Math.round((this.nowMs + delayMs) * 1_000), slot);
  }

  /** One message on its way. */
  send(act: () => void): void {
    this.messages++;
    this.later(latencyMinMs + (latencyMaxMs - latencyMinMs) * uniform(this.latencies), act);
  }

  begin(agent: Agent, task: Task, rule: Rule): void {
    agent.running = task;
    task.runs++;
    const runMs = task.workMs / agent.speed;
    this.later(runMs, () => {
      if (!agent.isUp) return;
      agent.busyMs += runMs;
      agent.running = undefined;
      if (task.doneMs === undefined) {
        task.doneMs = this.nowMs;
        this.left--;
      }
      rule.free(agent, task);
    });
  }

  /** Until everything is done, or nothing more can happen, or `untilMs`. */
  run(rule: Rule, untilMs = 1e8): void {
    for (const task of this.tasks) this.later(task.arrivesMs, () => rule.arrive(task));
    const draw = this.random.fork('crashes');
    const lastMs = Math.max(30_000, this.tasks.at(-1)!.arrivesMs);
    for (const agent of this.agents)
      if (draw.chance(this.options.crashes ?? 0)) this.later(uniform(draw) * lastMs, () => this.crash(agent, rule));
    while (this.left > 0 && this.queue.size > 0 && this.nowMs < untilMs) {
      this.nowMs = this.queue.peekUs() / 1_000;
      const slot = this.queue.pop();
      const act = this.acts[slot]!;
      this.acts[slot] = undefined;
      this.freeSlots.push(slot);
      act();
    }
  }

  private crash(agent: Agent, rule: Rule): void {
    agent.isUp = false;
    agent.running = undefined;
    agent.queue.length = 0;
    rule.crashed?.(agent);
  }
}
