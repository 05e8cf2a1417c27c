import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ActorRef, CreditedReceiver, CreditedSender, createSystem, defineActor, type Message } from './index.ts';
import { virtualWorld } from './testing/index.ts';

test('items arrive once and in order, and never more are under way than the window', () => {
  const script = fc.array(fc.constantFrom('offer', 'offer', 'consume', 'burst' as const), { maxLength: 120 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 20 }),
      script,
      (window, capacity, operations) => {
        const arrived: number[] = [];
        let consumed = 0;
        let accepted = 0;
        const sender = new CreditedSender<number>({ capacity, send: (item) => arrived.push(item) });
        const receiver = new CreditedReceiver({ window, grant: (items) => sender.grant(items) });
        const offer = (): void => {
          const full = sender.holding === capacity;
          if (sender.offer(accepted)) accepted++;
          else expect(full).toBe(true);
        };
        const consume = (): void => {
          if (consumed === arrived.length) return;
          consumed++;
          receiver.consumed();
        };
        for (const operation of operations) {
          if (operation === 'consume') consume();
          else for (let count = operation === 'burst' ? 30 : 1; count > 0; count--) offer();
          expect(arrived.length - consumed).toBeLessThanOrEqual(window);
          expect(sender.holding).toBeLessThanOrEqual(capacity);
        }
        while (consumed < arrived.length) consume();
        expect(arrived).toEqual(Array.from({ length: accepted }, (_, item) => item));
      },
    ),
  );
});

test('a hundred producers never fill the mailbox of a slow consumer', async () => {
  interface Item extends Message {
    readonly type: 'item';
    readonly from: ActorRef<Grant>;
  }
  interface Grant extends Message {
    readonly type: 'grant';
    readonly items: number;
  }
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  let handled = 0;
  let deepest = 0;
  const consumer = defineActor<Item, Map<ActorRef<Grant>, CreditedReceiver>>({
    kind: 'consumer',
    mailbox: { capacity: 800, overflow: 'reject' },
    start: () => new Map(),
    receive(receivers, { from }) {
      handled++;
      deepest = Math.max(deepest, system.inspect().children[0]!.mailboxDepth);
      receivers.get(from)?.consumed();
      if (!receivers.has(from))
        receivers.set(from, new CreditedReceiver({ window: 8, grant: (items) => from.tell({ type: 'grant', items }) }));
    },
  });
  const sink = system.spawn(consumer, undefined);
  const producer = defineActor<Grant, CreditedSender<Item>>({
    kind: 'producer',
    start(ctx) {
      const sender = new CreditedSender<Item>({ capacity: 100, send: (item) => sink.tell(item) });
      const item: Item = { type: 'item', from: ctx.self };
      // The first item introduces the producer; the window comes in answer.
      sender.grant(1);
      for (let count = 0; count < 50; count++) sender.offer(item);
      return sender;
    },
    receive: (sender, { items }) => sender.grant(items),
  });
  for (let count = 0; count < 100; count++) system.spawn(producer, undefined);
  await world.advance();
  expect(handled).toBe(5000);
  expect(deepest).toBeLessThanOrEqual(800);
  expect(system.deadLetters.count).toBe(0);
});

test('a window is at least one', () => {
  expect(() => new CreditedReceiver({ window: 0, grant: () => {} })).toThrow(RangeError);
});
