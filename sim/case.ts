// Law: a case is data: everything that one run depends on besides the code. It can be saved, compared, cut down, and run again.
import { createRandom } from '../actors/system/index.ts';
import { type DiskProfile, quickDisk } from './disk/index.ts';
import { drawFaultPlan, type FaultPlan, twinsOf } from './faults/index.ts';
import { calm, type NetworkProfile } from './network/index.ts';
import type { NewcomerPlan } from './newcomer.ts';
import type { WorkShape } from './workload.ts';
import type { SignatureKind } from './world/index.ts';

export interface CaseNode {
  readonly site: string;
  /** Default: a member. Members come first, then workers, then observers. */
  readonly role?: 'worker' | 'observer';
  /** Of virtual time; default 0. */
  readonly startsAtMs?: number;
  /** Its skills and its disk; default 1. */
  readonly slowFactor?: number;
}

export interface ClientCall {
  readonly atMs: number;
  readonly node: number;
}

/** When a client comes, to whom, whether and when it asks a second node for the same, and whether it takes it back. */
export interface Errand extends ClientCall {
  /** Names what is asked: two errands of one id ask for the same. */
  readonly id: number;
  /** Default: drawn from the seed. */
  readonly shape?: WorkShape;
  readonly again?: ClientCall;
  readonly cancel?: ClientCall;
}

export interface SimCase {
  readonly seed: number;
  readonly nodes: readonly CaseNode[];
  readonly signatures: SignatureKind;
  readonly network: NetworkProfile;
  readonly disk: DiskProfile;
  /** Test points of the code, each with how many times in a thousand it says yes. Default: none does. */
  readonly buggify?: Readonly<Record<string, number>>;
  readonly plan: FaultPlan;
  readonly workload: readonly Errand[];
  /** Machines with tickets, good and bad; default: none. */
  readonly newcomers?: readonly NewcomerPlan[];
  readonly faultsUntilMs: number;
  /** After the healing, until everything has ended. */
  readonly settleMs: number;
  /** `quorum`: whoever is left of the honest is gone or cut off for good. */
  readonly heal: 'quorum' | 'all';
  /** Laws that are not looked at. */
  readonly without: readonly string[];
}

export interface Machine extends CaseNode {
  readonly name: string;
  /** Of its key: a twin's is that of the member it doubles. */
  readonly member: number;
}

export interface Roles {
  readonly members: number;
  readonly workers: number;
  readonly observers: number;
  readonly twins: number;
  readonly newcomers: number;
}

export function rolesOf({ nodes, plan, newcomers = [] }: Pick<SimCase, 'nodes' | 'plan' | 'newcomers'>): Roles {
  const count = (role: CaseNode['role']): number => nodes.filter((node) => node.role === role).length;
  return {
    members: count(undefined),
    workers: count('worker'),
    observers: count('observer'),
    twins: twinsOf(plan).length,
    newcomers: newcomers.length,
  };
}

/** Everything that runs: the nodes, after them the second machines of those that have one, and those that come with a ticket. */
export function machinesOf({
  nodes,
  plan,
  newcomers = [],
}: Pick<SimCase, 'nodes' | 'plan' | 'newcomers'>): readonly Machine[] {
  return [
    ...nodes.map((node, member) => ({ ...node, name: `node-${member}`, member })),
    ...twinsOf(plan).map((member) => ({ ...nodes[member]!, name: `node-${member}-twin`, member })),
    ...newcomers.map(({ site }, i) => ({ site, name: `guest-${i}`, member: nodes.length + i })),
  ];
}

export const firstFaultMs = 1_500;
const written: WorkShape = { kind: 'write', tasks: 2, takesLeastMs: 1, takesMostMs: 400, timeoutMs: 3_000 };
const settleMsDefault = 180_000;

/** A mesh of `nodes` under a load and faults of which each class is on or off, all drawn from `seed`. */
export function drawCase(seed: number, nodes = 4): SimCase {
  const random = createRandom(seed).fork('case');
  const f = Math.floor((nodes - 1) / 3);
  const faultsUntilMs = 8_000 + random.below(25_000);
  const sites = random.chance(0.4) ? 2 : 1;
  const link = random.fork('network');
  const scale = link.chance(0.3) ? 1 + link.below(8) : 1;
  const points = random.fork('buggify');
  const buggify = {
    ...(points.chance(0.3) ? { 'consensus.rewrite': 1 + points.below(500) } : {}),
    // Whether an epoch is spent is for all to say alike.
    ...(points.chance(0.1) ? { 'epochs.short': 1_000 } : {}),
  };
  return {
    seed,
    nodes: Array.from({ length: nodes }, (_, index) => ({ site: `site-${index % sites}` })),
    signatures: 'keyed-hash',
    network: {
      ...calm,
      near: {
        ...calm.near,
        latencyUs: calm.near.latencyUs * scale,
        jitterUs: calm.near.jitterUs * scale * (link.chance(0.3) ? 10 : 1),
      },
      noticeMinUs: link.chance(0.5) ? 20_000 : 1_000_000,
      noticeMaxUs: link.chance(0.5) ? 1_500_000 : 12_000_000,
    },
    ...(Object.keys(buggify).length === 0 ? {} : { buggify }),
    disk: { ...quickDisk, syncUs: random.chance(0.2) ? 40_000 : quickDisk.syncUs },
    plan: drawFaultPlan(random, { nodes, f, fromMs: firstFaultMs, untilMs: faultsUntilMs }),
    workload: Array.from({ length: 1 + random.below(5) }, (_, id) => {
      const node = random.below(nodes);
      const atMs = 1_000 + random.below(faultsUntilMs - 1_000);
      const again =
        nodes > 1 && random.chance(0.25)
          ? { again: { atMs: atMs + random.below(2_000), node: (node + 1 + random.below(nodes - 1)) % nodes } }
          : {};
      const cancel = random.chance(0.1)
        ? { cancel: { atMs: atMs + random.below(4_000), node: random.chance(0.7) ? node : random.below(nodes) } }
        : {};
      // Of a stream of its own: what is asked does not move when and to whom.
      const shape = random.fork(`shape/${id}`).chance(0.2) ? { shape: written } : {};
      return { id, atMs, node, ...shape, ...again, ...cancel };
    }),
    faultsUntilMs,
    settleMs: settleMsDefault,
    heal: 'quorum',
    without: [],
  };
}
