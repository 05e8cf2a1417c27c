// Law: what the mesh's own allocation is measured against. The central rules see everything at once and pay for no message, which nobody can.
import type { Agent, Field, Rule, Task } from './field.ts';

/** The oldest task to the fastest idle agent: M/M/k with a choice. */
export function centralFirstCome(field: Field): Rule {
  const waiting: Task[] = [];
  const rule: Rule = {
    arrive(task) {
      let best: Agent | undefined;
      for (const agent of field.bySkill[task.skill]!)
        if (agent.running === undefined && (best === undefined || agent.speed > best.speed)) best = agent;
      if (best === undefined) waiting.push(task);
      else field.begin(best, task, rule);
    },
    free(agent) {
      const at = waiting.findIndex(({ skill }) => agent.skills.has(skill));
      if (at >= 0) field.begin(agent, waiting.splice(at, 1)[0]!, rule);
    },
  };
  return rule;
}

/** Each task to where it will be over first, its true size known. */
export function centralEarliestFinish(field: Field): Rule {
  const untilMs = new Float64Array(field.agents.length);
  return queued(field, (task, give) => {
    const finish = (agent: Agent): number => Math.max(field.nowMs, untilMs[agent.index]!) + task.workMs / agent.speed;
    let best = field.bySkill[task.skill]![0]!;
    for (const agent of field.bySkill[task.skill]!) if (finish(agent) < finish(best)) best = agent;
    untilMs[best.index] = finish(best);
    give(best);
  });
}

export function atRandom(field: Field): Rule {
  const random = field.random.fork('random');
  return queued(field, (task, give) => {
    const able = field.bySkill[task.skill]!;
    const agent = able[random.below(able.length)]!;
    field.send(() => give(agent));
  });
}

/** The shortest queue of `d` asked (M. Mitzenmacher). */
export const powerOf =
  (d: number) =>
  (field: Field): Rule => {
    const random = field.random.fork('power');
    return queued(field, (task, give) => {
      const asked = sample(field, task, d, random);
      const answers: { readonly agent: Agent; readonly length: number }[] = [];
      for (const agent of asked)
        field.send(() => {
          const length = agent.queue.length + (agent.running === undefined ? 0 : 1);
          field.send(() => {
            answers.push({ agent, length });
            if (answers.length < asked.length) return;
            const best = answers.reduce((a, b) => (b.length < a.length ? b : a));
            field.send(() => give(best.agent));
          });
        });
    });
  };

/** Places are kept at `d` agents, and the first of them to be free fetches the task (Sparrow). */
export const lateBinding =
  (d: number) =>
  (field: Field): Rule => {
    const random = field.random.fork('late');
    const bound = new Set<Task>();
    const fetching = new Set<Agent>();
    const next = (agent: Agent): void => {
      if (agent.running !== undefined || fetching.has(agent)) return;
      const task = agent.queue.shift();
      if (task === undefined) return;
      fetching.add(agent);
      field.send(() => {
        const isMine = !bound.has(task);
        bound.add(task);
        field.send(() => {
          fetching.delete(agent);
          if (isMine) field.begin(agent, task, rule);
          else next(agent);
        });
      });
    };
    const rule: Rule = {
      arrive(task) {
        for (const agent of sample(field, task, d, random))
          field.send(() => {
            agent.queue.push(task);
            next(agent);
          });
      },
      free: next,
    };
    return rule;
  };

/** Every agent works off its own queue; `place` says once where a task goes. */
function queued(field: Field, place: (task: Task, give: (agent: Agent) => void) => void): Rule {
  const rule: Rule = {
    arrive(task) {
      place(task, (agent) => {
        agent.queue.push(task);
        if (agent.running === undefined) rule.free(agent);
      });
    },
    free(agent) {
      const task = agent.queue.shift();
      if (task !== undefined) field.begin(agent, task, rule);
    },
  };
  return rule;
}

function sample(field: Field, task: Task, d: number, random: Field['random']): readonly Agent[] {
  const able = field.bySkill[task.skill]!;
  if (able.length <= d) return able;
  const chosen = new Set<Agent>();
  while (chosen.size < d) chosen.add(able[random.below(able.length)]!);
  return [...chosen];
}
