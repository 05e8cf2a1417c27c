// Law: one writer, one order. Jobs are planned one after another against what the jobs before them will have written, all jobs that wait
// go to the disk as one write, and nothing is told to anyone before that write is durable.
import type { KeyValue } from '../../actors/system/index.ts';

export interface RowChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface CommitJob<View> {
  /** Appends its rows to `changes`, in step with `view`. Throws to fail this job alone; what it planned until then is kept. */
  plan(view: View, changes: RowChange[]): Promise<void> | void;
  /** The write is durable. */
  done(): void;
  failed(error: unknown): void;
}

export interface Committer<View> {
  /** False: the queue is full, and the job will not run. */
  submit(job: CommitJob<View>): boolean;
  /** Resolves once nothing is queued or under way. */
  idle(): Promise<void>;
}

/** `begin` makes a fresh view for one write; `apply` makes its content current once the write is durable. */
export function createCommitter<View>(
  keyValue: KeyValue,
  options: { readonly maxQueued: number; begin(): View; apply(view: View): void },
): Committer<View> {
  let queue: CommitJob<View>[] = [];
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      const jobs = queue;
      queue = [];
      const view = options.begin();
      const changes: RowChange[] = [];
      const planned: CommitJob<View>[] = [];
      for (const job of jobs) {
        try {
          await job.plan(view, changes);
          planned.push(job);
        } catch (error) {
          job.failed(error);
        }
      }
      try {
        if (changes.length > 0) await keyValue.write(changes);
      } catch (error) {
        for (const job of planned) job.failed(error);
        continue;
      }
      options.apply(view);
      for (const job of planned) job.done();
    }
    running = undefined;
  };

  return {
    submit(job) {
      if (queue.length >= options.maxQueued) return false;
      queue.push(job);
      running ??= Promise.resolve().then(run);
      return true;
    },
    async idle() {
      await running;
    },
  };
}
