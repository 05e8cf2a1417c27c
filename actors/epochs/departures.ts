// Law: a member leaves by its own signed word and by the others' decision, in this order; the word counts for the membership in which it was
// given and for no later one, so that who comes back is not sent away again. Work in hand is finished before the word is given.
import { z } from 'zod';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { encodeBody } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import type { NodeId } from '../system/index.ts';

/** Members and workers that said they leave. */
export interface Departures {
  has(id: NodeId): boolean;
  /** `epoch`: the one in which the member said it. */
  note(id: NodeId, epoch: number): void;
  onChange(handler: () => void): () => void;
}

export function createDepartures(chain: Pick<MeshChain, 'links' | 'node'>): Departures {
  const said = new Map<NodeId, number>();
  const handlers = new Set<() => void>();
  /** The epoch from which on `id` has been of the mesh without a break. */
  const memberSince = (id: NodeId): number => {
    let epoch = chain.links.length - 1;
    while (epoch > 0 && chain.node(id, epoch - 1) !== undefined) epoch--;
    return epoch;
  };
  return {
    has(id) {
      const epoch = said.get(id);
      return epoch !== undefined && chain.node(id) !== undefined && epoch >= memberSince(id);
    },
    note(id, epoch) {
      if ((said.get(id) ?? -1) >= epoch) return;
      said.set(id, epoch);
      for (const handler of [...handlers]) handler();
    },
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

export const leavingEntry = z.object({ kind: z.literal('leaving'), epoch: z.number().int().nonnegative() });

export type LeaveOutcome =
  /** `drained`: nothing was running any more when it left. */
  | { readonly left: true; readonly epoch: number; readonly drained: boolean }
  | { readonly left: false; readonly code: 'not_member' | 'last_member' | 'no_quorum'; readonly reason: string };

const lookMs = 100;

/** Takes no new work, waits at most `timeoutMs` for what is in hand, and asks the members to go on without this node. */
export async function leaveMesh(
  parts: Parts,
  options: {
    readonly workload: { drain(isDraining: boolean): void; load(): number };
    /** Writes an entry into this node's mesh lane. */
    readonly say: (body: Uint8Array) => Promise<void>;
    readonly timeoutMs: number;
    readonly decideMs: number;
  },
): Promise<LeaveOutcome> {
  const { chain, identity, world } = parts;
  const { workload } = options;
  const self = identity.id;
  if (chain.node(self) === undefined)
    return { left: false, code: 'not_member', reason: 'this node is no member or worker; stopping it is enough' };
  if (chain.isMember(self) && chain.current.members.length === 1)
    return { left: false, code: 'last_member', reason: 'this node is the only member; stopping it is enough' };
  const until = async (isThere: () => boolean, patienceMs: number): Promise<boolean> => {
    const endMs = world.clock.monotonicMs() + patienceMs;
    while (!isThere()) {
      const nowMs = world.clock.monotonicMs();
      if (nowMs >= endMs) return false;
      await new Promise<void>((resolve) => void world.scheduler.at(nowMs + lookMs, resolve));
    }
    return true;
  };
  workload.drain(true);
  const drained = await until(() => workload.load() === 0, options.timeoutMs);
  await options.say(encodeBody({ kind: 'leaving', epoch: chain.current.epoch }, 1_024));
  if (await until(() => chain.node(self) === undefined, options.decideMs))
    return { left: true, epoch: chain.current.epoch, drained };
  workload.drain(false);
  return {
    left: false,
    code: 'no_quorum',
    reason: `the members did not decide within ${options.decideMs / 1_000} s to go on without this node; too few of them are there. It is still a member, and goes as soon as they decide`,
  };
}
