// Law: a payload goes through a bridge piece by piece, each asked for: what a reader does not ask for is neither read nor sent. A payload
// that breaks off, or that nobody asks for any more, is let go.
import { type Clock, NetworkError, type NodeId, type Scheduler } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter } from '../wire/index.ts';
import { maxResourceBytes, pullStallMs } from './limits.ts';
import type { ProvideHandler } from './listeners.ts';

const pieceMaxBytes = 256 << 10;
const pullsMaxPerPeer = 32;
const pullsMax = 1_024;

interface Providing {
  readonly source: AsyncIterator<Uint8Array>;
  /** Of a chunk that was larger than a piece. */
  rest: Uint8Array;
  cancelExpiry: () => void;
}

export interface RelayedPulls {
  /** The answer to one asking: its first byte is 1 where the payload ends with it. Throws NetworkError or MalformedBytes. */
  piece(from: NodeId, asking: Uint8Array): Promise<Uint8Array>;
  pull(
    resource: string,
    offsetBytes: number,
    ask: (asking: Uint8Array) => Promise<Uint8Array>,
    letGo: (asking: Uint8Array) => void,
  ): AsyncGenerator<Uint8Array>;
}

const askOp = { open: 0, next: 1, stop: 2 } as const;

export function createRelayedPulls(options: {
  readonly provideHandler: () => ProvideHandler | undefined;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}): RelayedPulls {
  const { clock, scheduler } = options;
  const providing = new Map<string, Providing>();
  let lastId = 0;

  const end = (key: string): void => {
    const own = providing.get(key);
    providing.delete(key);
    own?.cancelExpiry();
    // Not awaited: a source that hangs must not hold anything.
    void own?.source.return?.()?.then(undefined, () => {});
  };
  const touch = (key: string, own: Providing): void => {
    own.cancelExpiry();
    own.cancelExpiry = scheduler.at(clock.monotonicMs() + pullStallMs, () => end(key));
  };

  return {
    async piece(from, asking) {
      const reader = new ByteReader(asking);
      const op = reader.u8();
      const key = `${from}/${reader.u32()}`;
      if (op === askOp.stop) {
        end(key);
        return Uint8Array.of(1);
      }
      if (op === askOp.open) {
        const offsetBytes = reader.u64();
        const resource = reader.text(maxResourceBytes);
        reader.end();
        const ofPeer = [...providing.keys()].filter((one) => one.startsWith(`${from}/`)).length;
        if (ofPeer >= pullsMaxPerPeer || providing.size >= pullsMax)
          throw new NetworkError('refused', `${ofPeer} pulls of this peer are under way already`);
        const source = options.provideHandler()?.(from, resource, offsetBytes)?.[Symbol.asyncIterator]();
        if (source === undefined) throw new NetworkError('refused', `${resource.slice(0, 100)} is not here`);
        providing.set(key, { source, rest: new Uint8Array(0), cancelExpiry: () => {} });
      }
      const own = providing.get(key);
      if (own === undefined) throw new NetworkError('refused', 'this pull has ended');
      touch(key, own);
      try {
        while (own.rest.length === 0) {
          const step = await own.source.next();
          if (step.done === true) {
            end(key);
            return Uint8Array.of(1);
          }
          own.rest = step.value.slice();
        }
      } catch (error) {
        end(key);
        throw error;
      }
      touch(key, own);
      const piece = own.rest.subarray(0, pieceMaxBytes);
      own.rest = own.rest.subarray(piece.length);
      const reply = new Uint8Array(1 + piece.length);
      reply.set(piece, 1);
      return reply;
    },
    async *pull(resource, offsetBytes, ask, letGo) {
      lastId = (lastId + 1) >>> 0;
      const id = lastId;
      const asking = (op: number): ByteWriter => new ByteWriter().u8(op).u32(id);
      let isWhole = false;
      try {
        let piece = await ask(asking(askOp.open).u64(offsetBytes).text(resource).finish());
        for (;;) {
          isWhole = piece[0] === 1;
          if (piece.length > 1) yield piece.subarray(1);
          if (isWhole) return;
          piece = await ask(asking(askOp.next).finish());
        }
      } finally {
        if (!isWhole) letGo(asking(askOp.stop).finish());
      }
    },
  };
}
