// Law: the victim of durable-crash.test.ts: a durable actor on a real disk that books as fast as it can, owes the world one effect per
// booking, and says on standard output what was committed, done and acknowledged, never before it was.
import { writeSync } from 'node:fs';
import {
  ask,
  createSystem,
  durable,
  type Journal,
  keyValueJournal,
  keyValueSnapshots,
  type Message,
  type ReplyTo,
  type Snapshots,
} from '../../actors/system/index.ts';
import { createStorage, type NodeStorage, realClock, realRandom, realScheduler } from '../../node/world/index.ts';

export const ledgerId = 'ledger';
export type LedgerEvent = { readonly type: 'booked' | 'posted'; readonly number: number };
type LedgerMessage =
  | { readonly type: 'book'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'posted'; readonly number: number }
  | { readonly type: 'open'; readonly replyTo: ReplyTo<number> };
interface Ledger {
  readonly booked: number;
  /** Bookings whose effect is not acknowledged. */
  readonly open: readonly number[];
}

export async function openJournal(storage: NodeStorage): Promise<{ journal: Journal; snapshots: Snapshots }> {
  return {
    journal: keyValueJournal(await storage.keyValue('journal')),
    snapshots: keyValueSnapshots(await storage.keyValue('snapshots')),
  };
}

const say = (what: string, number: number): void => void writeSync(1, `${what} ${number}\n`);

export function ledger(ports: { readonly journal: Journal; readonly snapshots: Snapshots }) {
  return durable<LedgerMessage & Message, LedgerEvent, Ledger>(
    {
      kind: 'ledger',
      id: () => ledgerId,
      initial: () => ({ booked: 0, open: [] }),
      command(state, message) {
        if (message.type === 'open') {
          message.replyTo.send(state.open.length);
          return;
        }
        if (message.type === 'posted') {
          const { number } = message;
          return { persist: [{ type: 'posted', number }], after: () => say('acknowledged', number) };
        }
        const number = state.booked + 1;
        return {
          persist: [{ type: 'booked', number }],
          after: () => {
            say('committed', number);
            message.replyTo.send(number);
          },
        };
      },
      event: (state, { type, number }) =>
        type === 'booked'
          ? { booked: number, open: [...state.open, number] }
          : { ...state, open: state.open.filter((other) => other !== number) },
      owed: ({ open }) =>
        open.map((number) => ({
          key: `${number}`,
          async run() {
            say('effect', number);
            return { type: 'posted', number };
          },
        })),
      snapshot: { everyEvents: 40, keep: 2 },
    },
    ports,
  );
}

async function main(folder: string, bookings: number): Promise<void> {
  const storage = await createStorage(folder);
  const clock = realClock();
  const system = createSystem('victim', {
    clock,
    random: realRandom(),
    scheduler: realScheduler(clock),
    log: (level, text, fields) => void writeSync(2, `${level} ${text} ${String(fields?.error ?? '')}\n`),
  });
  const ref = system.spawn(ledger(await openJournal(storage)), undefined);
  for (let left = bookings; left > 0; left -= 4)
    await Promise.all([1, 2, 3, 4].map(() => ask(system, ref, { type: 'book' }, { timeoutMs: 10_000 })));
  while ((await ask(system, ref, { type: 'open' }, { timeoutMs: 10_000 })) > 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await system.shutdown();
  await storage.close();
}

if (import.meta.main) await main(process.argv[2]!, Number(process.argv[3]));
