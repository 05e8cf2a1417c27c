// Law: a set of runs that never reached a state says nothing about it: each name here must be reached by some run of a set.
import type { SimNode } from '../node.ts';
import type { Watcher } from '../swarm.ts';
import type { Said } from './votes.ts';

export const sometimesNames = [
  'a fast certificate',
  'a commit certificate',
  'a vote for nil',
  'a round after the first',
  'a proposal that carries a polka over',
  'a task reassigned',
  'a task rejected',
  'a workflow completed',
  'a workflow failed',
  'a workflow with two stewards',
  'a node killed between its vote and the decision',
  'a node restarted with votes on its disk',
  'a liar named',
  'a torn log cut',
  'a connection lost',
  'a workflow opened at two nodes',
] as const;
export type SometimesName = (typeof sometimesNames)[number];

export interface Sometimes extends Watcher {
  /** The names reached so far. */
  readonly names: ReadonlySet<string>;
  said(said: Said): void;
}

export function createSometimes(isHonest: (index: number) => boolean): Sometimes {
  const reached = new Set<string>();
  const reach = (name: SometimesName): void => void reached.add(name);
  /** Instances each node voted in and that nobody has decided. */
  const votedIn = new Map<number, Set<string>>();
  const stewards = new Map<string, string>();
  const openings = new Map<string, Set<number>>();
  const logBytes = new Map<number, number>();

  return {
    names: reached,
    reached: (name) => void reached.add(name),
    said({ from, kind, instance, round, value, polkaRound }) {
      if (round > 0) reach('a round after the first');
      if (kind !== 'proposal' && value === null) reach('a vote for nil');
      if (kind === 'proposal' && polkaRound >= 0) reach('a proposal that carries a polka over');
      const mine = votedIn.get(from) ?? new Set();
      votedIn.set(from, mine.add(instance));
    },
    ending({ index, disk }: SimNode) {
      if ((votedIn.get(index)?.size ?? 0) > 0) reach('a node killed between its vote and the decision');
      logBytes.set(index, disk.files.get('consensus-0.wal')?.sizeBytes ?? 0);
    },
    started({ index, lives, disk }, process) {
      const file = disk.files.get('consensus-0.wal');
      if (lives > 1 && (file?.sizeBytes ?? 0) > 0) reach('a node restarted with votes on its disk');
      if (file !== undefined && file.sizeBytes < (logBytes.get(index) ?? 0)) reach('a torn log cut');
      process.world.network.onPeer(({ up }) => void (up || reach('a connection lost')));
    },
    board(node, { record, author, entry }) {
      if (!isHonest(node.index)) return;
      if (entry.kind === 'assigned') {
        const known = stewards.get(record.workflow);
        if (known !== undefined && known !== author) reach('a workflow with two stewards');
        stewards.set(record.workflow, author);
      }
      if (entry.kind === 'decided') {
        const certified = record.tasks.get(entry.task)?.attempts.get(entry.attempt)?.certified;
        if (certified === undefined) return;
        for (const instances of votedIn.values()) instances.delete(certified.certificate.instance);
        reach(certified.certificate.kind === 'FAST' ? 'a fast certificate' : 'a commit certificate');
        if (certified.decision.kind === 'REASSIGN') reach('a task reassigned');
        if (certified.decision.kind === 'REJECT') reach('a task rejected');
      }
      if (record.ended?.state === 'completed') reach('a workflow completed');
      if (record.ended?.state === 'failed') reach('a workflow failed');
    },
    charged: (node) => void (isHonest(node.index) && reach('a liar named')),
    submitted({ workflow, node }) {
      const nodes = openings.get(workflow!) ?? new Set();
      openings.set(workflow!, nodes.add(node));
      if (nodes.size > 1) reach('a workflow opened at two nodes');
    },
  };
}
