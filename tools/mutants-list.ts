// Law: each mutant is one bug that someone could write; the text it replaces stands exactly once in its file.

export interface Mutant {
  /** What is wrong, in a few words. */
  readonly bug: string;
  /** Inside actors/system. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  // ── supervisor ──
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
  // ── processes ──
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
  // ── asks and timers ──
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
  // ── durable actors ──
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
  // ── across nodes ──
  {
    bug: 'messages of other nodes are not checked',
    file: 'remote/arrivals.ts',
    find: 'schema === undefined ? raw : schema.parse(withoutReply(raw))',
    replace: 'raw',
  },
  {
    bug: 'an actor without a schema is open to other nodes',
    file: 'remote/arrivals.ts',
    find: 'if (schema === undefined && !session.trusted) {',
    replace: 'if (schema === undefined && session.trusted) {',
  },
  {
    bug: 'the loss of a node is not told to those who watch its actors',
    file: 'remote/session.ts',
    find: "      watcher.pushSignal({ type: 'down', from: target, reason, id });\n    }\n  }\n}",
    replace: '      void reason;\n    }\n  }\n}',
  },
  {
    bug: 'the end of a watched actor is lost where the way to its watcher is full',
    file: 'remote/session.ts',
    find: 'this.session.owed.send([frameMark, frameKind.down',
    replace: 'this.session.post([frameMark, frameKind.down',
  },
  {
    bug: 'a peer may keep as many asks open as it likes',
    file: 'remote/names.ts',
    find: "    if (session.servesAll) throw new MalformedValue('too many asks of this node are open');\n",
    replace: '',
  },
  {
    bug: 'a node may speak for the actors of another',
    file: 'remote/groups.ts',
    find: 'ref instanceof RemoteRef && ref.address.node === session.node',
    replace: 'ref instanceof RemoteRef',
  },
  {
    bug: 'a gap in the changes of a group is passed over',
    file: 'remote/groups.ts',
    find: 'if (version !== peer.version + 1) {',
    replace: 'if (version < 0) {',
  },
  {
    bug: 'members of a lost node stay in their groups',
    file: 'remote/groups.ts',
    find: '    this.peers.delete(node);\n',
    replace: '',
  },
  {
    bug: 'a restarted node gives out the uids of its former life',
    file: 'system.ts',
    find: "this.random.fork('uids').below(2 ** 21) * 2 ** 32",
    replace: '0',
  },
  {
    bug: 'what is told to a virtual actor that falls asleep is lost',
    file: 'entity/region.ts',
    find: 'for (const held of resident.held) this.route(held);',
    replace: '',
  },
  {
    bug: 'a virtual actor sleeps with a timer running',
    file: 'entity/resident.ts',
    find: ' &&\n      (cell.timers?.none ?? true)',
    replace: '',
  },
  {
    bug: 'a delivery from an old view is handled where it arrives',
    file: 'entity/region.ts',
    find: 'if (home === system.name) this.deliver(held);',
    replace: "if (home === system.name || delivery.type === 'forwarded') this.deliver(held);",
  },
];
