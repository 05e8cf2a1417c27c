// Law: bugs of a supervisor: whom it restarts, in what order, and when it gives up.
import type { Mutant } from './mutant.ts';

export const supervisorMutants: readonly Mutant[] = [
  {
    bug: 'children stop in start order',
    file: 'supervisor/children.ts',
    find: 'const newestFirst = [...this.slots.values()].reverse();',
    replace: 'const newestFirst = [...this.slots.values()];',
  },
  {
    bug: 'intensity allows one restart more',
    file: 'supervisor/model.ts',
    find: 'this.restartTimesMs.length <= this.rules.intensity',
    replace: 'this.restartTimesMs.length <= this.rules.intensity + 1',
  },
  {
    bug: 'a restart exactly one period old no longer counts',
    file: 'supervisor/model.ts',
    find: 'this.restartTimesMs[0]! < oldestMs',
    replace: 'this.restartTimesMs[0]! <= oldestMs',
  },
  {
    bug: 'a group restart forgets siblings that had stopped',
    file: 'supervisor/model.ts',
    find: 'group.filter((member) => this.slots.has(member.id))',
    replace: 'group.filter((member) => this.slots.has(member.id) && (member === slot || member.held))',
  },
  {
    bug: 'a group restart keeps temporary children',
    file: 'supervisor/model.ts',
    find: "if (member.restart !== 'temporary') {",
    replace: 'if (member.restart !== undefined) {',
  },
  {
    bug: 'rest_for_one restarts the children before too',
    file: 'supervisor/model.ts',
    find: 'all.slice(all.indexOf(slot))',
    replace: 'all',
  },
  {
    bug: 'a transient child restarts after a normal end',
    file: 'supervisor/model.ts',
    find: "(slot.restart === 'transient' && how === 'abnormal')",
    replace: "slot.restart === 'transient'",
  },
  {
    bug: 'terminating a significant child shuts its supervisor down',
    file: 'supervisor/model.ts',
    find: '    yield* this.stop(slot);\n    this.markDown(slot);\n    this.release(slot);\n',
    replace:
      '    yield* this.stop(slot);\n    this.markDown(slot);\n    this.release(slot);\n    if (this.autoShutdown(slot) === "shutdown") yield* this.conclude("shutdown");\n',
  },
  {
    bug: 'all_significant ends with the first',
    file: 'supervisor/model.ts',
    find: "if (other.significant && other.run !== 'down') return 'stay';",
    replace: '',
  },
  {
    bug: 'a failed restart is tried again at once, not through the mailbox',
    file: 'supervisor/model.ts',
    find: "    this.effects.push({ type: 'retry', id: slot.id, backoff: undefined, attempt: 0 });\n    return 'stay';",
    replace: '    return yield* this.restart(slot);',
  },
  {
    bug: 'back-off never grows',
    file: 'supervisor/shell.ts',
    find: 'backoff.minMs * 2 ** attempt',
    replace: 'backoff.minMs',
  },
  {
    bug: 'a child that does not stop in time is not killed',
    file: 'supervisor/shell.ts',
    find: 'this.cell.system.wheel.add(child.deadline, limit);',
    replace: '',
  },
  {
    bug: 'dynamic children stop one after the other',
    file: 'supervisor/children.ts',
    find: "    if (ids.length > 0) this.effects.push({ type: 'stop', ids });",
    replace:
      "    for (const id of ids) {\n      this.effects.push({ type: 'stop', ids: [id] });\n      while (!this.ended.has(id)) yield { type: 'stops' };\n    }",
  },
  {
    bug: 'a dynamic child that ended is gone only with the slowest of its siblings',
    file: 'supervisor/children.ts',
    find: "      if (this.ended.size === 0) yield { type: 'stops' };",
    replace: "      while (this.ended.size < living.size) yield { type: 'stops' };",
  },
];
