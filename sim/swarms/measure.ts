// Law: what a rule is worth: how long tasks take, how evenly the work falls, what it costs in messages, and what was lost.
import type { Random } from '../../actors/system/index.ts';
import { atRandom, centralEarliestFinish, centralFirstCome, lateBinding, powerOf } from './baselines.ts';
import { contractNet } from './contract.ts';
import { Field, type FieldOptions, type Rule } from './field.ts';

export interface Measured {
  readonly rule: string;
  readonly meanMs: number;
  readonly p99Ms: number;
  /** Raj Jain's index of the shares of their time that agents work: 1 where all work alike. */
  readonly fairness: number;
  readonly messagesPerTask: number;
  /** Never done. */
  readonly lost: number;
  /** Of tasks that were begun again elsewhere. */
  readonly repeated: number;
  /** Until the last is done. */
  readonly makespanMs: number;
}

export const central: Readonly<Record<string, (field: Field) => Rule>> = {
  'central, first come': centralFirstCome,
  'central, earliest finish': centralEarliestFinish,
};

export const distributed: Readonly<Record<string, (field: Field) => Rule>> = {
  random: atRandom,
  'power of 2': powerOf(2),
  'power of 4': powerOf(4),
  'late binding, 4': lateBinding(4),
  'contract net, plain': contractNet({ isReserving: false, isStealing: false }),
  '… with soft reservation': contractNet({ isStealing: false }),
  '… and stealing (the mesh)': contractNet(),
};
export const meshRule = '… and stealing (the mesh)';
/** What the goals are measured against. */
export const yardstick = 'central, first come';

/** Tasks before this share of them find the field still empty. */
const warmUp = 0.1;

export function measure(rule: string, make: (field: Field) => Rule, options: FieldOptions): Measured {
  const field = new Field(options);
  field.run(make(field));
  const counted = options.load === undefined ? field.tasks : field.tasks.slice(Math.floor(warmUp * field.tasks.length));
  const done = counted.filter(({ doneMs }) => doneMs !== undefined);
  const responses = Float64Array.from(done, ({ doneMs, arrivesMs }) => doneMs! - arrivesMs).sort();
  const shares = field.agents.filter(({ isUp }) => isUp).map(({ busyMs }) => busyMs / field.nowMs);
  const sum = shares.reduce((all, share) => all + share, 0);
  return {
    rule,
    meanMs: responses.reduce((all, each) => all + each, 0) / responses.length,
    p99Ms: responses[Math.floor(0.99 * responses.length)]!,
    fairness: sum ** 2 / (shares.length * shares.reduce((all, share) => all + share ** 2, 0)),
    messagesPerTask: field.messages / field.tasks.length,
    lost: field.left,
    repeated: field.tasks.filter(({ runs }) => runs > 1).length,
    makespanMs: field.nowMs,
  };
}

/** The mean of each figure over seeds. */
export function measureOver(
  rule: string,
  make: (field: Field) => Rule,
  options: Omit<FieldOptions, 'random'>,
  seeds: readonly Random[],
): Measured {
  const all = seeds.map((random) => measure(rule, make, { ...options, random }));
  const mean = (of: (each: Measured) => number): number => all.reduce((sum, each) => sum + of(each), 0) / all.length;
  return {
    rule,
    meanMs: mean(({ meanMs }) => meanMs),
    p99Ms: mean(({ p99Ms }) => p99Ms),
    fairness: mean(({ fairness }) => fairness),
    messagesPerTask: mean(({ messagesPerTask }) => messagesPerTask),
    lost: all.reduce((sum, { lost }) => sum + lost, 0),
    repeated: mean(({ repeated }) => repeated),
    makespanMs: mean(({ makespanMs }) => makespanMs),
  };
}
