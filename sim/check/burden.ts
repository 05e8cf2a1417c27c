// Law: what a liar does costs honest members a bounded amount of their logs. What it did in a workflow is that workflow's; outside of
// workflows one piece of evidence of a kind against a culprit says it all, and a member that goes on lying is not written about without end.
import { decodeEvidence } from '../../consensus/index.ts';
import type { LaneEntry } from '../../protocols/lanes/index.ts';
import { decodeBody } from '../../protocols/wire/index.ts';
import type { Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface BurdenCheck {
  /** An entry that an honest author wrote; more than once is harmless. */
  wrote(entry: LaneEntry): void;
}

const auditLane = 'audit';
/** A part of a node that was started again has forgotten what it showed before; it happens now and then within one life. */
const restartsMax = 2;

export function createBurdenCheck({ swarm, book }: { readonly swarm: Swarm; readonly book: Book }): BurdenCheck {
  /** Places in the author's log, by author, kind and culprit. */
  const shown = new Map<string, Set<number>>();
  const authors = new Map(swarm.nodes.map((node) => [node.id, node]));
  return {
    wrote({ author, lane, sequence, body }) {
      const node = authors.get(author);
      if (lane !== auditLane || node === undefined) return;
      const said = decodeBody(body) as { readonly evidence?: unknown; readonly workflow?: unknown };
      if (!(said.evidence instanceof Uint8Array) || said.workflow !== undefined) return;
      const { kind, culprit } = decodeEvidence(said.evidence);
      const about = `${author}|${kind}|${culprit}`;
      const places = shown.get(about) ?? new Set();
      shown.set(about, places.add(sequence));
      if (places.size > node.lives + restartsMax)
        book.break(
          'bounded-evidence',
          `${node.name} wrote ${places.size} times in ${node.lives} lives that ${authors.get(culprit)?.name ?? culprit} is guilty of ${kind} outside of workflows`,
        );
    },
  };
}
