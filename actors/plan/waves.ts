// Law: a task runs only when everything it waits for is finished.
import type { Plan, PlanTask } from './plan.ts';

/** The tasks that may start now, in plan order: not finished, and everything they wait for is. */
export function readyTasks(plan: Plan, finished: ReadonlySet<string>): readonly PlanTask[] {
  return plan.tasks.filter((task) => !finished.has(task.id) && task.after.every((id) => finished.has(id)));
}

/** Task ids in the order they can run: what stands in one wave can run at the same time. For a plan without a cycle. */
export function waves(plan: Plan): readonly (readonly string[])[] {
  const finished = new Set<string>();
  const order: string[][] = [];
  for (;;) {
    const wave = readyTasks(plan, finished).map(({ id }) => id);
    if (wave.length === 0) return order;
    order.push(wave);
    for (const id of wave) finished.add(id);
  }
}

/** A chain of task ids in which each waits for the next and the last waits for the first, if there is one. */
export function findCycle(
  tasks: readonly { readonly id: string; readonly after: readonly string[] }[],
): readonly string[] | undefined {
  const after = new Map(tasks.map((task) => [task.id, task.after]));
  const done = new Set<string>();
  const chain: string[] = [];
  // At most `planLimits.tasks` deep.
  const visit = (id: string): readonly string[] | undefined => {
    if (done.has(id)) return undefined;
    const start = chain.indexOf(id);
    if (start >= 0) return chain.slice(start);
    chain.push(id);
    for (const next of after.get(id) ?? []) {
      const cycle = after.has(next) ? visit(next) : undefined;
      if (cycle !== undefined) return cycle;
    }
    chain.pop();
    done.add(id);
    return undefined;
  };
  for (const { id } of tasks) {
    const cycle = visit(id);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
