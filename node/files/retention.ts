// Law: what only served a workflow that is over is dropped in time: its inputs and intermediate results. Its result, what its effects
// wrote and whatever a workflow under way may need are kept, and so are the tables of this site; certificates and the log hold no payloads.
import type { Parts } from '../../actors/parts/index.ts';
import { lastingOutputs, payloadsOf, type WorkflowRecord } from '../../actors/workflow/index.ts';
import { hex } from '../../protocols/wire/index.ts';

export interface RetentionLimits {
  readonly days?: number | undefined;
  readonly gigabytes?: number | undefined;
}

export interface StoredPayload {
  readonly digest: string;
  readonly sizeBytes: number;
  /** By the wall clock. */
  readonly storedAtMs: number;
}

export interface Retention {
  /** Drops what may go now. Never rejects. */
  sweep(): Promise<{ readonly dropped: number; readonly freedBytes: number }>;
}

const defaultDays = 30;
const dayMs = 86_400_000;
const recheckEvery = 100;
/** What came just now may be for a workflow that is about to be opened. */
const youngMs = 3_600_000;

export function createRetention(options: {
  readonly parts: Pick<Parts, 'board' | 'blobs' | 'manifests' | 'world'>;
  readonly list: () => AsyncIterable<StoredPayload>;
  readonly limits: RetentionLimits;
}): Retention {
  const { parts, list, limits } = options;
  const { board, blobs, manifests, world } = parts;
  const { log } = world;
  const maxAgeMs = (limits.days ?? defaultDays) * dayMs;
  const maxBytes = (limits.gigabytes ?? Number.POSITIVE_INFINITY) * 1e9;
  const hasEffect = (skill: string): boolean => manifests.find(({ name }) => name === skill)?.effects !== 'none';

  function neededBy(record: WorkflowRecord): readonly string[] {
    if (record.opened === undefined) return [];
    if (record.ended !== undefined) return lastingOutputs(record, hasEffect);
    const said = [...record.tasks.values()].flatMap(({ attempts }) =>
      [...attempts.values()].flatMap(({ candidates }) =>
        [...candidates.values()].map(({ candidate }) => hex.encode(candidate.resultDigest)),
      ),
    );
    return [...payloadsOf(record.opened.plan).map(({ digest }) => digest), ...said];
  }

  const needed = (): ReadonlySet<string> =>
    new Set([...board.all().flatMap(neededBy), ...board.archived().flatMap(({ outputs }) => outputs)]);

  return {
    async sweep() {
      let dropped = 0;
      let freedBytes = 0;
      try {
        // Whose result a payload is cannot be told any more: then all are kept.
        if (board.hasForgotten()) return { dropped, freedBytes };
        const nowMs = world.clock.wallMs();
        let kept = needed();
        const loose: StoredPayload[] = [];
        for await (const payload of list())
          if (!kept.has(payload.digest) && !blobs.isPrivate(payload.digest) && nowMs - payload.storedAtMs > youngMs)
            loose.push(payload);
        loose.sort((a, b) => a.storedAtMs - b.storedAtMs);
        let looseBytes = loose.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        for (const { digest, sizeBytes, storedAtMs } of loose) {
          if (nowMs - storedAtMs <= maxAgeMs && looseBytes <= maxBytes) break;
          // A workflow opened meanwhile may read it; one that ended meanwhile may have it for a result.
          if (dropped % recheckEvery === 0) kept = needed();
          if (kept.has(digest) || board.unfinished().some((record) => neededBy(record).includes(digest))) continue;
          await world.storage.blobs.delete(digest);
          dropped++;
          freedBytes += sizeBytes;
          looseBytes -= sizeBytes;
        }
        if (dropped > 0) log('info', 'payloads of workflows that are over dropped', { dropped, freedBytes });
      } catch (error) {
        log('warn', 'payloads could not be swept', { error: String(error) });
      }
      return { dropped, freedBytes };
    },
  };
}
