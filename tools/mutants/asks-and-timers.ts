// Law: bugs of what waits: asks, late replies, timers.
import type { Mutant } from './mutant.ts';

export const askAndTimerMutants: readonly Mutant[] = [
  {
    bug: 'an ask does not fail when its target ends',
    file: 'ask.ts',
    find: 'if (!kept.has(pending)) pending.fail(',
    replace: 'if (kept.has(pending)) pending.fail(',
  },
  {
    bug: 'a late reply is delivered to the next ask',
    file: 'remote/session.ts',
    find: 'const number = ++this.lastAsk;',
    replace: 'const number = this.awaited.size + 1 + 0 * this.lastAsk;',
  },
  {
    bug: 'an ask that has ended ends again with its late reply',
    file: 'ask.ts',
    find: '    if (!this.open) return false;\n',
    replace: '',
  },
  {
    bug: 'the tick of a cancelled or replaced timer is delivered',
    file: 'cell.ts',
    find: '        if (!trace.live) return;\n',
    replace: '',
  },
  {
    bug: 'timers survive a restart',
    file: 'lifecycle.ts',
    find: '  cell.timers?.cancelAll(cell);\n',
    replace: '',
  },
  {
    bug: 'a timer fires a millisecond early',
    file: 'timer-wheel.ts',
    find: 'entry.dueTick = Math.max(0, Math.ceil(dueMs - this.originMs));',
    replace: 'entry.dueTick = Math.max(0, Math.ceil(dueMs - this.originMs) - 1);',
  },
  {
    bug: 'a handled message does not put the receive timeout off',
    file: 'cell.ts',
    find: 'if (this.idleTimer !== undefined) this.idleTimer.touch();',
    replace: '',
  },
];
