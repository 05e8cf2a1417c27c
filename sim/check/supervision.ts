// Law: a supervisor does what its rules say in a whole node as it does alone: it starts again what crashed, gives up when that happened more
// often within the period than it has patience for and never before, and leaves nobody running when it has given up.
import type { ActorReport } from '../../actors/system/index.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

/** `patience` of the node's tree, written down a second time. */
const intensity = 10;
const periodMs = 30_000;
/** The node counts on its own clock, which may be off by so much. */
const driftMs = 2_000;
/** From giving up until the last child is stopped; meanwhile others may crash. */
const stopsWithinMs = 5_000;
const rootName = 'node';

export function createSupervisionCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): Watcher {
  const { swarm, book, isHonest } = options;
  /** When actors crashed, by node and life and then by the path of their supervisor. */
  const crashes = new Map<string, Map<string, number[]>>();
  const within = (times: readonly number[], spanMs: number): number =>
    times.filter((atMs) => atMs > swarm.nowMs - spanMs).length;

  return {
    logged({ index, name, lives }, { text, fields }) {
      if (text !== 'actor crashed' || typeof fields.actor !== 'string') return;
      const life = `${index}|${lives}`;
      const known = crashes.get(life) ?? new Map<string, number[]>();
      crashes.set(life, known);
      const supervisor = fields.actor.slice(0, fields.actor.lastIndexOf('/'));
      const times = known.get(supervisor) ?? [];
      known.set(supervisor, times);
      times.push(swarm.nowMs);
      // The one that is too many is the last, but for those that crash while they are stopped for it.
      const earlier = within(times, periodMs - driftMs) - within(times, stopsWithinMs);
      if (isHonest(index) && earlier > intensity)
        book.break(
          'restart-intensity',
          `${name}: ${supervisor} went on after ${earlier} crashes of its children in ${periodMs} ms`,
        );
    },
    treeEnded({ index, name, lives, process }) {
      if (!isHonest(index)) return;
      const known = crashes.get(`${index}|${lives}`);
      const most = Math.max(0, ...[...(known?.values() ?? [])].map((times) => within(times, periodMs + driftMs)));
      if (most <= intensity)
        book.break('restart-intensity', `the tree of ${name} gave up after ${most} crashes in ${periodMs} ms`);
      const left = process?.composed.system.inspect().children.filter(isOfTree) ?? [];
      if (left.length > 0) book.break('no-orphans', `the tree of ${name} has ended, and ${left[0]!.path} still runs`);
    },
    ending: ({ index, lives }) => void crashes.delete(`${index}|${lives}`),
  };
}

function isOfTree({ path }: ActorReport): boolean {
  return path === `/${rootName}` || path.startsWith(`/${rootName}/`);
}
