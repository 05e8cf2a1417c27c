import { describe, expect, test } from 'vitest';
import { createSystem, defineActor, supervisor, supervisorHandle } from './index.ts';
import { virtualWorld } from './testing/index.ts';

describe('the stash', () => {
  type Gate =
    | { readonly type: 'open' }
    | { readonly type: 'item'; readonly n: number }
    | { readonly type: 'clear' }
    | { readonly type: 'crash' };

  function gate(capacity: number) {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const seen: number[] = [];
    const traces: (string | undefined)[] = [];
    const pushed: boolean[] = [];
    const actor = defineActor<Gate, boolean>({
      kind: 'gate',
      mailbox: { capacity, overflow: 'reject' },
      start: () => false,
      receive(open, message, ctx) {
        switch (message.type) {
          case 'open':
            ctx.stash.release();
            return true;
          case 'clear':
            ctx.stash.clear();
            return;
          case 'crash':
            throw new Error('crash');
          case 'item':
            if (open) {
              seen.push(message.n);
              traces.push(ctx.trace?.traceId);
            } else pushed.push(ctx.stash.push(message));
        }
      },
    });
    const sup = system.spawn(supervisor({ children: [{ id: 'gate', actor, args: undefined }] }), undefined);
    return { world, system, sup, seen, traces, pushed };
  }

  test('pekko StashSpec: what was stashed is handled before what waited, in its order, with its traces', async () => {
    const { world, system, sup, seen, traces } = gate(10);
    await world.advance();
    const ref = supervisorHandle(system, sup).child<Gate>('gate')!;
    for (const n of [1, 2, 3]) ref.tell({ type: 'item', n }, { traceId: `t${n}`, spanId: 's', flags: 0 });
    ref.tell({ type: 'open' });
    ref.tell({ type: 'item', n: 4 });
    await world.advance();
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(traces).toEqual(['t1', 't2', 't3', undefined]);
  });

  test('pekko StashBufferSpec: a full stash refuses, and the message is a dead letter', async () => {
    const { world, system, sup, pushed } = gate(2);
    await world.advance();
    const ref = supervisorHandle(system, sup).child<Gate>('gate')!;
    for (const n of [1, 2, 3]) {
      ref.tell({ type: 'item', n });
      await world.advance();
    }
    expect(pushed).toEqual([true, true, false]);
    expect(system.deadLetters.count).toBe(1);
    ref.tell({ type: 'clear' });
    await world.advance();
    expect(system.deadLetters.count).toBe(3);
  });

  test('pekko StashSpec: a restart returns the stash to the front of the mailbox', async () => {
    const { world, system, sup, seen } = gate(10);
    await world.advance();
    const ref = supervisorHandle(system, sup).child<Gate>('gate')!;
    for (const n of [1, 2]) ref.tell({ type: 'item', n });
    await world.advance();
    ref.tell({ type: 'crash' });
    ref.tell({ type: 'open' });
    await world.advance();
    expect(seen).toEqual([1, 2]);
  });
});
