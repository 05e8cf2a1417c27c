// Law: the record of a workflow that is over is read from the lanes when somebody asks for it, by the places of its entries; one reading
// serves all who ask meanwhile.
import type { LaneStore } from '../../protocols/lanes/index.ts';
import type { Log, NodeId } from '../system/index.ts';
import { type Board, type WorkflowRecord, workflowLane } from '../workflow/index.ts';

export interface Recaller {
  /** Undefined where the board knows no such workflow, or its entries cannot be read. Never rejects. */
  recall(workflow: string): Promise<WorkflowRecord | undefined>;
}

export function createRecaller(options: {
  readonly board: Board;
  readonly store: Pick<LaneStore, 'read'>;
  readonly log: Log;
}): Recaller {
  const { board, store, log } = options;
  const reading = new Map<string, Promise<WorkflowRecord | undefined>>();

  async function read(workflow: string): Promise<WorkflowRecord | undefined> {
    const entries: { author: NodeId; body: Uint8Array }[] = [];
    try {
      for (const { author, sequence } of board.placesOf(workflow))
        for await (const entry of store.read(author, workflowLane, sequence)) {
          entries.push({ author, body: entry.body });
          break;
        }
    } catch (error) {
      log('error', 'the entries of a workflow cannot be read', { workflow, error: String(error) });
      return undefined;
    }
    const record = board.restore(workflow, entries);
    if (record === undefined) log('error', 'the entries of a workflow do not make its record any more', { workflow });
    return record;
  }

  return {
    recall(workflow) {
      const record = board.get(workflow);
      if (record !== undefined) return Promise.resolve(record);
      if (board.archivedAt(workflow) === undefined) return Promise.resolve(undefined);
      let running = reading.get(workflow);
      if (running === undefined) {
        running = read(workflow).finally(() => reading.delete(workflow));
        reading.set(workflow, running);
      }
      return running;
    },
  };
}
