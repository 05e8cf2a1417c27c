// Law: on the mesh's own lanes an author's events are entries of its lane `events`: signed, hash-chained, on every member. A reader at the
// end of a lane is served from memory, and one that is behind from the disk, in the same order.
import type { Log, NodeId } from '../../actors/system/index.ts';
import { type LaneEntry, LaneRefused, type LaneStore } from '../lanes/index.ts';
import { MalformedBytes } from '../wire/index.ts';
import { batchHeader, decodeBatch, encodeBatch, partitionCount } from './batch.ts';
import { EventBusError } from './bus.ts';
import type { EventLog, SourceReader } from './log.ts';

const eventLane = 'events';
/** Every entry is signed by its author, and checked and written to disk by every member. */
const batchEveryMs = 20;
/** Latest entries of one author kept in memory. */
const recentMaxBytes = 2 << 20;

interface Recent {
  readonly entries: LaneEntry[];
  sizeBytes: number;
}

interface Reader {
  readonly topic: string;
  readonly partition: number;
  /** The next entry to look at. */
  at: number;
  /** Set while it waits at the end of the lane. */
  wake: (() => void) | undefined;
}

export function createLaneLog(options: {
  readonly store: Pick<LaneStore, 'append' | 'onEntry' | 'read' | 'head' | 'frontier'>;
  readonly self: NodeId;
  readonly trace: Log;
}): EventLog {
  const { store, self, trace } = options;
  const authors = new Set(
    store
      .frontier()
      .filter(({ lane }) => lane === eventLane)
      .map(({ author }) => author),
  );
  const recents = new Map<NodeId, Recent>();
  const readers = new Map<NodeId, Set<Reader>>();

  /** Undefined: no batch, and its author's fault. */
  const headerOf = (entry: LaneEntry): ReturnType<typeof batchHeader> | undefined => {
    try {
      return batchHeader(entry.body);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      return undefined;
    }
  };
  const stopListening = store.onEntry((entry) => {
    const { author, lane, sequence } = entry;
    if (lane !== eventLane) return;
    authors.add(author);
    const recent = recents.get(author) ?? { entries: [], sizeBytes: 0 };
    recents.set(author, recent);
    recent.entries.push(entry);
    recent.sizeBytes += entry.body.length;
    while (recent.sizeBytes > recentMaxBytes && recent.entries.length > 1)
      recent.sizeBytes -= recent.entries.shift()!.body.length;
    const header = headerOf(entry);
    for (const reader of readers.get(author) ?? []) {
      if (reader.wake === undefined) continue;
      if (header?.topic === reader.topic && header.partition === reader.partition) reader.wake();
      else if (reader.at === sequence) reader.at++;
    }
  });

  function open(topic: string, source: string, fromSequence: number): SourceReader {
    const [author = '', partitionText = ''] = source.split('/');
    const own: Reader = { topic, partition: Number(partitionText), at: fromSequence, wake: undefined };
    const siblings = readers.get(author) ?? new Set();
    readers.set(author, siblings.add(own));
    let scanning: AsyncIterator<LaneEntry> | undefined;
    let closed = false;

    const matching = (entry: LaneEntry): { sequence: number; batch: ReturnType<typeof decodeBatch> } | undefined => {
      own.at = entry.sequence + 1;
      const header = headerOf(entry);
      if (header?.topic !== topic || header.partition !== own.partition) return undefined;
      try {
        return { sequence: entry.sequence, batch: decodeBatch(entry.body) };
      } catch (error) {
        if (!(error instanceof MalformedBytes)) throw error;
        trace('warn', 'an entry of events was skipped', { author, sequence: entry.sequence, reason: error.message });
        return undefined;
      }
    };
    return {
      async next() {
        while (!closed) {
          const recent = recents.get(author)?.entries ?? [];
          const first = recent[0]?.sequence ?? Number.POSITIVE_INFINITY;
          if (scanning === undefined && own.at >= first) {
            for (const entry of recent.slice(own.at - first)) {
              const found = matching(entry);
              if (found !== undefined) return found;
            }
          } else if (scanning !== undefined || own.at <= (store.head({ author, lane: eventLane })?.sequence ?? 0)) {
            scanning ??= store.read(author, eventLane, own.at)[Symbol.asyncIterator]();
            const step = await scanning.next();
            if (step.done === true) scanning = undefined;
            else {
              const found = matching(step.value);
              if (found !== undefined) return found;
            }
            continue;
          }
          await new Promise<void>((resolve) => {
            own.wake = resolve;
          });
          own.wake = undefined;
        }
        return undefined;
      },
      close() {
        closed = true;
        siblings.delete(own);
        own.wake?.();
        void scanning?.return?.();
      },
    };
  }

  return {
    batchEveryMs,
    async append(batch) {
      try {
        const { sequence } = await store.append(eventLane, encodeBatch(batch));
        return { source: `${self}/${batch.partition}`, sequence };
      } catch (error) {
        if (error instanceof RangeError) throw new EventBusError('invalid', error.message);
        const message = error instanceof LaneRefused ? error.message : `the disk refused it: ${String(error)}`;
        throw new EventBusError('unavailable', message, { cause: error });
      }
    },
    sources: () =>
      [...authors].flatMap((author) => Array.from({ length: partitionCount }, (_, index) => `${author}/${index}`)),
    head: async (source) => store.head({ author: source.split('/')[0]!, lane: eventLane })?.sequence ?? 0,
    open,
    async close() {
      stopListening();
    },
  };
}
