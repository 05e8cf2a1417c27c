// Law: what a completed workflow asked for is done at each node that saw its end, even if later than the end: a node that is cut off from whoever
// holds the certified bytes tries again until it has them. After a restart, whoever asks for the result has it done.
import type { Parts } from '../../actors/parts/index.ts';
import { NetworkError } from '../../actors/system/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';

const retryFirstMs = 1_000;
const retryMostMs = 60_000;
/** Workflows that are tried again; beyond that the next one to ask for a result has its effect carried out. */
const waitingMax = 1_000;

/** `carryOut` may be called again for what it did already. Returns what ends it. */
export function keepEffects(
  { board, world }: { readonly board: Pick<Parts['board'], 'onChange'> } & Pick<Parts, 'world'>,
  carryOut: (record: WorkflowRecord) => Promise<void>,
): () => void {
  const { clock, scheduler, log } = world;
  const waiting = new Map<string, { readonly failures: number; readonly cancel: () => void }>();
  let isStopped = false;

  const attempt = (record: WorkflowRecord): void =>
    void carryOut(record).then(
      () => {
        waiting.get(record.workflow)?.cancel();
        waiting.delete(record.workflow);
      },
      (error: unknown) => isStopped || later(record, error),
    );

  const later = (record: WorkflowRecord, error: unknown): void => {
    const { workflow } = record;
    const before = waiting.get(workflow);
    if (before === undefined && waiting.size >= waitingMax) {
      log('error', 'effect not carried out: too many wait; ask for the result to have it done', {
        workflow,
        error: String(error),
      });
      return;
    }
    before?.cancel();
    const failures = (before?.failures ?? 0) + 1;
    const delayMs = Math.min(retryMostMs, retryFirstMs * 2 ** (failures - 1));
    // Nobody to be reached is no fault of this node's.
    log(error instanceof NetworkError ? 'warn' : 'error', 'effect not carried out yet; it is tried again', {
      workflow,
      delayMs,
      error: String(error),
    });
    waiting.set(workflow, { failures, cancel: scheduler.at(clock.monotonicMs() + delayMs, () => attempt(record)) });
  };

  const stopWatching = board.onChange(({ record }) => {
    if (record.ended?.state === 'completed') attempt(record);
  });
  return () => {
    isStopped = true;
    stopWatching();
    for (const { cancel } of waiting.values()) cancel();
    waiting.clear();
  };
}
