// Law: the audit log of an epoch only grows, whoever held so many entries of it held the same ones, and what it says was decided was: at
// every node, at every moment, in every life. Looked at whenever a node learns of a decision or dies.
import { decodeAuditEntry } from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { SimNode } from '../node.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface AuditCheck extends Watcher {
  finish(): void;
}

/** Every decision on any board, the liars' own included: a board takes none without its certificate. */
function decisionsOf({ nodes }: Swarm): Set<string> {
  const found = new Set<string>();
  for (const { process } of nodes)
    for (const { tasks } of process?.composed.parts.board.all() ?? [])
      for (const { attempts } of tasks.values())
        for (const { certified } of attempts.values())
          if (certified !== undefined)
            found.add(`${hex.encode(certified.certificate.subject.key)} ${certified.certificate.value}`);
  return found;
}

export function createAuditCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): AuditCheck {
  const { swarm, book, isHonest } = options;
  const roots = new Map<string, { readonly root: string; readonly by: string }>();
  /** Size at the last look, by node, life and epoch. */
  const sizes = new Map<string, number>();

  const look = ({ index, name, lives, process }: SimNode): void => {
    if (!isHonest(index) || process === undefined) return;
    const { audit, parts } = process.composed;
    const { epoch } = parts.chain.current;
    const log = audit.log(epoch);
    const life = `${index}|${lives}|${epoch}`;
    const before = sizes.get(life) ?? 0;
    if (log.size === before) return;
    sizes.set(life, log.size);
    if (log.size < before)
      book.break('audit-grows', `the audit log of ${name} had ${before} entries of epoch ${epoch} and has ${log.size}`);
    const place = `${epoch}|${log.size}`;
    const root = hex.encode(log.root());
    const known = roots.get(place);
    if (known === undefined) roots.set(place, { root, by: name });
    else if (known.root !== root)
      book.break(
        'audit-prefix',
        `${log.size} entries of epoch ${epoch} have root ${root.slice(0, 12)} at ${name} and ${known.root.slice(0, 12)} at ${known.by}`,
      );
  };
  return {
    board: (node, { entry }) => void (entry.kind === 'decided' && look(node)),
    ending: (node) => look(node),
    finish() {
      for (const node of swarm.nodes) look(node);
      const happened = decisionsOf(swarm);
      for (const { index, name, process } of swarm.nodes) {
        if (!isHonest(index) || process === undefined) continue;
        const { audit, parts } = process.composed;
        for (const { config } of parts.chain.links) {
          const log = audit.log(config.epoch);
          for (let i = 0; i < log.size; i++) {
            const { kind, key, digest } = decodeAuditEntry(log.leaf(i)!);
            if (kind === 'verdict' && !happened.has(`${hex.encode(key)} ${digest}`))
              book.break(
                'audit-true',
                `entry ${i} of epoch ${config.epoch} at ${name} is a decision that nobody holds`,
              );
          }
        }
      }
    },
  };
}
