import { createSystem, defineActor } from '../../actors/system/index.ts';
import { virtualWorld } from '../../actors/system/testing/index.ts';

type Kitchen = { readonly type: 'start' | 'ring' | 'tick' };

const timer = defineActor<Kitchen, { ticks: number }>({
  kind: 'timer',
  start: () => ({ ticks: 0 }),
  receive(state, { type }, ctx) {
    if (type === 'start') {
      ctx.every(60_000, { type: 'tick' }, 'ticking');
      // A timer with the same key replaces the former: this egg is done ten minutes from now, however often we start.
      ctx.after(600_000, { type: 'ring' }, 'egg');
    } else if (type === 'tick') {
      state.ticks++;
    } else {
      ctx.cancel('ticking');
      console.log(`rings after ${ctx.clock.monotonicMs() / 1000} s and ${state.ticks} ticks`);
    }
  },
});

// No real time passes: a test of ten minutes takes none.
const world = virtualWorld(1);
const system = createSystem('example', world);
const ref = system.spawn(timer, undefined);
ref.tell({ type: 'start' });
await world.advance(300_000);
ref.tell({ type: 'start' });
await world.advance(3_600_000);
console.log('timers left', world.pendingTimers);
