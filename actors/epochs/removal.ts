// Law: whoever signed two things where one was allowed is removed by the others, on nobody's word but its own signatures: each member
// proposes and votes for the removal of exactly those whose evidence it verified itself. Nobody is removed where the mesh would then
// tolerate no liar at all while it does now: then the guilty one is named, and goes when another member has come. A member that leaves by
// its own word goes in any case.
// What members approved (amendments.ts) is proposed here too, and the next epoch of one that is spent (renewal.ts).
import { configKey, judgeConfigChange, toleranceInWords } from '../../consensus/index.ts';
import { type EpochConfig, encodeConfig, workersOf } from '../../protocols/mesh/index.ts';
import { equalBytes } from '../../protocols/wire/index.ts';
import type { Judgement, KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import { type ActorDef, type Crypto, defineActor, type NodeId } from '../system/index.ts';
import { type Approvals, approvedConfigs } from './amendments.ts';
import type { Departures } from './departures.ts';
import { nextConfig } from './next-config.ts';
import { renewalOf } from './renewal.ts';

/** Members of any epoch that evidence, verified here, convicts. */
export interface Guilty {
  has(id: NodeId): boolean;
  convict(id: NodeId): void;
  onChange(handler: () => void): () => void;
}

export function createGuilty(): Guilty {
  const convicted = new Set<NodeId>();
  const handlers = new Set<() => void>();
  return {
    has: (id) => convicted.has(id),
    convict(id) {
      if (convicted.has(id)) return;
      convicted.add(id);
      for (const handler of [...handlers]) handler();
    },
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

/** The epoch after `current` without `culprit`; undefined where the mesh cannot afford it. The same on every member. */
export function removalOf(
  current: EpochConfig,
  culprit: NodeId,
  crypto: Crypto,
  isLeaving = false,
): EpochConfig | undefined {
  const remaining = current.members.filter(({ id }) => id !== culprit);
  const workers = workersOf(current).filter(({ id }) => id !== culprit);
  const isThere = remaining.length < current.members.length || workers.length < workersOf(current).length;
  if (remaining.length === 0 || !isThere) return undefined;
  const next = nextConfig(current, remaining, crypto, workers);
  if (!isLeaving && current.f > 0 && next.f === 0) return undefined;
  return judgeConfigChange(next, current, crypto).ok ? next : undefined;
}

const goneFrom = (before: EpochConfig, after: EpochConfig) => {
  const kept = new Set([...after.members, ...workersOf(after)].map(({ id }) => id));
  return [...before.members, ...workersOf(before)].filter(({ id }) => !kept.has(id));
};

/** Whether a member votes for `next`, which lets nobody in. */
export function judgeRemoval(
  next: EpochConfig,
  current: EpochConfig,
  { guilty, departures }: { readonly guilty: Pick<Guilty, 'has'>; readonly departures: Pick<Departures, 'has'> },
  crypto: Crypto,
): Judgement {
  const removed = goneFrom(current, next);
  const [culprit] = removed;
  if (culprit === undefined || removed.length > 1)
    return { ok: false, reason: 'it neither lets a node in nor removes a guilty member' };
  const isLeaving = departures.has(culprit.id);
  const expected = removalOf(current, culprit.id, crypto, isLeaving);
  if (expected === undefined)
    return { ok: false, reason: `without ${culprit.name} the mesh would tolerate no lying member` };
  if (!equalBytes(encodeConfig(expected), encodeConfig(next)))
    return { ok: false, reason: `it changes more than the membership of ${culprit.name}` };
  // The evidence is on its way where there is any: whoever found it shows it to all.
  return isLeaving || guilty.has(culprit.id) ? { ok: true } : 'unknown';
}

export interface RemovalArgs {
  readonly parts: Parts;
  readonly guilty: Guilty;
  readonly approvals: Approvals;
  readonly departures: Departures;
  readonly isSpent: (epoch: number) => boolean;
  readonly keeper: Place<KeeperMessage>;
}
export type RemovalMessage = { readonly type: 'look' } | { readonly type: 'convicted' };

interface State extends RemovalArgs {
  /** When this node last proposed the next epoch, and which. */
  proposed: { readonly epoch: number; readonly atMs: number } | undefined;
  readonly leave: readonly (() => void)[];
}

const lookPeriodMs = 1_000;
const againMs = 10_000;

export const removalActor: ActorDef<RemovalMessage, State, RemovalArgs> = defineActor({
  kind: 'removal',
  start(ctx, args) {
    ctx.every(lookPeriodMs, { type: 'look' }, 'look');
    const { parts, guilty, approvals } = args;
    const state: State = {
      ...args,
      proposed: undefined,
      leave: [
        guilty.onChange(() => void ctx.self.tell({ type: 'convicted' })),
        approvals.onChange(() => void ctx.self.tell({ type: 'convicted' })),
        args.departures.onChange(() => void ctx.self.tell({ type: 'convicted' })),
        parts.chain.onAppend(({ config }) => {
          for (const { id, name } of goneFrom(parts.chain.config(config.epoch - 1)!, config)) {
            if (guilty.has(id)) parts.world.sometimes('a guilty member removed');
            parts.world.log('warn', guilty.has(id) ? 'a node was removed' : 'a node left', {
              node: id,
              name,
              tolerance: toleranceInWords(config),
            });
          }
        }),
      ],
    };
    return state;
  },
  receive(state, message) {
    // What was proposed before its evidence, or its last approval, came is judged again.
    if (message.type === 'convicted') state.keeper.ref?.tell({ type: 'rejudge' });
    const { parts, guilty, departures, approvals, isSpent, keeper, proposed } = state;
    const { chain, world, identity } = parts;
    const { current } = chain;
    if (!chain.isMember(identity.id)) return;
    const nowMs = world.clock.monotonicMs();
    if (proposed?.epoch === current.epoch && nowMs - proposed.atMs < againMs) return;
    const removals = [...current.members, ...workersOf(current)]
      .filter(({ id }) => departures.has(id) || (guilty.has(id) && id !== identity.id))
      .map(({ id }) => removalOf(current, id, world.crypto, departures.has(id)));
    const renewal = isSpent(current.epoch) ? [renewalOf(current, world.crypto)] : [];
    for (const next of [...removals, ...approvedConfigs(current, approvals, world.crypto), ...renewal]) {
      if (next === undefined) continue;
      state.proposed = { epoch: current.epoch, atMs: nowMs };
      const subject = { domain: 'config', key: configKey(next.epoch) } as const;
      keeper.ref?.tell({ type: 'propose', epoch: current.epoch, subject, payload: encodeConfig(next) });
      return;
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});
