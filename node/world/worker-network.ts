// Law: a thread is one more node. Frames of one turn travel as one message: small ones packed into one buffer, large ones each in their
// own, all of them moved and none copied; what is under way is bounded by what the other side has acknowledged.
import type { MessagePort, TransferListItem } from 'node:worker_threads';
import { type FrameNetwork, NetworkError, type NodeId, type PeerEvent } from '../../actors/system/index.ts';

/** Either end of a channel, or a Worker. */
export type FramePort = Pick<MessagePort, 'postMessage' | 'on' | 'off'>;

export interface WorkerNetwork extends FrameNetwork {
  /** The peer is up from now on. Returns what ends it: the peer is down. */
  connect(node: NodeId, port: FramePort): () => void;
}

const maxFrameBytes = 64 << 20;
/** Under way to one peer: beyond it `send` is refused. */
const maxOutboundBytes = 128 << 20;
/** Smaller frames are packed together: moving a buffer costs about as much as copying this. */
const packedBytes = 16 << 10;
/** A turn that sends more than this sends it in several messages. */
const flushBytes = 256 << 10;
const moved = 0xffff_ffff;

/** `packed`: per frame its length, and its bytes or, where the length is `moved`, the next of `large`. */
interface Batch {
  readonly kind: 'frames';
  readonly packed: Uint8Array;
  readonly large: readonly Uint8Array[];
}
interface Acknowledgement {
  readonly kind: 'handled';
  readonly bytes: number;
}

interface Peer {
  readonly node: NodeId;
  readonly port: FramePort;
  readonly onMessage: (message: Batch | Acknowledgement) => void;
  frames: Uint8Array[];
  waitingBytes: number;
  /** Waiting here, or sent and not acknowledged. */
  outboundBytes: number;
}

export function createWorkerNetwork(self: NodeId): WorkerNetwork {
  const peers = new Map<NodeId, Peer>();
  const frameHandlers = new Set<(from: NodeId, frame: Uint8Array) => void>();
  const peerHandlers = new Set<(event: PeerEvent) => void>();

  const announce = (event: PeerEvent): void => {
    for (const handler of [...peerHandlers]) handler(event);
  };

  const flush = (peer: Peer): void => {
    const { frames } = peer;
    if (frames.length === 0 || peers.get(peer.node) !== peer) return;
    peer.frames = [];
    peer.waitingBytes = 0;
    const { batch, buffers } = pack(frames);
    peer.port.postMessage(batch, buffers);
  };

  const onBatch = (peer: Peer, { packed, large }: Batch): void => {
    let bytes = 0;
    for (const frame of unpack(packed, large)) {
      bytes += frame.length;
      for (const handler of [...frameHandlers]) handler(peer.node, frame);
    }
    const handled: Acknowledgement = { kind: 'handled', bytes };
    peer.port.postMessage(handled);
  };

  return {
    self,
    maxFrameBytes,
    peers: () => [...peers.keys()],
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    onFrame(handler) {
      frameHandlers.add(handler);
      return () => void frameHandlers.delete(handler);
    },
    /** The frame is given away: a large one is moved to the other thread. */
    send(to, frame) {
      if (frame.length > maxFrameBytes)
        throw new NetworkError('too_large', `a frame of ${frame.length} bytes; the limit is ${maxFrameBytes}`);
      const peer = peers.get(to);
      if (peer === undefined || peer.outboundBytes + frame.length > maxOutboundBytes) return false;
      // Behind the turn that sends: all of its frames are here by then.
      if (peer.frames.length === 0) queueMicrotask(() => flush(peer));
      peer.frames.push(frame);
      peer.waitingBytes += frame.length;
      peer.outboundBytes += frame.length;
      if (peer.waitingBytes >= flushBytes) flush(peer);
      return true;
    },
    connect(node, port) {
      if (peers.has(node)) throw new Error(`${node} is connected already`);
      const peer: Peer = {
        node,
        port,
        frames: [],
        waitingBytes: 0,
        outboundBytes: 0,
        onMessage: (message) => {
          if (message.kind === 'handled') peer.outboundBytes -= message.bytes;
          else onBatch(peer, message);
        },
      };
      peers.set(node, peer);
      port.on('message', peer.onMessage);
      announce({ node, up: true });
      return () => {
        if (peers.get(node) !== peer) return;
        peers.delete(node);
        port.off('message', peer.onMessage);
        announce({ node, up: false });
      };
    },
  };
}

function pack(frames: readonly Uint8Array[]): { readonly batch: Batch; readonly buffers: TransferListItem[] } {
  const isLarge = (frame: Uint8Array): boolean => frame.length > packedBytes;
  const size = frames.reduce((sum, frame) => sum + 4 + (isLarge(frame) ? 0 : frame.length), 0);
  const packed = new Uint8Array(size);
  const view = new DataView(packed.buffer);
  const large: Uint8Array[] = [];
  let at = 0;
  for (const frame of frames) {
    if (isLarge(frame)) {
      view.setUint32(at, moved);
      at += 4;
      // Only a whole buffer can be moved without taking its neighbours along.
      large.push(frame.length === frame.buffer.byteLength ? frame : frame.slice());
      continue;
    }
    view.setUint32(at, frame.length);
    packed.set(frame, at + 4);
    at += 4 + frame.length;
  }
  const buffers = [packed, ...large].map(({ buffer }) => buffer as ArrayBuffer);
  return { batch: { kind: 'frames', packed, large }, buffers };
}

function* unpack(packed: Uint8Array, large: readonly Uint8Array[]): Generator<Uint8Array> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  let nextLarge = 0;
  for (let at = 0; at < packed.length; ) {
    const length = view.getUint32(at);
    at += 4;
    if (length === moved) {
      yield large[nextLarge++]!;
      continue;
    }
    yield packed.subarray(at, at + length);
    at += length;
  }
}
