// Law: at most `maxWorkers` threads; a thread runs one request at a time, a few in all, and ends when it is idle, so that an idle node
// holds no heap for skills. A run that takes too long is ended with its thread; one that nobody wants any more is over at once for whoever asked,
// and its thread, where nothing waits for its place, may still finish: else a node that is always overtaken would start cold for ever.
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Reply, Request, WorkerSetup } from './messages.ts';

export interface PoolOptions {
  readonly maxWorkers: number;
  readonly memoryMb: number;
  readonly skillsModule: string | undefined;
}

export type Ended =
  | { readonly reply: Reply; readonly durationMs: number }
  | {
      readonly fault: 'timeout' | 'crashed' | 'memory' | 'cancelled';
      readonly message: string;
      readonly durationMs: number;
    };
type FaultCode = Extract<Ended, { fault: unknown }>['fault'];

const idleMs = 10_000;
/** For a thread to start, load a skill and end a short run, on a busy machine. */
const graceMs = 2_000;
/** A fresh heap now and then keeps what one run left behind from adding up. */
const runsPerWorker = 20;
const maxQueued = 256;
const workerUrl = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

interface Job {
  readonly request: Request;
  readonly settle: (ended: Ended) => void;
  startedMs: number | undefined;
  /** Nobody wants it any more, and its thread may finish it all the same. */
  isUnwanted: boolean;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
  runs: number;
  /** What it has loaded: a thread that knows the skill starts it faster. */
  readonly loaded: Set<string>;
  /** Ends it, when it has been idle or at something unwanted for too long. */
  end: NodeJS.Timeout | undefined;
}

const needOf = (request: Request): string => (request.kind === 'run' ? request.skill : 'profile');

export class Pool {
  private readonly options: PoolOptions;
  private readonly threads = new Set<Thread>();
  private readonly queue: Job[] = [];
  private closed = false;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  /** `timeoutMs` counts from now, waiting included. */
  run(
    request: Request,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Ended> {
    return new Promise((resolve) => {
      const job: Job = {
        request,
        startedMs: undefined,
        isUnwanted: false,
        settle: (ended) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', cancel);
          resolve(ended);
        },
      };
      const cancel = (): void => this.end(job, 'cancelled', 'the run was cancelled');
      const timer = setTimeout(() => this.end(job, 'timeout', `no result within ${timeoutMs} ms`), timeoutMs);
      if (this.closed) return job.settle(faulted(job, 'cancelled', 'the sandbox is closed'));
      if (signal?.aborted === true) return job.settle(faulted(job, 'cancelled', 'the run was cancelled'));
      if (this.queue.length === maxQueued)
        return job.settle(faulted(job, 'cancelled', `${maxQueued} runs are waiting already`));
      signal?.addEventListener('abort', cancel, { once: true });
      this.queue.push(job);
      this.dispatch();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.queue.splice(0)) job.settle(faulted(job, 'cancelled', 'the sandbox was closed'));
    const threads = [...this.threads];
    for (const thread of threads)
      if (thread.job !== undefined) this.end(thread.job, 'cancelled', 'the sandbox was closed');
    await Promise.all(threads.map((thread) => this.retire(thread)));
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const need = needOf(this.queue[0]!.request);
      const idle = [...this.threads].filter((thread) => thread.job === undefined);
      let thread = idle.find(({ loaded }) => loaded.has(need)) ?? idle[0];
      if (thread === undefined) {
        if (this.threads.size >= this.options.maxWorkers) {
          const unwanted = [...this.threads].find(({ job }) => job!.isUnwanted);
          if (unwanted === undefined) return;
          void this.retire(unwanted);
        }
        thread = this.start();
      }
      const job = this.queue.shift()!;
      clearTimeout(thread.end);
      thread.job = job;
      thread.runs++;
      thread.loaded.add(need);
      job.startedMs = performance.now();
      thread.worker.ref();
      try {
        thread.worker.postMessage(job.request);
      } catch (error) {
        this.lost(thread, 'crashed', `the input can't be handed to a thread: ${(error as Error).message}`);
      }
    }
  }

  private start(): Thread {
    const cache = getCompileCacheDir();
    const setup: WorkerSetup = {
      skillsModule: this.options.skillsModule,
      // The directory's last part names the runtime; the worker adds its own.
      compileCache: cache === undefined ? undefined : dirname(cache),
    };
    const worker = new Worker(workerUrl, {
      name: 'parley-skill',
      workerData: setup,
      // Nothing of the node's environment or flags: secrets live there.
      env: {},
      argv: [],
      execArgv: [],
      // Not joined to the node's own streams. The worker writes nothing to them either: one written byte would keep the process alive.
      stdout: true,
      stderr: true,
      // A small young generation: a run is short, and a node is to stay small beside it.
      resourceLimits: { maxOldGenerationSizeMb: this.options.memoryMb, maxYoungGenerationSizeMb: 4 },
    });
    const thread: Thread = { worker, job: undefined, runs: 0, loaded: new Set(), end: undefined };
    this.threads.add(thread);
    worker.on('message', (reply: Reply) => this.finished(thread, reply));
    worker.on('error', (error: Error & { code?: string }) => {
      const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const limit = `the run needed more than ${this.options.memoryMb} MiB of memory`;
      this.lost(thread, memory ? 'memory' : 'crashed', memory ? limit : `the worker thread failed: ${error.message}`);
    });
    worker.on('exit', (code) => this.lost(thread, 'crashed', `the worker thread ended by itself (exit code ${code})`));
    return thread;
  }

  private finished(thread: Thread, reply: Reply): void {
    const { job } = thread;
    if (job === undefined) return;
    thread.job = undefined;
    // After a crash inside the skill the thread's state is not to be trusted.
    if (thread.runs >= runsPerWorker || reply.kind === 'crashed') void this.retire(thread);
    else {
      thread.worker.unref();
      this.endIn(thread, idleMs);
    }
    job.settle({ reply, durationMs: durationOf(job) });
    this.dispatch();
  }

  /** The thread is gone or going; its run, if any, ends with it. */
  private lost(thread: Thread, code: FaultCode, message: string): void {
    if (!this.threads.has(thread)) return;
    const { job } = thread;
    thread.job = undefined;
    void this.retire(thread);
    job?.settle(faulted(job, code, message));
    if (!this.closed) this.dispatch();
  }

  private end(job: Job, code: FaultCode, message: string): void {
    const waiting = this.queue.indexOf(job);
    if (waiting >= 0) {
      this.queue.splice(waiting, 1);
      job.settle(faulted(job, code, message));
      return;
    }
    const thread = [...this.threads].find((one) => one.job === job);
    if (thread === undefined) return;
    if (code !== 'cancelled' || this.closed) {
      this.lost(thread, code, message);
      return;
    }
    job.isUnwanted = true;
    job.settle(faulted(job, code, message));
    thread.worker.unref();
    this.endIn(thread, graceMs);
    this.dispatch();
  }

  private endIn(thread: Thread, delayMs: number): void {
    clearTimeout(thread.end);
    thread.end = setTimeout(() => void this.retire(thread), delayMs);
    thread.end.unref();
  }

  private async retire(thread: Thread): Promise<void> {
    clearTimeout(thread.end);
    this.threads.delete(thread);
    await thread.worker.terminate();
  }
}

function durationOf(job: Job): number {
  return job.startedMs === undefined ? 0 : performance.now() - job.startedMs;
}

function faulted(job: Job, fault: FaultCode, message: string): Ended {
  return { fault, message, durationMs: durationOf(job) };
}
