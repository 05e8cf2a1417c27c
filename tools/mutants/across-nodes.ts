// Law: bugs of what crosses nodes: messages and asks of others, groups, virtual actors and their homes.
import type { Mutant } from './mutant.ts';

export const acrossNodesMutants: readonly Mutant[] = [
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
