// Law: a message costs one write there and nothing back. libp2p hands the socket each part of a message by itself (its length, its header, its
// body, its tag), and yamux answers every message with more room; both are put right on the objects themselves, as there is no setting.
// Where those objects have another shape, in another version, nothing is touched: that costs time, and no message.
import type { ConnectionEncrypter, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

interface Parts extends Iterable<Uint8Array> {
  readonly byteLength: number;
  /** All of them in one array. */
  subarray(): Uint8Array;
}

/** A connection over a socket, as @libp2p/tcp makes it. */
interface SocketConnection {
  readonly socket: { write(bytes: Uint8Array): boolean; cork(): void; uncork(): void };
  sendData(parts: Parts): { sentBytes: number; canSendMore: boolean };
}

/** What is small is copied into one array, what is larger goes to the kernel as the parts it is in. */
const copiedBytes = 8 * 1024;

function isSocketConnection(connection: object): connection is SocketConnection {
  const { socket, sendData } = connection as Partial<SocketConnection>;
  return typeof socket?.write === 'function' && typeof sendData === 'function';
}

/** Has everything that leaves at one time leave as one write. */
function writeWhole(connection: MessageStream): MessageStream {
  if (isSocketConnection(connection))
    connection.sendData = (parts) => {
      const { byteLength } = parts;
      const { socket } = connection;
      if (byteLength <= copiedBytes) return { sentBytes: byteLength, canSendMore: socket.write(parts.subarray()) };
      let canSendMore = true;
      socket.cork();
      for (const part of parts) canSendMore = socket.write(part);
      socket.uncork();
      return { sentBytes: byteLength, canSendMore };
    };
  return connection;
}

/** As `encrypter`, over connections that write whole messages. */
export function withWholeWrites<Extension, T extends ConnectionEncrypter<Extension>>(encrypter: T): T {
  const inbound = encrypter.secureInbound.bind(encrypter);
  const outbound = encrypter.secureOutbound.bind(encrypter);
  encrypter.secureInbound = (connection, options) => inbound(writeWhole(connection), options);
  encrypter.secureOutbound = (connection, options) => outbound(writeWhole(connection), options);
  return encrypter;
}

/** A stream's side of yamux's flow control, as @libp2p/yamux has it. */
interface WindowedStream {
  readonly state: number;
  /** Bytes the other end may send in all before it hears of more room, and of those what it has left. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/** The state in which an update says nothing but how much room there is. */
const established = 3;

function isWindowed(stream: object): stream is WindowedStream {
  const { state, recvWindow, recvWindowCapacity, sendWindowUpdate } = stream as Partial<WindowedStream>;
  return [state, recvWindow, recvWindowCapacity].every(Number.isInteger) && typeof sendWindowUpdate === 'function';
}

/** Has the stream say how much room there is when half of it is used up, as yamux in Go does. Until then the other end is not short of it. */
function updateLate(stream: object): void {
  if (!isWindowed(stream)) return;
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    if (stream.state !== established || stream.recvWindowCapacity < stream.recvWindow / 2) update();
  };
}

/** As `muxers`, with streams that update their windows late. */
export function withLateUpdates(muxers: StreamMuxerFactory): StreamMuxerFactory {
  const create = muxers.createStreamMuxer.bind(muxers);
  muxers.createStreamMuxer = (connection) => {
    const muxer = create(connection) as StreamMuxer & { _newStream?: (...about: unknown[]) => object };
    const begin = muxer._newStream?.bind(muxer);
    if (begin !== undefined)
      muxer._newStream = (...about) => {
        const stream = begin(...about);
        updateLate(stream);
        return stream;
      };
    return muxer;
  };
  return muxers;
}
