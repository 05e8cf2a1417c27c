// Law: bugs of what outlives a process: the journal, its snapshots, effects owed.
import type { Mutant } from './mutant.ts';

export const durableMutants: readonly Mutant[] = [
  {
    bug: 'the answer goes out before the commit',
    file: 'durable/durable.ts',
    find: '    const sequence = await this.ports.journal.append(',
    replace: '    after?.(next);\n    const sequence = await this.ports.journal.append(',
  },
  {
    bug: 'an append is not fenced',
    file: 'durable/key-value-journal.ts',
    find: 'if (highestSequence !== afterSequence) throw',
    replace: 'if (highestSequence < afterSequence) throw',
  },
  {
    bug: 'deleting entries resets the highest sequence',
    file: 'testing/memory-journal.ts',
    find: '      log.entries = log.entries.filter(({ sequence }) => sequence > toSequence);',
    replace:
      '      log.entries = log.entries.filter(({ sequence }) => sequence > toSequence);\n      log.highest = log.entries.length === 0 ? 0 : log.highest;',
  },
  {
    bug: 'a hole in the journal is folded over',
    file: 'durable/recovery.ts',
    find: 'if (entry.sequence !== sequence + 1) throw missing(id, sequence + 1, entry.sequence - 1);',
    replace: '',
  },
  {
    bug: 'an acknowledged effect runs again after recovery',
    file: 'durable/owed.ts',
    find: '      this.started.delete(key);\n',
    replace: '',
  },
  {
    bug: 'the events after the snapshot are deleted with it',
    file: 'durable/durable.ts',
    find: 'await journal.deleteTo(this.id, oldestKept.sequence);',
    replace: 'await journal.deleteTo(this.id, sequence + 1);',
  },
];
