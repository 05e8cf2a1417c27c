// Law: a thread is one more node. Frames of one turn travel as one message: small ones packed into one buffer, large ones each in their
// own, all of them moved and none copied. What is under way is bounded by what the other side has acknowledged, and what arrives is handled
// in short turns: no thread that floods keeps this one's timers, I/O or actors from theirs.
import type { MessagePort, TransferListItem } from 'node:worker_threads';
import {
  type BufferNetwork,
  type FrameNetwork,
  NetworkError,
  type NodeId,
  type PeerEvent,
} from '../../actors/system/index.ts';
import { type Batch, fromBytes, type Parcel, pack, sizeOf, unpack } from './worker-batch.ts';

/** Either end of a channel, or a Worker. */
export type FramePort = Pick<MessagePort, 'postMessage' | 'on' | 'off'>;

export interface WorkerNetwork extends FrameNetwork {
  readonly buffers: BufferNetwork;
  /** The peer is up from now on. Returns what ends it: the peer is down, once what has arrived of it is handled. */
  connect(node: NodeId, port: FramePort): () => void;
}

const maxFrameBytes = 64 << 20;
/** Under way to one peer: beyond it `send` is refused. */
const maxOutboundBytes = 128 << 20;
/** A turn that sends more than this sends it in several messages. */
const flushBytes = 256 << 10;
/** Handled in one turn of the loop: fewer than a mailbox holds, and no longer than this. */
const framesPerTurn = 256;
const turnLimitMs = 4;
const framesPerClockRead = 32;

interface Acknowledgement {
  readonly kind: 'handled';
  readonly bytes: number;
}

interface Arrival {
  readonly parcels: Iterator<Parcel>;
  handledBytes: number;
}

interface Peer {
  readonly node: NodeId;
  readonly port: FramePort;
  readonly onMessage: (message: Batch | Acknowledgement) => void;
  parcels: Parcel[];
  waitingBytes: number;
  /** Waiting here, or sent and not acknowledged. */
  outboundBytes: number;
  /** Bounded by what the other side may have under way. */
  readonly arrivals: Arrival[];
  reading: boolean;
  ending: boolean;
}

type FrameHandler = (from: NodeId, frame: Uint8Array, buffers: readonly Uint8Array[]) => void;

export function createWorkerNetwork(self: NodeId): WorkerNetwork {
  const peers = new Map<NodeId, Peer>();
  const frameHandlers = new Set<FrameHandler>();
  const peerHandlers = new Set<(event: PeerEvent) => void>();

  const announce = (event: PeerEvent): void => {
    for (const handler of [...peerHandlers]) handler(event);
  };

  const flush = (peer: Peer): void => {
    const { parcels } = peer;
    if (parcels.length === 0 || peers.get(peer.node) !== peer) return;
    peer.parcels = [];
    peer.waitingBytes = 0;
    const { batch, buffers } = pack(parcels);
    peer.port.postMessage(batch, buffers as TransferListItem[]);
  };

  const send = (to: NodeId, parcel: Parcel): boolean => {
    const size = sizeOf(parcel);
    if (size > maxFrameBytes)
      throw new NetworkError('too_large', `a frame of ${size} bytes; the limit is ${maxFrameBytes}`);
    const peer = peers.get(to);
    if (peer === undefined || peer.ending || peer.outboundBytes + size > maxOutboundBytes) return false;
    // Behind the turn that sends: all of its frames are here by then.
    if (peer.parcels.length === 0) queueMicrotask(() => flush(peer));
    peer.parcels.push(parcel);
    peer.waitingBytes += size;
    peer.outboundBytes += size;
    if (peer.waitingBytes >= flushBytes) flush(peer);
    return true;
  };

  const read = (peer: Peer): void => {
    const deadlineMs = performance.now() + turnLimitMs;
    for (let handled = 1; peer.arrivals.length > 0; handled++) {
      const arrival = peer.arrivals[0]!;
      const { value: parcel, done } = arrival.parcels.next();
      if (done === true) {
        peer.arrivals.shift();
        const handled: Acknowledgement = { kind: 'handled', bytes: arrival.handledBytes };
        peer.port.postMessage(handled);
        continue;
      }
      arrival.handledBytes += sizeOf(parcel);
      for (const handler of [...frameHandlers]) handler(peer.node, parcel.frame, parcel.buffers);
      if (handled === framesPerTurn || (handled % framesPerClockRead === 0 && performance.now() >= deadlineMs)) {
        setImmediate(() => read(peer));
        return;
      }
    }
    peer.reading = false;
    if (peer.ending) end(peer);
  };

  const end = (peer: Peer): void => {
    peers.delete(peer.node);
    announce({ node: peer.node, up: false });
  };

  const onFrame = (handler: FrameHandler): (() => void) => {
    frameHandlers.add(handler);
    return () => void frameHandlers.delete(handler);
  };

  return {
    self,
    maxFrameBytes,
    peers: () => [...peers.keys()],
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    onFrame,
    /** The frame is given away: a large one is moved to the other thread. */
    send: (to, frame) => send(to, { frame, buffers: [] }),
    buffers: { fromBytes, send: (to, frame, buffers) => send(to, { frame, buffers }), onFrame },
    connect(node, port) {
      if (peers.has(node)) throw new Error(`${node} is connected already`);
      const peer: Peer = {
        node,
        port,
        parcels: [],
        waitingBytes: 0,
        outboundBytes: 0,
        arrivals: [],
        reading: false,
        ending: false,
        onMessage: (message) => {
          if (message.kind === 'handled') {
            peer.outboundBytes -= message.bytes;
            return;
          }
          peer.arrivals.push({ parcels: unpack(message), handledBytes: 0 });
          if (peer.reading) return;
          peer.reading = true;
          read(peer);
        },
      };
      peers.set(node, peer);
      port.on('message', peer.onMessage);
      announce({ node, up: true });
      return () => {
        if (peers.get(node) !== peer || peer.ending) return;
        peer.ending = true;
        port.off('message', peer.onMessage);
        if (!peer.reading) end(peer);
      };
    },
  };
}
