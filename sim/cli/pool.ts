// Law: a case that hangs or takes the process with it is a failure with a seed like any other: cases run in threads, and a thread that makes
// no progress is ended.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { SimCase } from '../case.ts';
import { type RunResult, runCase } from '../run.ts';
import { type Expectations, judged } from '../scenario/index.ts';

export interface Job {
  /** A scenario's name, or `swarm`. */
  readonly name: string;
  readonly simCase: SimCase;
  readonly expect?: Expectations;
  /** Shows it again. */
  readonly command: string;
}

export type Outcome =
  | { readonly kind: 'ended'; readonly result: RunResult }
  /** It did not end, or took its thread with it. */
  | { readonly kind: 'lost'; readonly why: string };

const role = 'parley-sim-cases';

if (!isMainThread && (workerData as { readonly role?: string } | null)?.role === role) {
  const port = parentPort!;
  port.on('message', async ({ simCase, expect }: Pick<Job, 'simCase' | 'expect'>) => {
    port.postMessage(judged(expect, await runCase(simCase)) satisfies RunResult);
  });
}

export interface PoolOptions {
  /** Taken from as threads come free; done where it says so. */
  readonly jobs: Iterator<Job>;
  readonly threads: number;
  /** Longest time for one case. */
  readonly hangMs: number;
  readonly isOver: () => boolean;
  readonly onEnd: (job: Job, outcome: Outcome) => void;
}

/** Runs until the jobs or the caller's patience are used up; what has begun then is ended by its own end or the limit. */
export async function runJobs({ jobs, threads, hangMs, isOver, onEnd }: PoolOptions): Promise<void> {
  const lane = async (): Promise<void> => {
    let worker: Worker | undefined;
    while (!isOver()) {
      const next = jobs.next();
      if (next.done === true) break;
      worker ??= new Worker(new URL(import.meta.url), { workerData: { role } });
      const outcome = await once(worker, next.value, hangMs);
      if (outcome.kind === 'lost') {
        await worker.terminate();
        worker = undefined;
      }
      onEnd(next.value, outcome);
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: threads }, lane));
}

function once(worker: Worker, { simCase, expect }: Job, hangMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      // One by one: the worker keeps listeners of its own, without which it hears nothing any more.
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      resolve(outcome);
    };
    const onMessage = (result: RunResult): void => finish({ kind: 'ended', result });
    const onError = (error: unknown): void =>
      finish({ kind: 'lost', why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    const onExit = (code: number): void => finish({ kind: 'lost', why: `its thread ended with ${code}` });
    const timer = setTimeout(() => finish({ kind: 'lost', why: `no end within ${hangMs / 1_000} s` }), hangMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage({ simCase, ...(expect === undefined ? {} : { expect }) });
  });
}
