// Restarts that wait, overlap or are overtaken: back-off, which OTP has not, and what happens while a supervisor is not done with the last event.
import { describe, expect, test } from 'vitest';
import { type Context, type Message, shutdown } from '../index.ts';
import { abnormal, type ChildMessage, reasons, Stage } from './testing/stage.ts';

describe('back-off', () => {
  const backoff = { minMs: 100, maxMs: 400, jitter: 0 };

  test('pekko SupervisionSpec restart after exponential backoff: the delay doubles up to its maximum', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 99, children: [stage.child('a', { backoff })] });
    for (const delayMs of [100, 200, 400, 400]) {
      await stage.die(handle, 'a', abnormal);
      expect(handle.children()).toMatchObject([{ id: 'a', run: 'restarting' }]);
      await stage.world.advance(delayMs - 1);
      expect(handle.children()).toMatchObject([{ run: 'restarting' }]);
      await stage.world.advance(1);
      expect(handle.children()).toMatchObject([{ run: 'up' }]);
    }
  });

  test('pekko SupervisionSpec reset exponential backoff count: a child that was up for maxMs starts from minMs again', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 99, children: [stage.child('a', { backoff })] });
    await stage.die(handle, 'a', abnormal);
    await stage.world.advance(100);
    await stage.world.advance(400);
    await stage.die(handle, 'a', abnormal);
    await stage.world.advance(100);
    expect(handle.children()).toMatchObject([{ run: 'up' }]);
  });

  test('failed starts wait too, spend intensity, and end the supervisor when it is spent', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 2, children: [stage.child('a', { backoff })] });
    stage.failing.set('a', 99);
    await stage.die(handle, 'a', abnormal);
    await stage.world.advance(100);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(199);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(1);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('what a child is told while it waits for its restart is handled after it', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a', { backoff })] });
    const ref = handle.child<ChildMessage>('a')!;
    await stage.die(handle, 'a', abnormal);
    ref.tell({ type: 'note', text: 'early' });
    await stage.world.advance(100);
    expect(stage.take()).toEqual(['start:a', 'restarting:a', 'start:a', 'a:early']);
  });

  test('jitter shortens delays, never below (1 − jitter) of them, and differs between crashes', async () => {
    const stage = new Stage();
    const jittered = { minMs: 1000, maxMs: 1000, jitter: 0.5 };
    const { handle } = await stage.supervise({ intensity: 99, children: [stage.child('a', { backoff: jittered })] });
    const delays = new Set<number>();
    for (let crash = 0; crash < 8; crash++) {
      await stage.die(handle, 'a', abnormal);
      const crashedMs = stage.world.clock.monotonicMs();
      while (handle.children()[0]!.run !== 'up') await stage.world.advance(1);
      delays.add(stage.world.clock.monotonicMs() - crashedMs);
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1000);
    expect(delays.size).toBeGreaterThan(4);
  });

  test('terminating a child that waits for its restart calls the restart off', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a', { backoff })] });
    await stage.die(handle, 'a', abnormal);
    expect(await stage.settle(handle.terminateChild('a'))).toEqual({ ok: true, value: undefined });
    await stage.world.advance(1000);
    expect(handle.children()).toMatchObject([{ id: 'a', run: 'down', ref: undefined }]);
  });
});

describe('restarts that overlap', () => {
  const backoff = { minMs: 100, maxMs: 400, jitter: 0 };

  test('a significant child that waits for its restart has not ended: all_significant waits for it', async () => {
    const stage = new Stage();
    const rules = { restart: 'transient', significant: true } as const;
    const { handle } = await stage.supervise({
      autoShutdown: 'all_significant',
      children: [stage.child('a', { ...rules, backoff }), stage.child('b', rules)],
    });
    await stage.die(handle, 'a', abnormal);
    await stage.die(handle, 'b', reasons.normal);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(100);
    await stage.die(handle, 'a', reasons.normal);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('a sibling that was crashing when its group restarted is restarted once, and stays', async () => {
    const stage = new Stage();
    const slow = {
      kind: 'slow',
      start: () => null,
      receive: () => new Promise<null>((resolve) => stage.world.scheduler.at(100, () => resolve(null))),
    };
    const starts: number[] = [];
    const parent = {
      kind: 'parent',
      start(ctx: Context<Message>) {
        starts.push(ctx.clock.monotonicMs());
        ctx.spawn(slow, undefined).tell({ type: 'work' });
        return null;
      },
      receive() {
        throw new Error('crash');
      },
    };
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      intensity: 5,
      children: [stage.child('a'), { id: 'b', actor: parent, args: undefined }],
    });
    // b's incarnation ends only when its own child has: meanwhile the group asks b to stop.
    handle.child<Message>('b')!.tell({ type: 'go' });
    await stage.world.advance();
    await stage.die(handle, 'a', abnormal);
    await stage.world.advance(1000);
    expect(starts).toEqual([0, 100]);
    expect(handle.children().map(({ run }) => run)).toEqual(['up', 'up']);
  });

  test('when the failing child of a broken group restart is given up, the others are released: their refs end', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'rest_for_one',
      intensity: 5,
      children: [stage.child('a'), stage.child('b', { backoff }), stage.child('c')],
    });
    const c = handle.child<ChildMessage>('c')!;
    stage.failing.set('b', 1);
    stage.probe.run((ctx) => ctx.monitor(c));
    await stage.die(handle, 'a', abnormal);
    expect(handle.children().map(({ run }) => run)).toEqual(['down', 'restarting', 'up']);
    expect(c.tell({ type: 'note', text: 'waits' })).toBe(true);
    await stage.settle(handle.terminateChild('b'));
    expect(c.tell({ type: 'note', text: 'too late' })).toBe(false);
    expect(stage.ends).toEqual(['shutdown']);
  });
});

describe('shutdown overtakes', () => {
  test('a supervisor whose child never finishes starting can still be shut down: the child is killed at its limit', async () => {
    const stage = new Stage();
    const stuck = { kind: 'stuck', start: () => new Promise<null>(() => {}), receive: () => undefined };
    const { sup } = await stage.supervise({
      children: [stage.child('a'), { id: 'b', actor: stuck, args: undefined, shutdown: 1000 }],
    });
    stage.system.exit(sup, shutdown);
    await stage.world.advance(999);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(1);
    expect(stage.take()).toEqual(['start:a', 'stop:a:shutdown']);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('a shutdown during a group restart ends what is there and starts nothing more', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({
      strategy: 'one_for_all',
      children: ['a', 'b', 'c'].map((id) => stage.child(id)),
    });
    handle.child<ChildMessage>('b')!.tell({ type: 'busy', ms: 100 });
    await stage.world.advance();
    await stage.die(handle, 'a', abnormal);
    stage.take();
    stage.system.exit(sup, shutdown);
    await stage.world.advance(100);
    expect(stage.take()).toEqual(['stop:b:shutdown', 'stop:a:error']);
    expect(stage.ends).toEqual(['shutdown']);
  });
});
