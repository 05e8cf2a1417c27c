// Law: what this node signed is on the disk before anyone sees it. One log per epoch; a torn tail is cut, damage before it means that the
// node no longer knows what it signed, and then it must not vote.
import { encodeRecord, type LogHead, logStart, readLog } from '../../consensus/index.ts';
import type { AppendFile, Crypto, Storage } from '../system/index.ts';

export interface VoteLog {
  /** Payloads of the records found on opening, in order. */
  readonly records: readonly Uint8Array[];
  /** Why this node must not vote in this epoch, or undefined where it may. */
  readonly damage: string | undefined;
  /** The last record that is durable. */
  readonly head: LogHead;
  /** Durable when the promise resolves; calls must not overlap. */
  append(records: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** Logs that are being closed, by storage and name: who opens one again waits for the last write of its former life. */
const closing = new WeakMap<Storage, Map<string, Promise<void>>>();

export async function openVoteLog(storage: Storage, epoch: number, crypto: Pick<Crypto, 'sha256'>): Promise<VoteLog> {
  const name = `consensus-${epoch}.wal`;
  const ends = closing.get(storage) ?? new Map<string, Promise<void>>();
  closing.set(storage, ends);
  await ends.get(name);
  const file: AppendFile = await storage.appendFile(name);
  const reading = readLog(await file.readAll(), logStart, crypto);
  if (reading.verdict === 'torn-tail') await file.truncate(reading.validBytes);
  let { head } = reading;
  return {
    get head() {
      return head;
    },
    records: reading.records.map(({ payload }) => payload.slice()),
    damage:
      reading.verdict === 'damaged' ? `the log of votes of epoch ${epoch} is damaged: ${reading.problem}` : undefined,
    async append(records) {
      // Who does not vote has nothing to remember, and the file stays as it was found.
      if (reading.verdict === 'damaged') return;
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
