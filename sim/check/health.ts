// Law: an honest node does not fall over by itself: no actor crashes, no handler throws, no mailbox overflows, nobody honest is named, and
// nothing reaches past its World, unless its own disk gave cause for it.
import type { Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface HealthCheckOptions {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
  /** Whether this node's disk refused writes lately. */
  readonly hasBadDisk: (index: number) => boolean;
}

export interface HealthCheck extends Watcher {
  finish(): void;
}

export function createHealthCheck({ swarm, book, isHonest, hasBadDisk }: HealthCheckOptions): HealthCheck {
  const honestIds = new Set(swarm.nodes.filter(({ index }) => isHonest(index)).map(({ id }) => id));
  return {
    logged({ index, name }, { level, text, fields }) {
      if (level !== 'error' || !isHonest(index) || hasBadDisk(index)) return;
      const { error, ...others } = fields;
      const cause =
        error instanceof Error
          ? `${error.message} ${(error.stack ?? '').split('\n')[1]?.trim() ?? ''}`
          : String(error ?? '');
      book.break('no-errors', `${name}: ${text} ${JSON.stringify(others)} ${cause}`);
    },
    charged({ index, name }, { node, what }) {
      if (isHonest(index) && honestIds.has(node))
        book.break(
          'honest-unnamed',
          `${name} names honest ${swarm.nodes.find(({ id }) => id === node)!.name}: ${what}`,
        );
    },
    deadLetter({ index, name }, text, why) {
      if (why === 'full' && isHonest(index)) book.break('bounded-mailboxes', `${name}: ${text}`);
    },
    treeEnded({ index, name }, reason) {
      if (isHonest(index) && !hasBadDisk(index)) book.break('tree-stands', `the tree of ${name} ended: ${reason.kind}`);
    },
    startFailed({ index, name }, error) {
      if (isHonest(index) && !hasBadDisk(index)) book.break('starts', `${name} did not start: ${String(error)}`);
    },
    stopped({ index, name }, outcome) {
      if (!isHonest(index) || hasBadDisk(index)) return;
      if (outcome.kind === 'late') book.break('clean-shutdown', `${name} was asked to stop and did not`);
      if (outcome.kind === 'failed') book.break('clean-shutdown', `${name} failed to stop: ${String(outcome.error)}`);
      if (outcome.kind === 'stopped' && outcome.timers > 0)
        book.break('clean-shutdown', `${name} has stopped, and ${outcome.timers} of its timers still run`);
    },
    finish() {
      for (const { kind, node, text } of swarm.kernel.breaches)
        book.break(kind, `${swarm.nodes[node]?.name ?? 'the world'}: ${text}`);
    },
  };
}
