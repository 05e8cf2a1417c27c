import { describe, expect, test } from 'vitest';
import { createSystem, defineActor, type Message, stop, supervisor, supervisorHandle } from './index.ts';
import { loadBetween } from './inspect.ts';
import { type Do, doer, run, virtualWorld } from './testing/index.ts';

const failure = new Error('r');

function stage() {
  const world = virtualWorld(1);
  return { world, system: createSystem('n1', world) };
}

describe('looking in', () => {
  test('inspect shows phase, depth, restarts, messages handled and the last error of every actor', async () => {
    const { world, system } = stage();
    const sup = system.spawn(
      supervisor({ intensity: 5, children: [{ id: 'a', actor: doer, args: undefined }] }),
      undefined,
      { name: 'sup' },
    );
    await world.advance();
    const child = supervisorHandle(system, sup).child<Do>('a')!;
    child.tell(run(() => undefined));
    child.tell(run(() => Promise.reject(failure)));
    child.tell(
      run(() => new Promise(() => {})),
      { traceId: 't', spanId: 's', flags: 1 },
    );
    child.tell(run(() => undefined));
    await world.advance();
    expect(system.inspect()).toMatchObject({
      path: '/',
      children: [
        {
          path: '/sup',
          kind: 'supervisor',
          restarts: 0,
          children: [
            {
              path: '/sup/a',
              kind: 'doer',
              phase: 'running',
              suspended: true,
              mailboxDepth: 1,
              mailboxCapacity: 1024,
              restarts: 1,
              handled: 3,
              lastError: failure,
              trace: { traceId: 't' },
            },
          ],
        },
      ],
    });
  });

  test('a crash is logged with the actor and the trace of the message it failed on', async () => {
    const { world, system } = stage();
    const ref = system.spawn(doer, undefined, { name: 'a' });
    ref.tell(
      run(() => Promise.reject(failure)),
      { traceId: 't1', spanId: 's1', flags: 1 },
    );
    await world.advance();
    expect(world.logged).toMatchObject([
      {
        level: 'error',
        text: 'actor crashed',
        fields: { actor: '/a', traceId: 't1', spanId: 's1', kind: 'doer', error: failure },
      },
    ]);
  });

  test('what a signal causes does not carry the trace of the message handled before it', async () => {
    const { world, system } = stage();
    const traces: unknown[] = [];
    const sink = system.spawn(
      defineActor<Message, null>({
        kind: 'sink',
        start: () => null,
        receive: (_s, _m, ctx) => void traces.push(ctx.trace?.traceId),
      }),
      undefined,
    );
    const gone = system.spawn(doer, undefined);
    const watcher = system.spawn(
      defineActor<Message, null>({
        kind: 'watcher',
        start: () => null,
        receive(_state, message, ctx) {
          sink.tell(message);
          ctx.monitor(gone);
        },
        signal: () => void sink.tell({ type: 'after down' }),
      }),
      undefined,
    );
    gone.tell(run(() => stop()));
    await world.advance();
    watcher.tell({ type: 'traced' }, { traceId: 't', spanId: 's', flags: 1 });
    await world.advance();
    expect(traces).toEqual(['t', undefined]);
  });

  test('the tree is in spawn order, with the names of all, and a tree as deep as a chain of 20,000 actors is looked at without a stack', async () => {
    const { world, system } = stage();
    for (const name of ['c', 'a', 'b']) system.spawn(doer, undefined, { name });
    const deepen = (left: number): Do =>
      run((ctx) => {
        if (left > 0) ctx.spawn(doer, undefined, { name: 'd' }).tell(deepen(left - 1));
      });
    system.spawn(doer, undefined, { name: 'd' }).tell(deepen(20_000));
    await world.advance();
    const report = system.inspect();
    expect(report.children.map(({ path }) => path)).toEqual(['/c', '/a', '/b', '/d']);
    const list = loadBetween(report, report, 1000);
    expect(list).toHaveLength(20_005);
    expect(list.at(-1)).toMatchObject({ depth: 20_001, path: '/d'.repeat(20_001) });
  });

  test('an actor at the end of a very long chain can crash, be watched and be shut down with it', async () => {
    const { world, system } = stage();
    const deepen = (left: number): Do =>
      run((ctx) => {
        if (left === 0) throw failure;
        ctx.spawn(doer, undefined, { name: 'd' }).tell(deepen(left - 1));
      });
    system.spawn(doer, undefined, { name: 'd' }).tell(deepen(50_000));
    await world.advance();
    expect(world.logged).toMatchObject([{ fields: { actor: '/d'.repeat(50_001), error: failure } }]);
    let ended = false;
    void system.shutdown().then(() => {
      ended = true;
    });
    await world.advance();
    expect(ended).toBe(true);
  });

  test('loadBetween: what each actor handled per second between two looks, through a restart and from its spawn on', async () => {
    const { world, system } = stage();
    const sup = system.spawn(
      supervisor({ intensity: 5, children: [{ id: 'a', actor: doer, args: undefined }] }),
      undefined,
      { name: 'sup' },
    );
    const short = system.spawn(doer, undefined, { name: 'short' });
    await world.advance();
    const child = supervisorHandle(system, sup).child<Do>('a')!;
    child.tell(run(() => undefined));
    await world.advance();
    const earlier = system.inspect();
    for (let count = 0; count < 8; count++) child.tell(run(() => (count === 4 ? Promise.reject(failure) : undefined)));
    short.tell(run(() => stop()));
    await world.advance();
    const fresh = system.spawn(doer, undefined, { name: 'short' });
    for (let count = 0; count < 3; count++) fresh.tell(run(() => undefined));
    await world.advance(2000);
    const load = loadBetween(earlier, system.inspect(), 2000);
    expect(load.map(({ path, depth, messagesPerSecond }) => [path, depth, messagesPerSecond])).toEqual([
      ['/', 0, 0],
      ['/sup', 1, 0],
      ['/sup/a', 2, 4],
      ['/short', 1, 1.5],
    ]);
    expect(() => loadBetween(earlier, earlier, 0)).toThrow(RangeError);
  });
});
