// Law: what happens outside of the mesh happens for a certified result alone, once at each node that carries it out and alike at all of them;
// and where a workflow has completed, somebody that is whole has carried it out.
import { boundCall } from '../../actors/workflow/index.ts';
import type { SimNode } from '../node.ts';
import { honestOutcome, writeSkill } from '../sandbox.ts';
import type { Effect, Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface EffectCheck extends Watcher {
  finish(core: readonly SimNode[]): void;
}

export function createEffectCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): EffectCheck {
  const { swarm, book, isHonest } = options;
  const keyOf = ({ workflow, task }: Pick<Effect, 'workflow' | 'task'>): string => `${task} of ${workflow}`;
  /** By key: what it was, and how often at each node. */
  const done = new Map<string, { readonly content: string; readonly times: Map<number, number> }>();

  /** What an honest computation writes; undefined where this node cannot tell. */
  const wanted = ({ process }: SimNode, { workflow, task }: Effect): string | undefined => {
    const record = process?.composed.parts.board.get(workflow);
    const call = record === undefined ? undefined : boundCall(record, task);
    if (call === undefined || call.task.placement !== undefined) return undefined;
    const outcome = honestOutcome({ ...call, skill: call.task.skill }, swarm.crypto);
    return outcome.kind === 'result'
      ? (JSON.parse(Buffer.from(outcome.output).toString()) as { readonly markdown: string }).markdown
      : undefined;
  };

  return {
    effect(node, effect) {
      if (!isHonest(node.index)) return;
      const key = keyOf(effect);
      const known = done.get(key) ?? { content: effect.content, times: new Map<number, number>() };
      done.set(key, known);
      const times = (known.times.get(node.index) ?? 0) + 1;
      known.times.set(node.index, times);
      const right = wanted(node, effect);
      if (known.content !== effect.content)
        book.break('effect-once', `${node.name} did something else for ${key} than others did`);
      else if (times > 1) book.break('effect-once', `${node.name} did ${key} ${times} times`);
      else if (right !== undefined && right !== effect.content)
        book.break('effect-once', `${node.name} did for ${key} what no honest node found`);
    },
    finish(core) {
      const asked = new Map<string, string>();
      for (const { process } of core)
        for (const { workflow, opened, ended } of process?.composed.parts.board.all() ?? [])
          for (const { id, skill } of ended?.state === 'completed' ? opened!.plan.tasks : [])
            if (skill === writeSkill) asked.set(keyOf({ workflow, task: id }), workflow);
      // A node that was away when the end came does it when a client asks there; somebody was not away.
      for (const [key, workflow] of asked)
        if (!core.some(({ index }) => done.get(key)?.times.has(index)))
          book.break('effect-once', `${workflow.slice(0, 12)} completed, and nobody did ${key}`);
    },
  };
}
