// Law: what clients see of the mesh is linearizable: a key names one workflow and a workflow has one result, whoever is asked, from the first
// answer on. The run is written down as a history of clients and given to the checker that judges any other store's.
import { resultBlob, taskStatus, type WorkflowRecord } from '../../actors/workflow/index.ts';
import { checkHistory, type History, type Operation, smallestViolation } from '../history/index.ts';
import type { Submission, Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

/** Of a run: some dozens of keys, with a few operations each. */
const limits = { memoryBytes: 16 * 2 ** 20, steps: 1_000_000 };

interface Seen {
  readonly process: string;
  readonly key: string;
  readonly value: string;
  readonly fromMs: number;
  readonly toMs: number | undefined;
}

export interface ClientCheck extends Watcher {
  finish(): void;
  /** What clients saw so far. */
  history(): History;
}

export function createClientCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): ClientCheck {
  const { swarm, book, isHonest } = options;
  const seen: Seen[] = [];
  const told = new Set<string>();

  const history = (): History => {
    const places = seen
      .flatMap((each) => [
        { each, atMs: each.fromMs, isReturn: false },
        ...(each.toMs === undefined ? [] : [{ each, atMs: each.toMs, isReturn: true }]),
      ])
      // Of one moment, what begins stands before what ends: nothing is taken for earlier than it is known to be.
      .sort((a, b) => a.atMs - b.atMs || Number(a.isReturn) - Number(b.isReturn));
    const at = new Map<Seen, { invokedAt: number; returnedAt: number | undefined }>();
    for (const [place, { each, isReturn }] of places.entries()) {
      if (isReturn) at.get(each)!.returnedAt = place;
      else at.set(each, { invokedAt: place, returnedAt: undefined });
    }
    const operations = seen.map((each): Operation => {
      const { process, key, value } = each;
      return { process, key, action: { kind: 'settle', value }, ...at.get(each)! };
    });
    return { operations, initial: null, lines: places.map((_, i) => i + 1) };
  };

  return {
    history,
    submitted({ node, key, workflow, askedAtMs }: Submission) {
      if (workflow === undefined || !isHonest(node)) return;
      const process = `client-${seen.length}`;
      seen.push({ process, key: `request ${key}`, value: workflow, fromMs: askedAtMs, toMs: swarm.nowMs });
    },
    board({ index, name, lives }, { record }) {
      const { ended, workflow } = record;
      // A cancellation is no result: what was certified before it came outlives it.
      if (!isHonest(index) || ended === undefined || ended.state === 'cancelled') return;
      const once = `${workflow}|${index}|${lives}|${ended.state}`;
      if (told.has(once)) return;
      told.add(once);
      seen.push({
        process: `${name}-${lives}-${seen.length}`,
        key: `result ${workflow}`,
        value: `${ended.state} ${resultOf(record)}`,
        fromMs: swarm.nowMs,
        toMs: swarm.nowMs,
      });
    },
    finish() {
      const all = history();
      const { verdict, key } = checkHistory(all, limits);
      if (verdict === 'ok') return;
      const blame = verdict === 'violation' ? smallestViolation(all, limits) : undefined;
      const about = blame === undefined ? `key '${key}'` : `'${blame.last.key}', asked by ${blame.last.process}`;
      book.break(
        'linearizable',
        `what clients saw is ${verdict === 'unknown' ? 'too much to judge' : `in no order: ${about}`}`,
      );
    },
  };
}

/** The digest of what a completed workflow came to; empty of any other. */
function resultOf({ opened, ...record }: WorkflowRecord): string {
  const task = opened?.plan.tasks.find(({ id }) => id === opened.plan.result);
  const status = task === undefined ? undefined : taskStatus({ opened, ...record }, task);
  return status?.state === 'accepted' ? (resultBlob(status.certified.decision)?.digest ?? '') : '';
}
