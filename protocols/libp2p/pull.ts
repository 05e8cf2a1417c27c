// Law: a large payload travels on a stream of its own, as records with a length each and an explicit end, so that a stream that breaks is
// never taken for a payload that is complete. The reader's pace is the sender's: neither end holds more than a few hundred kilobytes.
import type { Connection, Stream } from '@libp2p/interface';
import { NetworkError, type NodeId } from '../../actors/system/index.ts';
import {
  maxResourceBytes,
  type ProvideHandler,
  pullStallMs,
  readU32,
  refusalText,
  u32,
  writeU32,
} from '../network/index.ts';
import { ByteReader, ByteWriter, utf8 } from '../wire/index.ts';

export const pullProtocol = '/parley/pull/1';
/** Pulls that one peer may have under way here; the connection refuses more. */
export const maxPullsPerPeer = 32;

const recordBytes = 64 << 10;
/** In place of a record's length: the payload is complete. */
const done = 0;
/** In place of a record's length: refused or broken off; a text record says why. */
const failed = 0xffffffff;
const readAheadBytes = 256 << 10;
const maxRequestBytes = maxResourceBytes + 64;

/** Reads exact sizes off a stream and pauses it while the reader is behind. */
function createReader(stream: Stream, signal?: AbortSignal) {
  const chunks: Uint8Array[] = [];
  let bufferedBytes = 0;
  let ended: Error | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const end =
    (why: string) =>
    (event: Event): void => {
      ended ??= (event as { error?: Error }).error ?? new Error(why);
      notify();
    };
  stream.addEventListener('message', (event) => {
    const { data } = event;
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      chunks.push(chunk);
      bufferedBytes += chunk.length;
    }
    // Not at once: `resume()` hands over what it buffered and then reopens the window, whatever its listeners did meanwhile
    // (@libp2p/yamux 8.0.3). A stream paused inside that call would go on receiving until its read buffer overflows.
    queueMicrotask(() => {
      if (bufferedBytes > readAheadBytes && stream.readStatus === 'readable') stream.pause();
    });
    notify();
  });
  stream.addEventListener('close', end('the stream closed'));
  stream.addEventListener('remoteCloseWrite', end('the stream ended'));
  signal?.addEventListener('abort', () => {
    ended ??= signal.reason as Error;
    notify();
  });

  return {
    async read(size: number): Promise<Uint8Array> {
      while (bufferedBytes < size) {
        // What a paused stream still holds comes before its end: the sender may have closed long ago.
        if (stream.readStatus === 'paused') stream.resume();
        if (bufferedBytes >= size) break;
        if (ended !== undefined) throw ended;
        let timer: NodeJS.Timeout | undefined;
        const stalled = await new Promise<boolean>((resolve) => {
          wake = () => resolve(false);
          timer = setTimeout(() => resolve(true), pullStallMs);
        });
        clearTimeout(timer);
        if (stalled) throw new NetworkError('timeout', `nothing came for ${pullStallMs} ms`);
      }
      const out = new Uint8Array(size);
      for (let at = 0; at < size; ) {
        const first = chunks[0]!;
        const taken = first.subarray(0, size - at);
        out.set(taken, at);
        at += taken.length;
        if (taken.length === first.length) chunks.shift();
        else chunks[0] = first.subarray(taken.length);
      }
      bufferedBytes -= size;
      return out;
    },
  };
}

/** The stream's own `onDrain()` resolves at once from its second use on (@libp2p/utils 7.4.1 keeps the resolved promise). */
async function drained(stream: Stream): Promise<void> {
  while (stream.writableNeedsDrain) {
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        stream.removeEventListener('drain', onDrain);
        stream.removeEventListener('close', onClose);
        settle();
      };
      const onDrain = (): void => finish(resolve);
      const onClose = (): void => finish(() => reject(new NetworkError('unreachable', 'the stream closed')));
      const timer = setTimeout(
        () => finish(() => reject(new NetworkError('timeout', `nothing was taken for ${pullStallMs} ms`))),
        pullStallMs,
      );
      stream.addEventListener('drain', onDrain);
      stream.addEventListener('close', onClose);
      if (stream.status !== 'open') onClose();
    });
  }
}

/** `closing` aborts with the error that the puller is to see. */
export async function* pullFrom(
  connection: Connection,
  peer: NodeId,
  resource: string,
  offsetBytes: number,
  closing: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const request = new ByteWriter().text(resource).u64(offsetBytes).finish();
  const lost = (error: unknown): NetworkError => {
    if (closing.aborted) return closing.reason as NetworkError;
    return error instanceof NetworkError
      ? error
      : new NetworkError('unreachable', `the pull of ${resource} from ${peer} broke off`, { cause: error });
  };
  let stream: Stream;
  try {
    stream = await connection.newStream(pullProtocol, {
      signal: AbortSignal.any([closing, AbortSignal.timeout(pullStallMs)]),
      maxOutboundStreams: maxPullsPerPeer,
    });
  } catch (error) {
    throw lost(error);
  }
  try {
    const reader = createReader(stream, closing);
    const framed = new Uint8Array(4 + request.length);
    writeU32(framed, 0, request.length);
    framed.set(request, 4);
    stream.send(framed);
    for (;;) {
      const size = readU32(await reader.read(4), 0);
      if (size === done) break;
      if (size === failed)
        throw new NetworkError(
          'refused',
          utf8.decode(await reader.read(Math.min(1_000, readU32(await reader.read(4), 0)))),
        );
      if (size > recordBytes)
        throw new NetworkError('refused', `${peer} sent a record of ${size} bytes, over the limit of ${recordBytes}`);
      yield await reader.read(size);
    }
  } catch (error) {
    throw lost(error);
  } finally {
    // Either everything was read, or nobody will read the rest.
    stream.abort(new Error('the pull has ended'));
  }
}

/** Answers one pull. Never throws: the stream tells the puller. */
export async function providePull(stream: Stream, peer: NodeId, provide: ProvideHandler | undefined): Promise<void> {
  let source: AsyncIterator<Uint8Array> | undefined;
  const send = async (...pieces: readonly Uint8Array[]): Promise<void> => {
    for (const piece of pieces) {
      if (!stream.send(piece)) await drained(stream);
    }
  };
  const gone = new Promise<'gone'>((resolve) => stream.addEventListener('close', () => resolve('gone')));
  try {
    const reader = createReader(stream);
    const size = readU32(await reader.read(4), 0);
    if (size > maxRequestBytes) throw new NetworkError('too_large', `a request of ${size} bytes`);
    const request = new ByteReader(await reader.read(size));
    const resource = request.text(maxResourceBytes);
    const offsetBytes = request.u64();
    request.end();
    source = provide?.(peer, resource, offsetBytes)?.[Symbol.asyncIterator]();
    if (source === undefined) throw new NetworkError('refused', `${resource.slice(0, 100)} is not here`);
    for (;;) {
      const next = await Promise.race([source.next(), gone]);
      if (next === 'gone') return;
      if (next.done === true) break;
      for (let at = 0; at < next.value.length; at += recordBytes) {
        const record = next.value.subarray(at, at + recordBytes);
        await send(u32(record.length), record);
      }
    }
    await send(u32(done));
    await Promise.race([gone, stream.close()]);
  } catch (error) {
    if (stream.writeStatus !== 'writable') return;
    const why = utf8.encode(refusalText(error));
    try {
      await send(u32(failed), u32(why.length), why);
      await stream.close();
    } catch (closeError) {
      stream.abort(closeError as Error);
    }
  } finally {
    // Not awaited: a source that hangs must not hold the stream.
    void source?.return?.()?.then(undefined, () => {});
  }
}
