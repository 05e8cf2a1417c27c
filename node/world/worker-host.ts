// Law: an actor in a thread stands behind an ordinary ref: an actor of this node that passes on what it is told and ends when the thread's
// actor does, for the same reason. A thread that dies is a node that went down; a supervisor starts the actor again, in a new thread.
import { availableParallelism } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import {
  type ActorDef,
  type ActorRef,
  defineActor,
  type ExitReason,
  type Log,
  type Message,
  remoteOf,
  type Schema,
  type System,
  stop,
  type Unasked,
} from '../../actors/system/index.ts';
import { createWorkerNetwork } from './worker-network.ts';
import type { HostMessage, ThreadLog, ThreadSetup } from './worker-thread.ts';

export interface WorkerHost {
  /**
   * A definition whose actors run in a thread. `definition` is the name under which the module at `module` exports the real one; code is
   * found by its place and never sent. Arguments, messages and answers travel as plain data and refs.
   */
  inThread<M extends Message, A = void>(
    module: URL,
    definition: string,
    options?: { readonly schema?: Schema<Unasked<M>> },
  ): ActorDef<M, unknown, A>;
  /** Threads that run now. */
  readonly threads: number;
  /** Ends the threads; their actors end as with a crash. */
  close(): Promise<void>;
}

interface Thread {
  readonly node: string;
  readonly worker: Worker;
  /** Actors started in it and not ended. */
  actors: number;
}

const startTimeoutMs = 10_000;
const threadUrl = new URL(`./worker-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** `threads` at most; by default one less than the machine can run at once, and one at least. They start when needed. */
export function createWorkerHost(
  system: System,
  options: { readonly log: Log; readonly threads?: number },
): WorkerHost {
  const { log } = options;
  const limit = options.threads ?? Math.max(1, availableParallelism() - 1);
  const remote = remoteOf(system);
  const network = createWorkerNetwork(system.name);
  const detach = remote.attach(network, { trusted: true });
  const threads: Thread[] = [];
  let started = 0;
  let closed = false;

  const startThread = (): Thread => {
    const node = `${system.name}/thread-${++started}`;
    const { port1, port2 } = new MessageChannel();
    const setup: ThreadSetup = { self: node, parent: system.name, port: port2 };
    const worker = new Worker(threadUrl, { name: node, workerData: setup, transferList: [port2] });
    const thread: Thread = { node, worker, actors: 0 };
    threads.push(thread);
    const disconnect = network.connect(node, port1);
    worker.on('message', ({ level, text, fields }: ThreadLog) => log(level, text, { ...fields, thread: node }));
    worker.on('error', (error) => log('error', 'a worker thread died', { thread: node, error }));
    worker.on('exit', () => {
      threads.splice(threads.indexOf(thread), 1);
      disconnect();
      port1.close();
    });
    return thread;
  };

  /** The one with the fewest actors; a new one while there may be more and all have some. */
  const pickThread = (): Thread => {
    const least = threads.reduce<Thread | undefined>(
      (best, one) => (best && best.actors <= one.actors ? best : one),
      undefined,
    );
    return least === undefined || (least.actors > 0 && threads.length < limit) ? startThread() : least;
  };

  return {
    inThread<M extends Message, A>(
      module: URL,
      definition: string,
      { schema }: { readonly schema?: Schema<Unasked<M>> } = {},
    ) {
      interface Hosted {
        readonly thread: Thread;
        readonly ref: ActorRef<M>;
      }
      return defineActor<M, Hosted, A>({
        kind: `${definition} in a thread`,
        async start(ctx, args) {
          if (closed) throw new Error(`the host of ${definition} is closed: no thread to run it in`);
          const thread = pickThread();
          thread.actors++;
          const started = await ctx
            .ask(
              remote.lookup<HostMessage>(thread.node, '/host'),
              { type: 'start', module: module.href, definition, args },
              { timeoutMs: startTimeoutMs },
            )
            .catch((error: Error) => ({ failed: error.message }));
          if ('failed' in started) {
            thread.actors--;
            throw new Error(`${definition} did not start in a thread: ${started.failed}`);
          }
          ctx.monitor(started.ref);
          return { thread, ref: started.ref as unknown as ActorRef<M> };
        },
        receive: ({ ref }, message) => void ref.tell(message),
        signal({ thread, ref }, signal) {
          if (signal.type === 'down') return stop(abnormal(signal.reason));
          if (signal.type !== 'stopped' && signal.type !== 'restarting') return;
          thread.actors--;
          remote.lookup<HostMessage>(thread.node, '/host').tell({ type: 'stop', ref });
          return;
        },
        ...(schema === undefined ? {} : { schema }),
      }) as ActorDef<M, unknown, A>;
    },
    get threads() {
      return threads.length;
    },
    async close() {
      closed = true;
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
      detach();
    },
  };
}

/** A lost thread is a crash: a supervisor that restarts transient actors restarts this one too. */
function abnormal(reason: ExitReason): ExitReason {
  return reason.kind === 'unreachable' ? { kind: 'error', error: new Error(`the thread ${reason.node} died`) } : reason;
}
