import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, createSystem, durable, keyValueJournal, type ReplyTo } from '../../actors/system/index.ts';
import { createStorage } from '../../node/world/index.ts';
import { sleep, until, world } from './world.ts';

type Command =
  | { readonly type: 'order'; readonly book: string; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'sent'; readonly book: string };
type Event = { readonly type: 'ordered' | 'sent'; readonly book: string };
/** Books that were ordered and have not been sent. */
type Open = readonly string[];

const sent = new Set<string>();
const folder = await mkdtemp(join(tmpdir(), 'parley-example-'));

async function live(life: string, run: (order: (book: string) => Promise<string>) => Promise<void>): Promise<void> {
  const storage = await createStorage(folder);
  const shop = durable<Command, Event, Open>(
    {
      kind: 'shop',
      id: () => 'shop',
      initial: () => [],
      // Decides. Nothing happens yet: what is returned is first made durable.
      command: (_open, message) =>
        message.type === 'order'
          ? {
              persist: [{ type: 'ordered', book: message.book }],
              after: (open) => message.replyTo.send(`${open.length} to send`),
            }
          : { persist: [message], after: () => void sent.add(message.book) },
      // Folds. Runs again at each start.
      event: (open, { type, book }) => (type === 'ordered' ? [...open, book] : open.filter((other) => other !== book)),
      // What the state still owes the world is done after the commit, and after a crash again, until an event says that it is done.
      owed: (open) =>
        open.map((book) => ({
          key: book,
          async run() {
            console.log(`${life} sends ${book}`);
            if (life === 'first life' && book === 'Emma') await sleep(60_000);
            return { type: 'sent', book };
          },
        })),
    },
    { journal: keyValueJournal(await storage.keyValue('journal')) },
  );
  const system = createSystem('example', world);
  const ref = system.spawn(shop, undefined, { name: 'shop' });
  await run((book) => ask(system, ref, { type: 'order', book }, { timeoutMs: 1000 }));
  await system.shutdown();
  await storage.close();
}

await live('first life', async (order) => {
  console.log(await order('Dune'));
  await until(() => sent.has('Dune'));
  console.log(await order('Emma'));
});
// The second life has the orders, and sends only what was not acknowledged.
await live('second life', async (order) => {
  await until(() => sent.has('Emma'));
  console.log(await order('Ulysses'));
  await until(() => sent.has('Ulysses'));
});
await rm(folder, { recursive: true });
process.exit(0);
