// Law: the virtual actor of these tests: it adds, says where it is, and stays busy in every way there is.
import { z } from 'zod';
import {
  type ActorDef,
  ask,
  createSystem,
  defineActor,
  durable,
  type EntityView,
  entities,
  entity,
  type ReplyTo,
} from '../../index.ts';
import { memoryJournal, virtualWorld } from '../../testing/index.ts';

export type Purse =
  | { readonly type: 'add'; readonly cents: number; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'where'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'crash' }
  | { readonly type: 'slow' | 'timer' | 'pipe' | 'stash'; readonly forMs: number };
const schema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), cents: z.number() }),
  z.object({ type: z.enum(['where', 'crash']) }),
]);

export const purse = (starts: string[] = []): ActorDef<Purse, number, string> =>
  defineActor<Purse, number, string>({
    kind: 'purse',
    start: (_ctx, id) => {
      starts.push(id);
      return 0;
    },
    receive(cents, message, ctx) {
      const sleep = (ms: number) =>
        new Promise<void>((done) => void world.scheduler.at(ctx.clock.monotonicMs() + ms, done));
      switch (message.type) {
        case 'add':
          message.replyTo.send(cents + message.cents);
          return cents + message.cents;
        case 'where':
          message.replyTo.send(`${ctx.self.address.node}${ctx.self.address.path}`);
          return;
        case 'crash':
          throw new Error('as told');
        case 'slow':
          return sleep(message.forMs).then(() => undefined);
        case 'timer':
          ctx.after(message.forMs, { type: 'stash', forMs: -1 });
          return;
        case 'pipe':
          ctx.pipe(
            () => sleep(message.forMs),
            () => ({ type: 'stash', forMs: -1 }),
            () => ({ type: 'stash', forMs: -1 }),
          );
          return;
        case 'stash':
          if (message.forMs > 0) ctx.stash.push(message);
          return;
      }
    },
    schema: schema as never,
  });
export let world = virtualWorld(1);

export const alone: EntityView = { number: 1, nodes: ['n1'] };

/** One node, one region. */
export function single(options: { readonly passivateAfterMs?: number; readonly maxAwake?: number } = {}) {
  world = virtualWorld(1);
  const starts: string[] = [];
  const system = createSystem('n1', world);
  const region = system.spawn(entities({ actor: purse(starts), ...options }), alone, { name: 'purses' });
  const of = (id: string) => entity<Purse>(region, id);
  const add = async (id: string, cents: number): Promise<number> => {
    const asked = ask(system, of(id), { type: 'add', cents }, { timeoutMs: 1000 });
    asked.catch(() => {});
    await world.advance();
    return asked;
  };
  const awake = () => system.inspect().children.find(({ path }) => path === '/purses')!.children.length;
  return { world, system, region, starts, of, add, awake };
}

export function durablePurse(journal = memoryJournal()): ActorDef<Purse, unknown, string> {
  return durable<Purse, { readonly cents: number }, number, string>(
    {
      kind: 'purse',
      id: (id) => id,
      initial: () => 0,
      command: (_cents, message) =>
        message.type === 'add'
          ? { persist: [{ cents: message.cents }], after: (cents) => message.replyTo.send(cents) }
          : undefined,
      event: (cents, event) => cents + event.cents,
      schema: schema as never,
    },
    { journal },
  );
}
