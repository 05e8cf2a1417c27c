// Law: a member is removed or weighs otherwise because members of quorum weight said so under their own keys, in this epoch: no one member's
// operator can do it, and the liars among them cannot. What was approved in an epoch lapses with it.
import { type Check, judgeConfigChange, thresholdsOf } from '../../consensus/index.ts';
import { type EpochConfig, encodeConfig, workersOf } from '../../protocols/mesh/index.ts';
import { equalBytes } from '../../protocols/wire/index.ts';
import type { Judgement } from '../consensus/index.ts';
import type { Crypto, NodeId } from '../system/index.ts';
import { nextConfig } from './next-config.ts';

/** What is to become of a member: its new weight, 0 to remove it. */
export interface Amendment {
  readonly node: NodeId;
  readonly weight: number;
}

/** The epoch after `current` with that change and no other, or why there is none. The same on every member. */
export function amended(
  current: EpochConfig,
  { node, weight }: Amendment,
  crypto: Pick<Crypto, 'sha256'>,
): { readonly ok: true; readonly config: EpochConfig } | (Check & { readonly ok: false }) {
  const workers = workersOf(current);
  const worker = workers.find(({ id }) => id === node);
  if (worker !== undefined) {
    if (weight > 0) return { ok: false, reason: `${worker.name} is a worker, which has no vote` };
    const rest = workers.filter(({ id }) => id !== node);
    return { ok: true, config: nextConfig(current, current.members, crypto, rest) };
  }
  const member = current.members.find(({ id }) => id === node);
  if (member === undefined) return { ok: false, reason: `${node} is not a member of epoch ${current.epoch}` };
  if (member.weight === weight) return { ok: false, reason: `${member.name} weighs ${weight} already` };
  const others = current.members.filter(({ id }) => id !== node);
  if (weight === 0 && others.length === 0) return { ok: false, reason: `${member.name} is the only member` };
  const config = nextConfig(current, weight === 0 ? others : [...others, { ...member, weight }], crypto);
  // Fewer members may tolerate no liar, and that is theirs to choose; a weight that does so is a mistake.
  if (weight > 0 && current.f > 0 && config.f === 0)
    return { ok: false, reason: `${member.name} would weigh more than all that may lie: no liar would be tolerated` };
  const change = judgeConfigChange(config, current, crypto);
  return change.ok ? { ok: true, config } : change;
}

/** What members approve, by the entries of their lanes. */
export interface Approvals {
  /** Takes the word of `author`; with `weight` undefined it takes back what it said of that node. */
  note(author: NodeId, epoch: number, node: NodeId, weight: number | undefined): void;
  /** What is approved by whom in the epoch of `config`, by members of it. */
  of(config: EpochConfig): readonly { readonly amendment: Amendment; readonly by: readonly NodeId[] }[];
  onChange(handler: () => void): () => void;
}

/** Nodes that one member may have a word on. */
const wordsMax = 256;
/** A member may be an epoch ahead of this node; one that speaks of the far future is not listened to. */
const epochsAhead = 4;

export function createApprovals(currentEpoch: () => number): Approvals {
  const words = new Map<number, Map<NodeId, Map<NodeId, number>>>();
  const handlers = new Set<() => void>();
  return {
    note(author, epoch, node, weight) {
      const current = currentEpoch();
      for (const each of words.keys()) if (each < current) words.delete(each);
      if (epoch < current || epoch > current + epochsAhead) return;
      const said = words.get(epoch) ?? new Map<NodeId, Map<NodeId, number>>();
      words.set(epoch, said);
      const own = said.get(author) ?? new Map<NodeId, number>();
      said.set(author, own);
      if (weight === undefined) own.delete(node);
      else if (own.size < wordsMax || own.has(node)) own.set(node, weight);
      for (const handler of [...handlers]) handler();
    },
    of({ epoch, members }) {
      const found = new Map<string, { amendment: Amendment; by: NodeId[] }>();
      // In the order of members, so that everyone lists the same in the same order.
      for (const { id } of members)
        for (const [node, weight] of words.get(epoch)?.get(id) ?? []) {
          const known = found.get(`${node}|${weight}`) ?? { amendment: { node, weight }, by: [] };
          known.by.push(id);
          found.set(`${node}|${weight}`, known);
        }
      return [...found.values()];
    },
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

export function approvedWeight(config: EpochConfig, by: readonly NodeId[]): number {
  return config.members.filter(({ id }) => by.includes(id)).reduce((sum, { weight }) => sum + weight, 0);
}

/** The changes that members of quorum weight approve, with what they make of the epoch. */
export function approvedConfigs(current: EpochConfig, approvals: Approvals, crypto: Crypto): readonly EpochConfig[] {
  const { quorum } = thresholdsOf(current);
  return approvals.of(current).flatMap(({ amendment, by }) => {
    if (approvedWeight(current, by) < quorum) return [];
    const next = amended(current, amendment, crypto);
    return next.ok ? [next.config] : [];
  });
}

/** Whether a member votes for `next`, which lets nobody in. */
export function judgeAmendment(
  next: EpochConfig,
  current: EpochConfig,
  approvals: Approvals,
  crypto: Crypto,
): Judgement {
  const after = new Map(next.members.map((member) => [member.id, member]));
  const stays = new Set(workersOf(next).map(({ id }) => id));
  const changed = [
    ...current.members.filter(({ id, weight }) => after.get(id)?.weight !== weight),
    ...workersOf(current).filter(({ id }) => !stays.has(id)),
  ];
  const [member] = changed;
  if (member === undefined || changed.length > 1)
    return { ok: false, reason: 'it neither removes one member nor changes the weight of one' };
  const expected = amended(current, { node: member.id, weight: after.get(member.id)?.weight ?? 0 }, crypto);
  if (!expected.ok) return expected;
  if (!equalBytes(encodeConfig(expected.config), encodeConfig(next)))
    return { ok: false, reason: `it changes more than what ${member.name} weighs` };
  const isApproved = approvedConfigs(current, approvals, crypto).some((config) =>
    equalBytes(encodeConfig(config), encodeConfig(next)),
  );
  // Approvals travel in lanes: the one that is missing may be on its way.
  return isApproved ? { ok: true } : 'unknown';
}
