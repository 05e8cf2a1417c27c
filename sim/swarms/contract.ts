// Law: the node's own allocation, carried by modelled messages: its workloads, bids, awards and thieves are those of actors/allocation, and
// nothing of what they decide is decided here. What an idle node knows of others it reads off the record, which is a look old.
import {
  assign,
  type Backlog,
  type Bid,
  bidMs,
  createThief,
  createWorkload,
  spareOf,
  type Thief,
  type Workload,
  whomToAsk,
} from '../../actors/allocation/index.ts';
import { shuffled } from '../detect/index.ts';
import type { Agent, Field, Rule, Task } from './field.ts';

/** As in actors/steward. */
const bidWindowMs = 300;
const lookPeriodMs = 250;
/** What waits is said again at the worker's looks; a little less often here, and well before it lapses. */
const awaitPeriodMs = 2_000;
/** Until a dead node is believed dead and somebody goes on in its place. */
const noticeMs = 4_000;

export interface ContractOptions {
  /** Default true. */
  readonly isStealing?: boolean;
  /** Offers reserve nothing, where false: the plain contract net. */
  readonly isReserving?: boolean;
}

interface Desk {
  readonly workload: Workload;
  readonly thief: Thief;
}

export const contractNet =
  ({ isStealing = true, isReserving = true }: ContractOptions = {}) =>
  (field: Field): Rule => {
    const random = field.random.fork('contract');
    const clock = { monotonicMs: () => field.nowMs };
    const desks: readonly Desk[] = field.agents.map(({ id }) => {
      const workload = createWorkload(clock, 1);
      return { workload, thief: createThief(clock, random.fork(id), workload) };
    });
    const byId = new Map(field.agents.map((agent) => [agent.id, agent]));
    const holders = new Map<Task, Agent>();
    const moved = new Set<Task>();
    const expectedMs = (agent: Agent, task: Task): number => task.guessMs / agent.speed;
    const someNode = (): Agent => {
      for (;;) {
        const agent = field.agents[random.below(field.agents.length)]!;
        if (agent.isUp) return agent;
      }
    };

    const offer = (task: Task, round = 0): void => {
      if (task.doneMs !== undefined) return;
      const steward = someNode();
      const order = shuffled(
        field.bySkill[task.skill]!.filter((agent) => agent.isUp),
        random,
      );
      const rank = new Map(order.map(({ id }, i) => [id, i]));
      const asked = whomToAsk(
        order.map(({ id }) => id),
        1,
        round,
      ).map((id) => byId.get(id)!);
      const bids: Bid[] = [];
      let isOver = false;
      const award = (): void => {
        if (isOver) return;
        isOver = true;
        // The steward died over its bids: whoever is next offers anew.
        if (!steward.isUp) {
          field.later(noticeMs, () => offer(task, round + 1));
          return;
        }
        const { executors } = assign(
          bids,
          { executors: 1, total: 1 },
          { executors: [], verifiers: [] },
          (id) => rank.get(id)!,
        );
        const winner = executors[0] === undefined ? undefined : byId.get(executors[0])!;
        if (winner === undefined) {
          field.later(lookPeriodMs, () => offer(task, round + 1));
          return;
        }
        holders.set(task, winner);
        for (const { node } of bids) {
          const agent = byId.get(node)!;
          field.send(() => (agent === winner ? take(agent, task) : desks[agent.index]!.workload.release(task.key)));
        }
      };
      for (const agent of asked)
        field.send(() => {
          if (!agent.isUp) return;
          const { workload } = desks[agent.index]!;
          workload.release(task.key);
          const finishMs = bidMs(workload.finishMs(expectedMs(agent, task)));
          if (isReserving) workload.reserve(task.key, expectedMs(agent, task));
          field.send(() => {
            if (isOver) return;
            bids.push({ node: agent.id, finishMs, missingFiles: 0 });
            if (bids.length === asked.length) award();
          });
        });
      field.later(bidWindowMs, award);
    };

    const lost = (task: Task, holder: Agent): void =>
      field.later(noticeMs, () => {
        if (holders.get(task) !== holder || task.doneMs !== undefined) return;
        holders.delete(task);
        offer(task);
      });
    /** The task is this agent's by the record. */
    const take = (agent: Agent, task: Task): void => {
      if (!agent.isUp) {
        lost(task, agent);
        return;
      }
      agent.queue.push(task);
      desks[agent.index]!.workload.await(task.key, expectedMs(agent, task));
      next(agent);
    };
    const next = (agent: Agent): void => {
      if (agent.running !== undefined || !agent.isUp) return;
      const task = agent.queue.shift();
      if (task === undefined) {
        look(agent);
        return;
      }
      desks[agent.index]!.workload.begin(task.key, expectedMs(agent, task));
      field.begin(agent, task, rule);
    };

    /** What everybody has in hand, as the record said at the last look. */
    let recorded: readonly { readonly node: Agent; readonly held: readonly Task[] }[] = [];
    const look = (agent: Agent): void => {
      const { thief } = desks[agent.index]!;
      if (!isStealing || !agent.isUp || !thief.mayAsk()) return;
      const backlogs: Backlog[] = recorded
        .filter(({ node, held }) => node !== agent && held.some((task) => mayHave(agent, task)))
        .map(({ node, held }) => ({ node: node.id, count: held.length }));
      const chosen = thief.victim(backlogs);
      if (chosen === undefined) return;
      const victim = byId.get(chosen)!;
      field.send(() => {
        const given = victim.isUp && giveTo(victim, agent);
        field.send(() => thief.answered(given));
      });
    };
    const mayHave = (thief: Agent, task: Task): boolean => thief.skills.has(task.skill) && !moved.has(task);
    const giveTo = (victim: Agent, thief: Agent): boolean => {
      const { workload } = desks[victim.index]!;
      const key = spareOf(workload.waiting(), (each) => {
        const task = victim.queue.find((one) => one.key === each);
        return task !== undefined && mayHave(thief, task) ? expectedMs(thief, task) : undefined;
      });
      const at = victim.queue.findIndex((task) => task.key === key);
      if (at < 0) return false;
      const task = victim.queue.splice(at, 1)[0]!;
      workload.giveAway(task.key);
      moved.add(task);
      holders.set(task, thief);
      field.send(() => take(thief, task));
      return true;
    };

    const everyLook = (): void => {
      recorded = field.agents
        .filter((agent) => agent.isUp && agent.queue.length > 0)
        .map((agent) => ({
          node: agent,
          held: [...(agent.running === undefined ? [] : [agent.running]), ...agent.queue],
        }));
      for (const agent of field.agents) if (agent.running === undefined) look(agent);
      field.later(lookPeriodMs, everyLook);
    };
    const everyAwait = (): void => {
      for (const agent of field.agents)
        for (const task of agent.queue) desks[agent.index]!.workload.await(task.key, expectedMs(agent, task));
      field.later(awaitPeriodMs, everyAwait);
    };
    if (isStealing) everyLook();
    everyAwait();

    const rule: Rule = {
      arrive: (task) => offer(task),
      free(agent, done) {
        if (done !== undefined) desks[agent.index]!.workload.end(done.key);
        next(agent);
      },
      crashed(agent) {
        // All that the record gives to it and nobody has answered, awards on their way included.
        for (const [task, holder] of holders) if (holder === agent) lost(task, agent);
      },
    };
    return rule;
  };
