// Law: a fault plan is data: it can be saved, compared and cut down, and a run is a function of it and the seed. Each class of faults is on
// or off for a whole run (swarm testing), so that no class hides behind another.
import type { Random } from '../../actors/system/index.ts';

/**
 * `on`: at the nth time that some honest node does this, and then `times` - 1 more times, at each `every`-th. `append` and `sync` are of its
 * log of votes, as they begin.
 */
export type When =
  | { readonly atMs: number }
  | { readonly on: Trigger; readonly nth: number; readonly every?: number; readonly times?: number };
export const triggers = [
  'opened',
  'assigned',
  'candidate',
  'attestation',
  'proposal',
  'prevote',
  'precommit',
  'decided',
  'append',
  'sync',
] as const;
export type Trigger = (typeof triggers)[number];
/** `self`: the node that set the trigger off; with a time, node 0. */
export type Target = number | 'self';

export type FaultAction =
  | {
      readonly kind: 'crash';
      readonly node: Target;
      readonly power: boolean;
      readonly how: 'reset' | 'silent';
      readonly forMs: number;
      /** Of the log entries on its disk, those that are damaged while it is down, as far as good copies of them are elsewhere. */
      readonly rotPermille?: number;
      /** As `rotPermille`: those that were written to where another stands. */
      readonly misdirectPermille?: number;
    }
  /**
   * The machine comes back on another disk: its own as it was so long before, its neighbour's, or an empty one. It has forgotten what it
   * said, and counts among the liars: with them there are no more such nodes than the mesh tolerates.
   */
  | {
      readonly kind: 'swap';
      readonly node: number;
      readonly disk: 'older' | 'foreign' | 'empty';
      readonly ageMs: number;
      readonly forMs: number;
    }
  /** For `ageMs` finished syncs promise what was not done; then the power fails, and after `forMs` the machine is back. It counts as above. */
  | { readonly kind: 'lost-sync'; readonly node: number; readonly ageMs: number; readonly forMs: number }
  /** In order, as a service manager ends a process; down for that long after it is gone. */
  | { readonly kind: 'stop'; readonly node: Target; readonly forMs: number }
  | { readonly kind: 'pause'; readonly node: Target; readonly forMs: number }
  | {
      readonly kind: 'isolate';
      readonly node: Target;
      readonly direction: 'both' | 'in' | 'out';
      readonly holds: boolean;
      readonly forMs: number;
    }
  | { readonly kind: 'split'; readonly group: readonly number[]; readonly holds: boolean; readonly forMs: number }
  /** Nothing gets from these to those; the way back is as it was. */
  | {
      readonly kind: 'cut';
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly holds: boolean;
      readonly forMs: number;
    }
  /** What goes from these to those waits, and no end notices. */
  | { readonly kind: 'clog'; readonly from: readonly number[]; readonly to: readonly number[]; readonly forMs: number }
  | { readonly kind: 'flap'; readonly a: number; readonly b: number; readonly times: number; readonly forMs: number }
  | { readonly kind: 'reset'; readonly a: number; readonly b: number }
  | {
      readonly kind: 'weather';
      readonly lossPermille: number;
      readonly duplicatePermille: number;
      /** Frames that others overtake: more than the port allows. */
      readonly reorderPermille?: number;
      readonly latencyFactor: number;
      readonly forMs: number;
    }
  | { readonly kind: 'clock'; readonly node: Target; readonly stepMs: number; readonly driftPpm: number }
  | {
      readonly kind: 'disk';
      readonly node: Target;
      readonly errorPermille: number;
      readonly slowFactor: number;
      readonly forMs: number;
    }
  | {
      readonly kind: 'skill';
      readonly node: Target;
      readonly hangPermille: number;
      readonly crashPermille: number;
      readonly slowFactor: number;
      readonly forMs: number;
    };

export type FaultKind = FaultAction['kind'];
export type Fault = { readonly when: When } & FaultAction;

export interface FaultPlan {
  readonly faults: readonly Fault[];
  readonly liars: readonly { readonly node: number; readonly kits: readonly Kit[] }[];
}

const forgetfulKinds: readonly FaultKind[] = ['swap', 'lost-sync'];

/** Nodes that what honest nodes owe cannot be asked of: liars, and those that forget. */
export function faultyNodes({ faults, liars }: FaultPlan): ReadonlySet<number> {
  return new Set([
    ...liars.map(({ node }) => node),
    ...faults.flatMap((fault) => (fault.kind === 'swap' || fault.kind === 'lost-sync' ? [fault.node] : [])),
  ]);
}

export const kits = [
  'wrong-result',
  'equivocate',
  'two-faced',
  'withhold',
  'garbage',
  'forge',
  'replay',
  'fork-lanes',
  'false-decision',
  'cancel-for-some',
  'moody-model',
  'twins',
] as const;
export type Kit = (typeof kits)[number];
/** Those that lie; `twins` only exist. */
export const wordKits = kits.filter((kit) => kit !== 'twins');

export const faultKinds = [
  'crash',
  'pause',
  'isolate',
  'split',
  'cut',
  'clog',
  'flap',
  'reset',
  'weather',
  'clock',
  'disk',
  'skill',
  'stop',
  'swap',
  'lost-sync',
] as const satisfies readonly FaultKind[];
const faultsPerKindMax = 3;

export interface DrawOptions {
  readonly nodes: number;
  /** Byzantine nodes that the mesh tolerates. */
  readonly f: number;
  /** The span in which faults begin. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Kinds that may be drawn; default: all. */
  readonly kinds?: readonly FaultKind[];
}

export function drawFaultPlan(random: Random, options: DrawOptions): FaultPlan {
  const { nodes, f, fromMs, untilMs, kinds: allowed = faultKinds } = options;
  const faults: Fault[] = [];
  const forgetful = random.fork('forgetful').below(nodes);
  for (const kind of allowed) {
    // Each kind has a stream of its own, so that what one draws does not move the others.
    const own = random.fork(`faults/${kind}`);
    const isForgetful = forgetfulKinds.includes(kind);
    if (!own.chance(isForgetful ? 0.12 : 0.5) || (isForgetful && f === 0)) continue;
    for (let left = 1 + own.below(faultsPerKindMax); left > 0; left--) {
      const isTriggered = own.chance(0.4);
      const when: When = isTriggered
        ? { on: triggers[own.below(triggers.length)]!, nth: 1 + own.below(own.chance(0.3) ? 60 : 12) }
        : { atMs: fromMs + own.below(untilMs - fromMs) };
      const node: Target = isTriggered && own.chance(0.7) ? 'self' : own.below(nodes);
      faults.push({ when, ...drawAction(kind, own, isForgetful ? forgetful : node, nodes) });
    }
  }
  const byzantine = random.fork('liars');
  const liars: FaultPlan['liars'][number][] = [];
  for (let left = f > 0 && byzantine.chance(0.5) ? 1 + byzantine.below(f) : 0; left > 0; left--) {
    const node = byzantine.below(nodes);
    const chosen = wordKits.filter(() => byzantine.chance(0.35));
    const words = chosen.length === 0 ? [wordKits[byzantine.below(wordKits.length)]!] : chosen;
    // Two machines say enough: the lies of a third voice would hide what they do.
    const own: Kit[] = byzantine.fork(`twins/${node}`).chance(0.15) ? ['twins'] : words;
    if (
      !liars.some((liar) => liar.node === node) &&
      faultyNodes({ faults, liars: [...liars, { node, kits: own }] }).size <= f
    )
      liars.push({ node, kits: own });
  }
  return { faults, liars };
}

function drawAction(kind: FaultKind, random: Random, node: Target, nodes: number): FaultAction {
  const forMs = 200 + random.below(random.chance(0.3) ? 15_000 : 3_000);
  const other = (): number => random.below(nodes);
  switch (kind) {
    case 'crash':
      return {
        kind,
        node,
        power: random.chance(0.6),
        how: random.chance(0.6) ? 'reset' : 'silent',
        forMs: 50 + random.below(random.chance(0.4) ? 12_000 : 1_500),
        ...(random.chance(0.15) ? { rotPermille: 1 + random.below(300) } : {}),
        ...(random.fork('misdirect').chance(0.15) ? { misdirectPermille: 1 + random.below(200) } : {}),
      };
    case 'swap':
      return {
        kind,
        node: node as number,
        disk: (['older', 'foreign', 'empty'] as const)[random.below(3)]!,
        ageMs: 200 + random.below(6_000),
        forMs,
      };
    case 'lost-sync':
      return { kind, node: node as number, ageMs: 200 + random.below(6_000), forMs };
    case 'pause':
    case 'stop':
      return { kind, node, forMs };
    case 'isolate':
      return {
        kind,
        node,
        direction: (['both', 'in', 'out'] as const)[random.below(3)]!,
        holds: random.chance(0.5),
        forMs,
      };
    case 'split': {
      const group = Array.from({ length: nodes }, (_, i) => i).filter(() => random.chance(0.5));
      return { kind, group, holds: random.chance(0.5), forMs };
    }
    case 'cut': {
      const from = Array.from({ length: nodes }, (_, i) => i).filter(() => random.chance(0.5));
      const to = Array.from({ length: nodes }, (_, i) => i).filter(() => random.chance(0.5));
      return { kind, from, to, holds: random.chance(0.5), forMs };
    }
    case 'clog':
      return { kind, from: [other()], to: [other(), other()], forMs };
    case 'flap': {
      const a = other();
      return { kind, a, b: (a + 1 + random.below(Math.max(1, nodes - 1))) % nodes, times: 2 + random.below(8), forMs };
    }
    case 'reset': {
      const a = other();
      return { kind, a, b: (a + 1 + random.below(Math.max(1, nodes - 1))) % nodes };
    }
    case 'weather':
      return {
        kind,
        lossPermille: random.chance(0.5) ? random.below(250) : 0,
        duplicatePermille: random.chance(0.5) ? random.below(300) : 0,
        ...(random.chance(0.2) ? { reorderPermille: random.below(100) } : {}),
        latencyFactor: random.chance(0.5) ? 1 + random.below(40) : 1,
        forMs,
      };
    case 'clock':
      return {
        kind,
        node,
        stepMs: random.chance(0.7) ? random.below(200_000) - 100_000 : 0,
        driftPpm: random.chance(0.5) ? random.below(100_000) - 50_000 : 0,
      };
    case 'disk':
      return {
        kind,
        node,
        errorPermille: random.chance(0.5) ? 1 + random.below(300) : 0,
        slowFactor: random.chance(0.6) ? 1 + random.below(60) : 1,
        forMs,
      };
    case 'skill':
      return {
        kind,
        node,
        hangPermille: random.below(600),
        crashPermille: random.below(600),
        slowFactor: 1 + random.below(8),
        forMs,
      };
  }
}
