// Law: whoever takes a workflow as cancelled for good says so itself. A liar that shows its own cancelling to some and another log to the
// others would leave those who count it alone with a cancelled workflow, and the rest without the hands to finish it; with one word more it
// is cancelled for all. But not at once: who copies an opening and cancels it may be heard before the gateway that opened first.
import type { Parts } from '../parts/index.ts';
import { encodeWorkflowEntry, type WorkflowRecord, workflowLane } from '../workflow/index.ts';

/** Workflows watched or remembered at a time. */
const joinedMax = 1_000;
/** Several exchanges of logs: who else opened the workflow is known by then. */
const patienceMs = 3_000;

export interface CancellingJoiner {
  /** To be called with every record that changed. */
  changed(record: WorkflowRecord): void;
  close(): void;
}

export function createCancellingJoiner(parts: Parts): CancellingJoiner {
  const { chain, identity, lanes, world } = parts;
  const { clock, scheduler, log } = world;
  /** Each with what ends its waiting. */
  const joined = new Map<string, () => void>();

  const mayJoin = ({ opened, ended, cancelledBy }: WorkflowRecord): boolean => {
    const config = chain.config(opened?.epoch ?? -1);
    if (ended?.state !== 'cancelled' || cancelledBy.has(identity.id)) return false;
    // Where nobody may lie one word is enough already.
    return config !== undefined && config.f > 0 && config.members.some(({ id }) => id === identity.id);
  };

  const join = (record: WorkflowRecord): void => {
    const { workflow, ended } = record;
    if (!mayJoin(record)) return void joined.delete(workflow);
    const entry = encodeWorkflowEntry({
      kind: 'cancelled',
      workflow,
      reason: ended!.message,
      atMs: world.clock.wallMs(),
    });
    lanes.append(workflowLane, entry).catch((error: Error) => {
      joined.delete(workflow);
      log('warn', 'cancelling not joined', { workflow, error: error.message });
    });
  };

  return {
    changed(record) {
      if (joined.has(record.workflow) || !mayJoin(record)) return;
      if (joined.size >= joinedMax) {
        const [oldest, cancel] = joined.entries().next().value!;
        cancel();
        joined.delete(oldest);
      }
      joined.set(
        record.workflow,
        scheduler.at(clock.monotonicMs() + patienceMs, () => join(record)),
      );
    },
    close() {
      for (const cancel of joined.values()) cancel();
    },
  };
}
