// Law: a promise about a client's work is kept when it is made: whoever says that it holds a workflow has its opening and the payloads it was
// asked for on its disk, and whoever accepts one has opened it under its own name, or knows its end.
import { decodeWorkflowEntry, workflowLane } from '../../actors/workflow/index.ts';
import { decodeEntry } from '../../protocols/lanes/index.ts';
import { decodeBody, MalformedBytes } from '../../protocols/wire/index.ts';
import type { SimNode } from '../node.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

const holdRequest = 'workflow.hold';

interface Asked {
  readonly workflow: string;
  readonly blobs: readonly { readonly digest: string }[];
}

/** Whether its disk has an opening of the workflow, by `author` where that is given. */
function holdsOpening({ disk }: SimNode, workflow: string, author = ''): boolean {
  const openingRows = `e/${workflowLane}/${author}`;
  for (const [key, row] of disk.tables.get('lanes') ?? []) {
    // Reading a row takes long; most speak of something else.
    if (!key.startsWith(openingRows) || !Buffer.from(row.buffer, row.byteOffset, row.length).includes(workflow))
      continue;
    try {
      const said = decodeWorkflowEntry(decodeEntry(row).body);
      if (said.kind === 'opened' && said.workflow === workflow) return true;
    } catch (error) {
      // A liar may write anything into its own log.
      if (!(error instanceof MalformedBytes)) throw error;
    }
  }
  return false;
}

export function createHoldingCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): Watcher {
  const { swarm, book, isHonest } = options;
  const asked = new Map<string, Asked>();
  return {
    sent({ from, carried, type, body, question }) {
      if (question === undefined || !isHonest(from)) return;
      if (carried === 'request') {
        if (type === holdRequest) asked.set(question, decodeBody(body) as Asked);
        return;
      }
      const about = asked.get(question);
      if (about === undefined || carried !== 'reply') return;
      asked.delete(question);
      const node = swarm.nodes[from]!;
      const parts = node.process?.composed.parts;
      if ((decodeBody(body) as { readonly held?: unknown }).held !== true || parts === undefined) return;
      // What is over needs nobody to hold it.
      if (parts.board.archivedAt(about.workflow) !== undefined) return;
      const missing = about.blobs.filter(({ digest }) => !node.disk.blobs.has(digest)).length;
      if (!holdsOpening(node, about.workflow) || missing > 0)
        book.break(
          'holders-hold',
          `${node.name} says that it holds ${about.workflow.slice(0, 12)}, and ${missing > 0 ? `lacks ${missing} of its payloads` : 'its opening is not on its disk'}`,
        );
    },
    submitted({ node: index, workflow }) {
      const node = swarm.nodes[index]!;
      const parts = isHonest(index) ? node.process?.composed.parts : undefined;
      const record = parts?.board.get(workflow!);
      if (record === undefined || record.ended !== undefined || holdsOpening(node, workflow!, node.id)) return;
      // Who was let in since has no say in it.
      if (parts!.chain.member(node.id, record.opened?.epoch) === undefined) return;
      book.break('holders-hold', `${node.name} accepted ${workflow!.slice(0, 12)} and has not opened it`);
    },
  };
}
