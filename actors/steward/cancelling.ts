// Law: whoever sees a workflow on its way to being cancelled says so itself, and nobody else's word is needed twice. Liars that show their
// own cancelling to some and another log to the others would leave those with a cancelled workflow, and the rest without the hands to finish
// it; so a member joins on more words than may be lies, and it is over only on so many that every honest one must be joining. But not at
// once: who copies an opening and cancels it may be heard before the gateway that opened first.
import type { Parts } from '../parts/index.ts';
import { encodeWorkflowEntry, isCancelling, type WorkflowRecord, workflowLane } from '../workflow/index.ts';

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

  const mayJoin = (record: WorkflowRecord): boolean => {
    const { opened, ended, cancelledBy } = record;
    const config = chain.config(opened?.epoch ?? -1);
    if (cancelledBy.has(identity.id) || ended?.state === 'completed' || ended?.state === 'failed') return false;
    // Where nobody may lie one word is enough already.
    return (
      config !== undefined &&
      config.f > 0 &&
      config.members.some(({ id }) => id === identity.id) &&
      isCancelling(record, config)
    );
  };

  const join = (record: WorkflowRecord): void => {
    const { workflow, openedBy, cancelledBy, cancelSecret } = record;
    if (!mayJoin(record)) return void joined.delete(workflow);
    const entry = encodeWorkflowEntry({
      kind: 'cancelled',
      workflow,
      reason: [...openedBy, ...cancelledBy.keys()].flatMap((id) => cancelledBy.get(id) ?? [])[0] ?? '',
      ...(cancelSecret === undefined ? {} : { secret: cancelSecret }),
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
