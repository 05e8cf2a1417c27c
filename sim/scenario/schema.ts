// Law: a scenario is data that says everything about a run but its seed; whatever it leaves out has one written default, and whatever it
// says that means nothing is refused.
import { z } from 'zod';
import { faultKinds, kits, triggers } from '../faults/index.ts';
import { ticketKinds } from '../newcomer.ts';
import { always, bandwidth, duration, durationRange, period, phase, share } from './units.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'expected lower-case letters, digits and hyphens');
const nodesMax = 100;
const withoutVoteMax = 1_000;

/** `3`, `any`, `self` (who set the trigger off), `each` (in turn), or the name of a site: one of its nodes. */
const target = z.union([
  z
    .int()
    .min(0)
    .max(nodesMax + 2 * withoutVoteMax - 1),
  name,
]);
/** Nodes by number, all of a site by its name, or of a kind: `liars`, `honest`, `members`, `workers`, `observers`. */
const group = z.array(target).min(1).max(nodesMax);
const span = { for: durationRange.default(always(1_000)) };
const holds = z.boolean().default(false);

const actions = {
  crash: z.strictObject({
    crash: target,
    ...span,
    /** With what its operating system had not written. */
    power: z.boolean().default(true),
    how: z.enum(['reset', 'silent']).default('silent'),
    /** Of its log entries, those that are damaged meanwhile. */
    rot: share.optional(),
    /** Those that were written to where another stands. */
    misdirect: share.optional(),
  }),
  stop: z.strictObject({ stop: target, ...span }),
  pause: z.strictObject({ pause: target, ...span }),
  /** By number: it counts among the liars. `age`: how old a disk, or for how long syncs were lost. */
  swap: z.strictObject({
    swap: z
      .int()
      .min(0)
      .max(nodesMax - 1),
    disk: z.enum(['older', 'foreign', 'empty']).default('older'),
    age: durationRange.default(always(2_000)),
    ...span,
  }),
  'lost-sync': z.strictObject({
    'lost-sync': z
      .int()
      .min(0)
      .max(nodesMax - 1),
    age: durationRange.default(always(2_000)),
    ...span,
  }),
  isolate: z.strictObject({
    isolate: target,
    ...span,
    direction: z.enum(['both', 'in', 'out']).default('both'),
    holds,
  }),
  split: z.strictObject({ split: group, ...span, holds }),
  cut: z.strictObject({ cut: z.strictObject({ from: group, to: group }), ...span, holds }),
  clog: z.strictObject({ clog: z.strictObject({ from: group, to: group }), ...span }),
  flap: z.strictObject({ flap: z.tuple([target, target]), ...span, turns: z.int().min(1).max(100).default(5) }),
  reset: z.strictObject({ reset: z.tuple([target, target]) }),
  weather: z.strictObject({
    weather: z.strictObject({
      loss: share.default(0),
      duplicate: share.default(0),
      reorder: share.default(0),
      slower: z.number().min(1).max(1_000).default(1),
    }),
    ...span,
  }),
  clock: z.strictObject({
    clock: target,
    step: durationRange.default(always(0)),
    /** At most what the mesh's bound on drift forgives. */
    drift: z.number().min(-0.05).max(0.05).default(0),
  }),
  disk: z.strictObject({
    disk: target,
    ...span,
    errors: share.default(0),
    slower: z.number().min(1).max(1_000).default(1),
  }),
  skill: z.strictObject({
    skill: target,
    ...span,
    hang: share.default(0),
    crash: share.default(0),
    slower: z.number().min(1).max(100).default(1),
  }),
} as const satisfies Record<(typeof faultKinds)[number], z.ZodType>;

const timing = z.union([
  z.strictObject({
    at: durationRange,
    every: period.optional(),
    until: duration.optional(),
  }),
  z.strictObject({
    on: z.enum(triggers),
    nth: z.int().min(1).default(1),
    every: z.int().min(1).default(1),
    times: z.int().min(1).max(1_000).default(1),
  }),
]);

type Actions = { [K in keyof typeof actions]: z.output<(typeof actions)[K]> };
export type ScenarioFault = { readonly when: z.output<typeof timing> } & Actions[keyof Actions];
type FaultInput = z.input<typeof timing> & { [K in keyof typeof actions]: z.input<(typeof actions)[K]> }[keyof Actions];

/** One action and one time; complaints are about that action's own fields. */
const fault = z
  .custom<FaultInput>((value) => typeof value === 'object' && value !== null)
  .transform((value, context) => {
    const raw = value as Readonly<Record<string, unknown>>;
    // `crash` is also a field of `skill`.
    const kinds = faultKinds.filter(
      (kind) => kind in raw && !(kind === 'crash' && 'skill' in raw) && !(kind === 'disk' && 'swap' in raw),
    );
    if (kinds.length !== 1) {
      const found = kinds.length === 0 ? `none in {${Object.keys(raw).join(', ')}}` : kinds.join(' and ');
      context.addIssue({ code: 'custom', message: `expected one of ${faultKinds.join(', ')}; found ${found}` });
      return z.NEVER;
    }
    const isTriggered = 'on' in raw;
    if (!isTriggered && !('at' in raw)) {
      context.addIssue({ code: 'custom', message: 'expected when: `at: 3s` or `on: precommit`' });
      return z.NEVER;
    }
    const ofTiming = isTriggered ? ['on', 'nth', 'every', 'times'] : ['at', 'every', 'until'];
    const part = (isTiming: boolean) =>
      Object.fromEntries(Object.entries(raw).filter(([key]) => ofTiming.includes(key) === isTiming));
    const when = timing.options[isTriggered ? 1 : 0].safeParse(part(true));
    const action = actions[kinds[0]!].safeParse(part(false));
    for (const { error } of [when, action])
      for (const issue of error?.issues ?? [])
        context.addIssue({ ...issue, path: [...issue.path] } as Parameters<typeof context.addIssue>[0]);
    if (!when.success || !action.success) return z.NEVER;
    return { when: when.data, ...action.data } as ScenarioFault;
  });

export const workKinds = ['any', 'one', 'chain', 'fan', 'file', 'per-site', 'refused', 'write'] as const;

const work = z.strictObject({
  at: durationRange.default(always(2_000)),
  every: period.optional(),
  until: duration.optional(),
  /** So many at each of these times. */
  count: z.int().min(1).max(1_000).default(1),
  to: target.default('any'),
  work: z.enum(workKinds).default('any'),
  tasks: z.int().min(1).max(20).default(3),
  takes: durationRange.default({ least: 20, most: 400 }),
  timeout: duration.optional(),
  /** Of them, those that a second node is asked for too, and those that are taken back. */
  again: share.default(0),
  cancel: share.default(0),
});

const link = {
  latency: duration.optional(),
  jitter: duration.optional(),
  loss: share.optional(),
  duplicate: share.optional(),
  reorder: share.optional(),
  bandwidth: bandwidth.optional(),
  /** The sites share one line of so much. */
  shared: bandwidth.optional(),
};

const network = z.strictObject({
  ...link,
  preset: z.enum(['lan', 'wan']).optional(),
  /** Between two sites, by `a-b`, both ways. */
  between: z.record(z.string(), z.strictObject(link)).default({}),
  /** How long an end takes to notice that the other is gone. */
  notice: durationRange.optional(),
});

const withoutVote = z.int().min(0).max(withoutVoteMax).default(0);

const site = z.union([
  z.int().min(1).max(nodesMax),
  z.strictObject({
    /** Members. */
    nodes: z.int().min(0).max(nodesMax).default(0),
    workers: withoutVote,
    observers: withoutVote,
    /** How many times slower its skills run and its disks work. */
    slower: z.number().min(1).max(100).default(1),
    startsAt: duration.default(0),
  }),
]);

const newcomer = z.strictObject({
  at: durationRange.default(always(3_000)),
  every: period.optional(),
  until: duration.optional(),
  /** So many at each of these times. */
  count: z.int().min(1).max(100).default(1),
  ticket: z.enum(ticketKinds).default('valid'),
  role: z.enum(['member', 'worker', 'observer']).default('member'),
  /** The member that issues the ticket. */
  from: target.default('honest'),
  /** Where the newcomer stands; default: with its issuer. */
  site: name.optional(),
});

const expect = z.strictObject({
  /** Of what was accepted and not cancelled: this share at least came to its end as completed. */
  completed: share.optional(),
  /** From asking to the end, of completed workflows. */
  p50: duration.optional(),
  p99: duration.optional(),
  messagesPerDecision: z.number().positive().optional(),
  /** States that must be reached in every run. */
  reached: z.array(z.string()).default([]),
});

export const scenarioSchema = z.strictObject({
  name,
  about: z.string().max(2_000).default(''),
  /** Seeds that CI runs. */
  seeds: z.array(z.int().min(0)).min(1).max(100).default([1]),
  /** A number, or nodes by site. */
  nodes: z.union([z.int().min(1).max(nodesMax), z.record(name, site)]).default(4),
  /** Nodes without a vote, on top: workers run tasks, observers listen. Where there are several sites, in turn. */
  workers: withoutVote,
  observers: withoutVote,
  signatures: z.enum(['keyed-hash', 'ed25519']).default('keyed-hash'),
  network: network.default({ between: {} }),
  disk: z.strictObject({ sync: duration.optional(), stalls: share.optional() }).default({}),
  liars: z
    .array(
      z.strictObject({ node: target, kits: z.union([z.array(z.enum(kits)).min(1), z.literal('any')]).default('any') }),
    )
    .default([]),
  workload: z.array(work).max(100).default([]),
  /** Machines that come with a ticket, in this order: `used` is that of the newcomer before. */
  newcomers: z.array(newcomer).max(100).default([]),
  faults: z.array(fault).max(1_000).default([]),
  /** Kinds of faults that are drawn from the seed on top. */
  draw: z.array(z.enum(faultKinds)).default([]),
  phases: z
    .strictObject({
      /** In which the faults are. */
      faults: phase.default(20_000),
      /** Bound on everything coming to its end after that. */
      settle: phase.default(180_000),
      heal: z.enum(['quorum', 'all']).default('quorum'),
    })
    .default({ faults: 20_000, settle: 180_000, heal: 'quorum' }),
  /** Laws that this scenario breaks on purpose. */
  without: z.array(z.string()).default([]),
  expect: expect.default({ reached: [] }),
});

export type Scenario = z.output<typeof scenarioSchema>;
/** As an author writes it, in YAML or TypeScript. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
export type Expectations = Scenario['expect'];
