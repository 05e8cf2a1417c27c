// Law: the other side of worker-host.ts: a system of its own in a thread of its own, which starts the actors it is asked for and none else.
import { parentPort, workerData } from 'node:worker_threads';
import {
  type ActorDef,
  type ActorRef,
  createSystem,
  defineActor,
  ignore,
  type Log,
  type LogLevel,
  type Message,
  type ReplyTo,
  remoteOf,
  type System,
} from '../../actors/system/index.ts';
import { realClock, realRandom, realScheduler } from './real.ts';
import { createWorkerNetwork, type FramePort } from './worker-network.ts';

export interface ThreadSetup {
  readonly self: string;
  readonly parent: string;
  readonly port: FramePort;
}

export type Started = { readonly ref: ActorRef<Message> } | { readonly failed: string };

/** What the thread's host actor, at `/host`, is asked. */
export type HostMessage =
  | {
      readonly type: 'start';
      /** URL of the module and name of the export that is the definition. */
      readonly module: string;
      readonly definition: string;
      readonly args: unknown;
      readonly replyTo: ReplyTo<Started>;
    }
  | { readonly type: 'stop'; readonly ref: ActorRef<never> };

export interface ThreadLog {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function hostDef(system: System) {
  return defineActor<HostMessage, null>({
    kind: 'host',
    start: () => null,
    async receive(_state, message) {
      if (message.type === 'stop') {
        system.exit(message.ref, { kind: 'shutdown' });
        return;
      }
      try {
        const definition = await load(message.module, message.definition);
        system.spawn(reporting(definition, message.replyTo), message.args);
      } catch (error) {
        message.replyTo.send({ failed: wordsOf(error) });
      }
    },
  });
}

async function load(module: string, name: string): Promise<ActorDef<Message, unknown, unknown>> {
  const definition = ((await import(module)) as Record<string, unknown>)[name];
  if (typeof (definition as { readonly start?: unknown } | undefined)?.start !== 'function')
    throw new TypeError(`${module} exports no actor definition '${name}'`);
  return definition as ActorDef<Message, unknown, unknown>;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The definition, saying once whether it started. */
function reporting(
  definition: ActorDef<Message, unknown, unknown>,
  replyTo: ReplyTo<Started>,
): ActorDef<Message, unknown, unknown> {
  const start: typeof definition.start = async (ctx, args) => {
    try {
      const state = await definition.start(ctx, args);
      replyTo.send(state === ignore ? { failed: 'its start said ignore' } : { ref: ctx.self });
      return state;
    } catch (error) {
      replyTo.send({ failed: wordsOf(error) });
      throw error;
    }
  };
  return Object.create(definition, { start: { value: start } }) as typeof definition;
}

/** Only what can be cloned crosses to the parent: an error by its words. */
function plainFields(fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? (value.stack ?? value.message) : typeof value === 'object' ? String(value) : value,
    ]),
  );
}

if (parentPort !== null) {
  const { self, parent, port } = workerData as ThreadSetup;
  const clock = realClock();
  const owner = parentPort;
  const log: Log = (level, text, fields) => {
    const entry: ThreadLog = { level, text, fields: plainFields(fields) };
    owner.postMessage(entry);
  };
  const system = createSystem(self, { clock, random: realRandom(), scheduler: realScheduler(clock), log });
  const network = createWorkerNetwork(self);
  remoteOf(system).attach(network, { trusted: true });
  system.spawn(hostDef(system), undefined, { name: 'host' });
  network.connect(parent, port);
}
