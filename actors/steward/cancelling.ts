// Law: whoever takes a workflow as cancelled says so itself. A liar that shows its own cancelling to some and another log to the others would
// leave those who count it alone with a cancelled workflow, and the rest without the hands to finish it; with one word more it is cancelled
// for all.
import type { Parts } from '../parts/index.ts';
import { encodeWorkflowEntry, type WorkflowRecord, workflowLane } from '../workflow/index.ts';

/** Workflows remembered, which only spares a second entry while the first is on its way. */
const joinedMax = 1_000;

/** To be called with every record that changed. */
export function createCancellingJoiner(parts: Parts): (record: WorkflowRecord) => void {
  const { chain, identity, lanes, world } = parts;
  const joined = new Set<string>();
  return ({ workflow, cancelledBy, ended, opened }) => {
    const config = chain.config(opened?.epoch ?? -1);
    if (ended?.state !== 'cancelled' || cancelledBy.has(identity.id) || joined.has(workflow)) return;
    // Where nobody may lie one word is enough already.
    if (config === undefined || config.f === 0 || !config.members.some(({ id }) => id === identity.id)) return;
    if (joined.size >= joinedMax) joined.clear();
    joined.add(workflow);
    const entry = encodeWorkflowEntry({
      kind: 'cancelled',
      workflow,
      reason: ended.message,
      atMs: world.clock.wallMs(),
    });
    lanes.append(workflowLane, entry).catch((error: Error) => {
      joined.delete(workflow);
      world.log('warn', 'cancelling not joined', { workflow, error: error.message });
    });
  };
}
