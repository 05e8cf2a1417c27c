// Law: a large payload shares its pair's stream without holding up the frames on it: the provider sends only what the reader has given
// credit for, and only while little waits to be sent. A pull ends by its end mark; one that breaks off is never taken for complete.
import { NetworkError, type NodeId } from '../../actors/system/index.ts';
import {
  maxResourceBytes,
  type ProvideHandler,
  pullStallMs,
  readU32,
  refusalOf,
  refusalText,
  u32,
  writeU32,
} from '../network/index.ts';
import { ByteReader, ByteWriter, MalformedBytes, utf8 } from '../wire/index.ts';

const pullOp = { open: 0, data: 1, credit: 2, done: 3, failed: 4, stop: 5 } as const;
/** What the reader holds at most, and so what is under way. */
const creditBytes = 256 << 10;
const chunkBytes = 64 << 10;
/** Above this, frames wait to be sent already: payload would make them wait longer. */
const queuedMaxBytes = 256 << 10;
const maxPullsPerPeer = 32;
const headerBytes = 5;

export interface PullsHost {
  put(payload: Uint8Array): boolean;
  queuedBytes(): number;
  provideHandler(): ProvideHandler | undefined;
}

export interface Pulls {
  pull(resource: string, offsetBytes: number): AsyncGenerator<Uint8Array>;
  /** Throws MalformedBytes where the peer breaks the protocol. */
  onFrame(payload: Uint8Array): void;
  onDrain(): void;
  fail(error: NetworkError): void;
}

interface Reading {
  readonly chunks: Uint8Array[];
  bufferedBytes: number;
  outcome: 'done' | NetworkError | undefined;
  wake: () => void;
}

interface Providing {
  creditBytes: number;
  stopped: boolean;
  wake: () => void;
}

function message(op: number, id: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + rest.length);
  bytes[0] = op;
  writeU32(bytes, 1, id);
  bytes.set(rest, headerBytes);
  return bytes;
}

export function createPulls(peer: NodeId, host: PullsHost): Pulls {
  const readings = new Map<number, Reading>();
  const providings = new Map<number, Providing>();
  let lastId = 0;
  let ended: NetworkError | undefined;

  /** Waits for room, so that an end mark is never what is dropped. */
  const putSurely = async (of: Providing, payload: Uint8Array): Promise<void> => {
    while (!of.stopped && !host.put(payload)) await wakeOf(of);
  };
  const wakeOf = (of: { wake: () => void }): Promise<void> =>
    new Promise((resolve) => {
      of.wake = resolve;
    });

  async function provide(id: number, resource: string, offsetBytes: number): Promise<void> {
    const own: Providing = { creditBytes, stopped: false, wake: () => {} };
    const answer = (op: number, rest: Uint8Array): Promise<void> => putSurely(own, message(op, id, rest));
    const isFull = providings.size >= maxPullsPerPeer;
    if (!isFull) providings.set(id, own);
    let source: AsyncIterator<Uint8Array> | undefined;
    try {
      if (isFull) throw new NetworkError('refused', `${maxPullsPerPeer} pulls of this peer are under way already`);
      source = host.provideHandler()?.(peer, resource, offsetBytes)?.[Symbol.asyncIterator]();
      if (source === undefined) throw new NetworkError('refused', `${resource.slice(0, 100)} is not here`);
      while (!own.stopped) {
        const stopped = new Promise<'stopped'>((resolve) => {
          own.wake = () => void (own.stopped && resolve('stopped'));
        });
        const next = await Promise.race([source.next(), stopped]);
        if (next === 'stopped') return;
        if (next.done === true) break;
        for (let at = 0; at < next.value.length && !own.stopped; ) {
          if (own.creditBytes === 0 || host.queuedBytes() > queuedMaxBytes) {
            await wakeOf(own);
            continue;
          }
          const chunk = next.value.subarray(at, at + Math.min(chunkBytes, own.creditBytes));
          if (!host.put(message(pullOp.data, id, chunk))) {
            await wakeOf(own);
            continue;
          }
          at += chunk.length;
          own.creditBytes -= chunk.length;
        }
      }
      await answer(pullOp.done, new Uint8Array(0));
    } catch (error) {
      await answer(pullOp.failed, utf8.encode(refusalText(error)));
    } finally {
      if (providings.get(id) === own) providings.delete(id);
      // Not awaited: a source that hangs must not hold anything.
      void source?.return?.()?.then(undefined, () => {});
    }
  }

  return {
    async *pull(resource, offsetBytes) {
      if (ended !== undefined) throw ended;
      if (readings.size >= maxPullsPerPeer)
        throw new NetworkError('refused', `${maxPullsPerPeer} pulls from ${peer} are under way already`);
      lastId = (lastId + 1) >>> 0;
      const id = lastId;
      const own: Reading = { chunks: [], bufferedBytes: 0, outcome: undefined, wake: () => {} };
      readings.set(id, own);
      try {
        const request = new ByteWriter().u64(offsetBytes).text(resource).finish();
        if (!host.put(message(pullOp.open, id, request)))
          throw new NetworkError('unreachable', `the buffer to ${peer} is full`);
        let owedBytes = 0;
        for (;;) {
          const chunk = own.chunks.shift();
          if (chunk !== undefined) {
            own.bufferedBytes -= chunk.length;
            yield chunk;
            owedBytes += chunk.length;
            if (owedBytes >= creditBytes / 4 && host.put(message(pullOp.credit, id, u32(owedBytes)))) owedBytes = 0;
          } else if (own.outcome !== undefined) {
            if (own.outcome === 'done') return;
            throw own.outcome;
          } else {
            // Nothing is under way: whatever credit is still owed must go out now, or both ends would wait.
            if (owedBytes > 0 && host.put(message(pullOp.credit, id, u32(owedBytes)))) owedBytes = 0;
            let timer: NodeJS.Timeout | undefined;
            const isStalled = await Promise.race([
              wakeOf(own).then(() => false),
              new Promise<boolean>((resolve) => {
                timer = setTimeout(() => resolve(true), pullStallMs);
              }),
            ]);
            clearTimeout(timer);
            if (isStalled) throw new NetworkError('timeout', `${peer} sent nothing for ${pullStallMs} ms`);
          }
        }
      } finally {
        readings.delete(id);
        if (own.outcome === undefined) host.put(message(pullOp.stop, id, new Uint8Array(0)));
      }
    },
    onFrame(payload) {
      if (payload.length < headerBytes) throw new MalformedBytes('a pull frame is shorter than its header');
      const id = readU32(payload, 1);
      const rest = payload.subarray(headerBytes);
      const op = payload[0]!;
      if (op === pullOp.open) {
        if (providings.has(id)) throw new MalformedBytes('a pull number is used twice');
        const reader = new ByteReader(rest);
        const offsetBytes = reader.u64();
        const resource = reader.text(maxResourceBytes);
        reader.end();
        void provide(id, resource, offsetBytes);
        return;
      }
      const providing = providings.get(id);
      if (op === pullOp.credit || op === pullOp.stop) {
        // The pull may have ended meanwhile.
        if (providing === undefined) return;
        if (op === pullOp.stop) providing.stopped = true;
        else if (rest.length !== 4) throw new MalformedBytes('a credit is four bytes');
        else providing.creditBytes = Math.min(creditBytes, providing.creditBytes + readU32(rest, 0));
        providing.wake();
        return;
      }
      const reading = readings.get(id);
      if (reading === undefined || reading.outcome !== undefined) return;
      if (op === pullOp.data) {
        reading.chunks.push(rest);
        reading.bufferedBytes += rest.length;
        // An allowance for credit that was granted while a chunk was under way.
        if (reading.bufferedBytes > 2 * creditBytes)
          throw new MalformedBytes('a pull sends more than it has credit for');
      } else if (op === pullOp.done) reading.outcome = 'done';
      else if (op === pullOp.failed) reading.outcome = refusalOf(rest);
      reading.wake();
    },
    onDrain() {
      for (const providing of providings.values()) providing.wake();
    },
    fail(error) {
      ended = error;
      for (const reading of readings.values()) {
        reading.outcome ??= error;
        reading.wake();
      }
      for (const providing of providings.values()) {
        providing.stopped = true;
        providing.wake();
      }
    },
  };
}
