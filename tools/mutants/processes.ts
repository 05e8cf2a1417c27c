// Law: bugs of an actor as a process: its signals, its links, its mailbox, its end.
import type { Mutant } from './mutant.ts';

export const processMutants: readonly Mutant[] = [
  {
    bug: 'a restart hands the failing message out again',
    file: 'cell.ts',
    find: '    } catch (thrown) {\n      crash(this, errorOf(thrown));\n    }\n    if (!this.busy) this.trace = undefined;',
    replace:
      '    } catch (thrown) {\n      crash(this, errorOf(thrown));\n      if (this.restarts < 3) this.putBack(message, trace);\n    }\n    if (!this.busy) this.trace = undefined;',
  },
  {
    bug: 'signals are heard after messages',
    file: 'cell.ts',
    find: 'if (this.alert) this.attend();\n    let left',
    replace: "if (this.alert && (this.phase !== 'running' || this.size === 0)) this.attend();\n    let left",
  },
  {
    bug: 'kill can be trapped',
    file: 'links.ts',
    find: "if (reason.kind === 'killed') target.kill();",
    replace: "if (reason.kind === 'killed' && target.def.trapExit !== true) target.kill();",
  },
  {
    bug: 'a normal exit of another ends a linked actor',
    file: 'signals.ts',
    find: "if (reason.kind !== 'normal' || from === cell) beginEnd(cell, reason);",
    replace: 'beginEnd(cell, reason);',
  },
  {
    bug: 'a link fires on one side only',
    file: 'links.ts',
    find: '  bondsOf(b).links.add(a);\n',
    replace: '',
  },
  {
    bug: 'monitors of one target do not stack',
    file: 'links.ts',
    find: 'if (gone === undefined) bondsOf(watcher).monitoring.set(id, record);',
    replace:
      'for (const held of bondsOf(watcher).monitoring.values())\n    if (held.target === target) target.removeWatcher(held);\n  if (gone === undefined) bondsOf(watcher).monitoring.set(id, record);',
  },
  {
    bug: 'demonitor leaves the down that is queued',
    file: 'links.ts',
    find: '    watcher.dropDown(id);\n',
    replace: '',
  },
  {
    bug: 'an unhandled down is passed over: no death pact',
    file: 'signals.ts',
    find: '} else if (cell.def.signal === undefined) {',
    replace: "} else if (cell.def.signal === undefined && signal.type === 'exit') {",
  },
  {
    bug: 'a mailbox holds one message more than its capacity',
    file: 'cell.ts',
    find: 'this.size >= this.mailbox.capacity',
    replace: 'this.size > this.mailbox.capacity',
  },
  {
    bug: 'dropOldest drops the newest',
    file: 'cell.ts',
    find: "left = overflow === 'dropOldest' ? this.size : 0;",
    replace: 'left = 0;',
  },
  {
    bug: 'what waits for an actor that ends vanishes without a dead letter',
    file: 'cell.ts',
    find: "if (!(this.takenTag instanceof Timer)) this.system.deadLetter(this, message, 'stopped');",
    replace: '',
  },
  {
    bug: 'released messages come back in reverse order',
    file: 'stash.ts',
    find: 'for (let index = held.length - 1; index >= 0; index--) {',
    replace: 'for (let index = 0; index < held.length; index++) {',
  },
  {
    bug: 'children outlive a restart of their parent',
    file: 'lifecycle.ts',
    find: '  else stopChildren(cell);\n',
    replace:
      '  else if (cell.parent?.overseer === undefined) stopChildren(cell);\n  else cell.firstChild = undefined;\n',
  },
  {
    bug: 'a throw in the function that makes a message of a pipe’s outcome is nobody’s',
    file: 'context.ts',
    find: '        crash(cell, errorOf(thrown));',
    replace: '        void crash;\n        throw thrown;',
  },
  {
    bug: 'the failed promise of a last signal ends the process',
    file: 'lifecycle.ts',
    find: '    if (isThenable(answer)) answer.then(undefined, failed);',
    replace: '    void answer;',
  },
];
