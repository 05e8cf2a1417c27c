import { expect, test } from 'vitest';
import { ask, type DurableDef, JournalConflict, type Message } from '../index.ts';
import { spawnProbe } from '../testing/index.ts';

import { Bench, type Command, type Event, type State } from './testing/bench.ts';

test('what was committed is there for the next actor of that id, and for no other id', async () => {
  const bench = new Bench();
  const first = bench.spawn();
  expect(await bench.settle(bench.deposit(first, 100))).toBe(100);
  expect(await bench.settle(bench.deposit(first, 20))).toBe(120);
  await bench.kill(first);
  expect(await bench.balance(bench.spawn())).toBe(120);
  expect(await bench.balance(bench.spawn({}, 'b'))).toBe(0);
});

test('a restart behind the same ref replays: nothing committed is lost, nothing uncommitted is there', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  await bench.settle(bench.deposit(ref, 100));
  ref.tell({ type: 'crash' });
  expect(await bench.balance(ref)).toBe(100);
});

test('pekko EventSourcedBehaviorReply: the answer and the effects of an event wait for its commit', async () => {
  const bench = new Bench();
  const ref = bench.spawn();
  await bench.world.advance();
  bench.journal.held = true;
  let answered = false;
  const asked = bench.deposit(ref, 100).then(() => {
    answered = true;
  });
  await bench.world.advance(10);
  expect([answered, bench.effects]).toEqual([false, []]);
  bench.journal.release();
  await bench.settle(asked);
  expect([answered, bench.effects]).toEqual([true, ['deposited to 100']]);
});

test('pekko EventSourcedBehaviorStash: commands that come during a commit or during recovery wait, and keep their order', async () => {
  const bench = new Bench();
  const ref = bench.spawn();
  bench.journal.held = true;
  // The first three arrive before recovery is over.
  const answers = [1, 2, 3].map((cents) => bench.deposit(ref, cents));
  const seen = ask(bench.system, ref, { type: 'balance' }, { timeoutMs: 1000 });
  await bench.world.advance(10);
  bench.journal.release();
  expect(await bench.settle(Promise.all([...answers, seen]))).toEqual([1, 3, 6, 6]);
});

test('a command that persists nothing answers at once, and stop() after a commit ends the actor with the event kept', async () => {
  const bench = new Bench();
  const ref = bench.spawn();
  expect(await bench.settle(bench.deposit(ref, -5))).toBe(-1);
  ref.tell({ type: 'leave' });
  await bench.world.advance();
  expect(ref.tell({ type: 'crash' })).toBe(false);
  expect(await bench.balance(bench.spawn())).toBe(5);
});

test('pekko EventSourcedBehaviorFailure: where the journal fails the actor crashes, and neither answer nor effect happens', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  bench.journal.failNext = new Error('disk full');
  await expect(bench.settle(bench.deposit(ref, 100))).rejects.toMatchObject({ code: 'stopped' });
  expect(bench.effects).toEqual([]);
  expect(await bench.balance(ref)).toBe(0);
});

test('an event that cannot be folded or encoded never gets into the journal', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  ref.tell({ type: 'poison' });
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(0);
  ref.tell({ type: 'order', item: (() => 1) as never });
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(0);
  expect(await bench.balance(ref)).toBe(0);
});

test('an actor killed while its commit is under way sends no answer, and the commit stands', async () => {
  const bench = new Bench();
  const ref = bench.spawn();
  await bench.world.advance();
  bench.journal.held = true;
  const asked = bench.deposit(ref, 100);
  await bench.world.advance();
  const refused = expect(asked).rejects.toMatchObject({ code: 'stopped' });
  await bench.kill(ref);
  await refused;
  bench.journal.release();
  await bench.world.advance();
  expect(bench.effects).toEqual([]);
  expect(await bench.balance(bench.spawn())).toBe(100);
});

test('of two actors that write one journal the second to append is fenced off: it stops, unanswered', async () => {
  const bench = new Bench();
  const probe = spawnProbe(bench.system);
  const [one, other] = [bench.spawn(), bench.spawn()];
  probe.run((ctx) => ctx.monitor(other));
  expect(await bench.settle(bench.deposit(one, 1))).toBe(1);
  await expect(bench.settle(bench.deposit(other, 10))).rejects.toMatchObject({ code: 'stopped' });
  expect(probe.signals).toMatchObject([
    { type: 'down', reason: { kind: 'error', error: expect.any(JournalConflict) } },
  ]);
  expect(await bench.settle(bench.deposit(one, 1))).toBe(2);
  expect(await bench.balance(bench.spawn())).toBe(2);
});

test('what follows from a commit carries the trace of its command', async () => {
  const bench = new Bench();
  const traces: unknown[] = [];
  const relay = bench.system.spawn(
    {
      kind: 'relay',
      start: () => null,
      receive: (_state: null, _message: Message, ctx) => {
        traces.push(ctx.trace?.traceId);
      },
    },
    undefined,
  );
  const ref = bench.spawn({
    command: () => ({ persist: [{ type: 'deposited', cents: 1 }], after: () => void relay.tell({ type: 'done' }) }),
  });
  ref.tell({ type: 'crash' }, { traceId: 'abc', spanId: 'def', flags: 1 });
  ref.tell({ type: 'crash' });
  await bench.world.advance();
  expect(traces).toEqual(['abc', undefined]);
});

test('pekko EventSourcedBehaviorRetention: snapshots every N shorten replay, keep K, and what they cover is deleted', async () => {
  const bench = new Bench();
  const snapshot = { everyEvents: 10, keep: 2 };
  const ref = bench.spawn({ snapshot });
  for (let count = 0; count < 45; count++) await bench.settle(bench.deposit(ref, 1));
  expect((await bench.snapshots.load('account/a')).map(({ sequence }) => sequence)).toEqual([40, 30]);
  const left: number[] = [];
  for await (const { sequence } of bench.journal.inner.replay('account/a', 1, 99, 99)) left.push(sequence);
  expect(left[0]).toBe(31);
  await bench.kill(ref);
  expect(await bench.balance(bench.spawn({ snapshot }))).toBe(45);
  expect(bench.journal.replayed).toBe(5);
});

test('a snapshot that cannot be read is passed over: an older one serves, or all events where they are kept', async () => {
  const bench = new Bench();
  const snapshot = { everyEvents: 10, keep: 2 };
  const ref = bench.spawn({ snapshot });
  for (let count = 0; count < 25; count++) await bench.settle(bench.deposit(ref, 1));
  await bench.kill(ref);
  await bench.snapshots.save('account/a', { sequence: 20, state: new Uint8Array([0xc1]) });
  expect(await bench.balance(bench.spawn({ snapshot }))).toBe(25);
  expect(bench.world.logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
  // The states schema judges too.
  const parse = (): never => {
    throw new Error('another version');
  };
  const all = bench.spawn({ snapshot: { ...snapshot, states: { parse } } });
  await expect(bench.settle(bench.deposit(all, 1))).rejects.toMatchObject({ code: 'stopped' });
  expect(bench.world.logged.at(-1)!.fields.error).toMatchObject({ message: expect.stringContaining('no events 1 to') });
});

test('a journal with a hole, a lost tail or an event that is none fails the start, saying which', async () => {
  const said = async (spoil: (bench: Bench) => void, more: Partial<DurableDef<Command, Event, State, string>> = {}) => {
    const bench = new Bench();
    const ref = bench.spawn();
    for (let count = 0; count < 5; count++) await bench.settle(bench.deposit(ref, 1));
    await bench.kill(ref);
    spoil(bench);
    const spoilt = bench.spawn(more);
    await expect(bench.settle(bench.deposit(spoilt, 1))).rejects.toMatchObject({ code: 'stopped' });
    return String(bench.world.logged.findLast(({ level }) => level === 'error')!.fields.error);
  };
  const without = (gone: number) => (bench: Bench) => {
    const { replay } = bench.journal.inner;
    bench.journal.inner.replay = async function* (...bounds) {
      for await (const entry of replay(...bounds)) if (entry.sequence !== gone) yield entry;
    };
  };
  expect(await said(without(3))).toContain('no events 3 to 3');
  expect(await said(without(5))).toContain('no events 5 to 5');
  expect(await said((bench) => void bench.journal.inner.deleteTo('account/a', 2))).toContain('no events 1 to 2');
  const parse = (input: unknown): Event => {
    throw new Error(`not ${JSON.stringify(input)}`);
  };
  expect(await said(() => {}, { events: { parse } })).toContain('event 1 cannot be read');
});

test('an owed effect starts after its commit, and its outcome ends it', async () => {
  const bench = new Bench();
  const ref = bench.spawn();
  await bench.world.advance();
  bench.journal.held = true;
  ref.tell({ type: 'order', item: 'book' });
  await bench.world.advance();
  expect(bench.effects).toEqual([]);
  bench.journal.release();
  await bench.world.advance();
  expect(bench.effects).toEqual(['ship book']);
  // Other commits do not start it again.
  await bench.settle(bench.deposit(ref, 1));
  bench.shipping.get('book')!.done();
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(3);
  await bench.kill(ref);
  await bench.balance(bench.spawn());
  expect(bench.effects.filter((effect) => effect === 'ship book')).toHaveLength(1);
});

test('an owed effect that was not acknowledged runs again after recovery, one that was does not', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  for (const item of ['book', 'lamp']) ref.tell({ type: 'order', item });
  await bench.world.advance();
  bench.shipping.get('book')!.done();
  await bench.world.advance();
  const lamp = bench.shipping.get('lamp')!;
  ref.tell({ type: 'crash' });
  await bench.world.advance();
  expect(bench.effects).toEqual(['ship book', 'ship lamp', 'ship lamp']);
  expect(lamp.signal.aborted).toBe(true);
  // The outcome of the incarnation that ended is not heard.
  lamp.done();
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(3);
  bench.shipping.get('lamp')!.done();
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(4);
});

test('an effect that is no longer owed is aborted and not heard of; one that fails crashes its actor', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  ref.tell({ type: 'order', item: 'book' });
  await bench.world.advance();
  const book = bench.shipping.get('book')!;
  ref.tell({ type: 'cancel', item: 'book' });
  await bench.world.advance();
  expect(book.signal.aborted).toBe(true);
  book.fail(new Error('aborted'));
  await bench.world.advance();
  expect(bench.world.logged).toEqual([]);
  ref.tell({ type: 'order', item: 'lamp' });
  await bench.world.advance();
  bench.shipping.get('lamp')!.fail(new Error('no lamps'));
  await bench.world.advance();
  expect(bench.world.logged.at(-1)!.fields.error).toMatchObject({ message: "the owed effect 'lamp' failed" });
  expect(bench.effects.filter((effect) => effect === 'ship lamp')).toHaveLength(2);
});

test('a message that looks like the outcome of an owed effect is a command like any other', async () => {
  const bench = new Bench();
  const ref = await bench.supervised();
  ref.tell({ type: 'order', item: 'lamp' });
  await bench.world.advance();
  ref.tell({ type: '$owed', key: 'lamp', message: undefined, error: new Error('forged') } as never);
  await bench.world.advance();
  expect(bench.world.logged.filter(({ level }) => level === 'error')).toEqual([]);
  bench.shipping.get('lamp')!.done();
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(2);
});

test('at most sixteen owed effects run at once, the others follow, even past a full mailbox', async () => {
  const bench = new Bench();
  const ref = bench.spawn({ mailbox: { capacity: 1, overflow: 'reject' } });
  for (let item = 0; item < 20; item++) {
    ref.tell({ type: 'order', item: `${item}` });
    await bench.world.advance();
  }
  expect(bench.effects).toHaveLength(16);
  for (const { done } of [...bench.shipping.values()]) done();
  await bench.world.advance();
  expect(bench.effects).toHaveLength(20);
  for (const { done } of [...bench.shipping.values()]) done();
  await bench.world.advance();
  expect(await bench.journal.highest('account/a')).toBe(40);
});
