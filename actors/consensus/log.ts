// Law: what this node signed is on the disk before anyone sees it. One log per epoch; a torn tail is cut, damage before it means that the
// node no longer knows what it signed, and then it must not vote. It is rewritten shorter when it has grown, whole or not at all.
import { encodeRecord, type LogHead, logStart, readLog, rewriteLog } from '../../consensus/index.ts';
import type { AppendFile, Crypto, Storage } from '../system/index.ts';

export interface VoteLog {
  /** Payloads of the records found on opening, in order; they are given away, so that nobody holds them afterwards. */
  takeRecords(): readonly Uint8Array[];
  /** Why this node must not vote in this epoch, or undefined where it may. */
  readonly damage: string | undefined;
  /** The last record that is durable. */
  readonly head: LogHead;
  /** Durable when the promise resolves; calls must not overlap. */
  append(records: readonly Uint8Array[]): Promise<void>;
  /** Whether it is so much longer than it was when it was last rewritten that rewriting it is due. */
  readonly isLong: boolean;
  /**
   * Puts `records`, which say all that is to be remembered, in the place of what there is. Where it fails before the old log was touched,
   * that goes on. Not while an append is under way.
   */
  rewrite(records: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** Rewriting costs as much as is kept: it is due when the log is this many times longer than that, and no shorter than this. */
const longFactor = 4;
const longBytes = 64 * 1024 * 1024;

/** Logs that are being closed, by storage and name: who opens one again waits for the last write of its former life. */
const closing = new WeakMap<Storage, Map<string, Promise<void>>>();

/** `options.longBytes`: what is shorter is never long. */
export async function openVoteLog(
  storage: Storage,
  epoch: number,
  crypto: Pick<Crypto, 'sha256'>,
  options: { readonly longBytes?: number } = {},
): Promise<VoteLog> {
  const name = `consensus-${epoch}.wal`;
  const ends = closing.get(storage) ?? new Map<string, Promise<void>>();
  closing.set(storage, ends);
  await ends.get(name);
  const file: AppendFile = await storage.appendFile(name);
  const reading = readLog(await file.readAll(), logStart, crypto);
  if (reading.verdict === 'torn-tail') await file.truncate(reading.validBytes);
  let { head } = reading;
  let records = reading.records.map(({ payload }) => payload.slice());
  const { verdict, problem } = reading;
  let dueBytes = options.longBytes ?? longBytes;
  return {
    get head() {
      return head;
    },
    takeRecords() {
      const taken = records;
      records = [];
      return taken;
    },
    damage: verdict === 'damaged' ? `the log of votes of epoch ${epoch} is damaged: ${problem}` : undefined,
    async append(records) {
      // Who does not vote has nothing to remember, and the file stays as it was found.
      if (verdict === 'damaged') return;
      const chunks: Uint8Array[] = [];
      let last = head;
      for (const payload of records) {
        const record = encodeRecord(payload, last, crypto);
        last = record.head;
        chunks.push(record.bytes);
      }
      const [first] = chunks;
      if (first !== undefined) await file.append(chunks.length === 1 ? first : Buffer.concat(chunks));
      await file.sync();
      head = last;
    },
    get isLong() {
      return verdict !== 'damaged' && file.sizeBytes > dueBytes;
    },
    async rewrite(kept) {
      if (verdict === 'damaged') return;
      const next = rewriteLog(kept, head, crypto);
      const nextBytes = next.parts.reduce((sum, { length }) => sum + length, 0);
      // Not again at once, however it ends.
      dueBytes = Math.max(options.longBytes ?? longBytes, longFactor * Math.max(nextBytes, file.sizeBytes));
      await file.replace(next.parts);
      head = next.head;
      dueBytes = Math.max(options.longBytes ?? longBytes, longFactor * nextBytes);
    },
    close() {
      const end = file.close().finally(() => ends.delete(name));
      ends.set(
        name,
        end.catch(() => {}),
      );
      return end;
    },
  };
}
