// Law: gossip carries what many should hear, best effort. In a full mesh a publication goes once to every subscriber and is passed on by
// nobody; signatures are checked end to end by the post office, so none is made here. A peer that does not take its gossip is cut off
// rather than buffered for, and one that sends beyond its share of this node's time waits.
import { createHash, hash } from 'node:crypto';
import { type GossipSub, type GossipSubComponents, gossipsub, type Message } from '@libp2p/gossipsub';
import type { Stream } from '@libp2p/interface';
import type { Log, NodeId } from '../../actors/system/index.ts';
import { createTopics, type Topics } from '../network/index.ts';
import { createFairShare, type FairShare } from './fair-share.ts';

/** Everyone subscribes to it: hearing of it is how a peer's subscriptions are known to have arrived. */
const presenceTopic = 'parley';
/** Gossipsub buffers for a slow peer without bound; beyond this much the connection is given up. */
const maxGossipBufferBytes = 4 << 20;
const hashInOneBytes = 8 << 10;

/** A member could pre-empt a message id that it can choose; it cannot choose a hash. The topic is in it: the same bytes on two topics are two messages. */
function messageHash(topic: string, data: Uint8Array): Buffer {
  // One call is quicker, until the copy that it takes is what costs.
  if (data.length > hashInOneBytes) return createHash('sha256').update(`${topic}\n`).update(data).digest();
  return hash('sha256', Buffer.concat([Buffer.from(`${topic}\n`), data]), 'buffer');
}
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

export function gossipService(): (components: GossipSubComponents) => GossipSub {
  // The full message is built from the wire's right after the fast id was taken: one hash serves both.
  let last: { readonly data: Uint8Array; readonly topic: string; readonly digest: Buffer } | undefined;
  const digestOf = (topic: string, data: Uint8Array): Buffer => {
    if (last === undefined || last.data !== data || last.topic !== topic)
      last = { data, topic, digest: messageHash(topic, data) };
    return last.digest;
  };
  return gossipsub({
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message: Message) => digestOf(message.topic, message.data),
    msgIdToStrFn: latin1,
    fastMsgIdFn: (message) => latin1(digestOf(message.topic, message.data ?? new Uint8Array(0))),
    // A full mesh: the publisher floods, nobody grafts, and what a link loses is repaired by IHAVE and IWANT.
    D: 0,
    Dlo: 0,
    Dhi: 0,
    Dout: 0,
    Dscore: 0,
    Dlazy: 3,
    floodPublish: true,
    heartbeatInterval: 1_000,
    mcacheLength: 5,
    seenTTL: 30_000,
    doPX: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    batchPublish: false,
    // One after the other per peer: whoever is over its share waits, and what it sends after that waits in its own buffers.
    awaitRpcHandler: true,
    // One host may hold many members: in a test, behind one NAT, in one data centre.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
  });
}

export interface Gossip extends Pick<Topics, 'subscribe'> {
  /** Once libp2p has started. */
  open(): void;
  /** True once the peer's subscriptions are known. */
  knows(node: NodeId): boolean;
  publish(topic: string, frame: Uint8Array): void;
  /** Called every few seconds with the peers that are up: those whose gossip stream is gone or stuck. */
  broken(up: readonly NodeId[]): readonly NodeId[];
  close(): void;
}

export function createGossip(
  service: GossipSub,
  options: {
    readonly log: Log;
    readonly drop: (node: NodeId, why: string) => void;
    /** Whether peers other than this one are up. */
    readonly hasOthers: (node: NodeId) => boolean;
    readonly onFlood: (node: NodeId) => void;
  },
): Gossip {
  const { log } = options;
  const topics = createTopics(
    (error, from, topic) => log('error', 'a topic handler failed', { topic, from, error: String(error) }),
    (topic) => {
      if (!closed) service.subscribe(topic);
      return () => void (closed || service.unsubscribe(topic));
    },
  );
  const known = new Set<NodeId>();
  /** Peers whose stream was missing at the last look. */
  let suspects = new Set<NodeId>();
  const inside = service as unknown as {
    readonly streamsOutbound: ReadonlyMap<string, { readonly rawStream: { readonly writeBufferLength: number } }>;
    readonly streamsInbound: ReadonlyMap<string, { readonly rawStream: Stream }>;
    handleReceivedRpc: (from: { toString(): string }, rpc: unknown) => Promise<void>;
  };
  const streams = inside.streamsOutbound;
  let closed = true;

  interface Turn extends FairShare {
    /** Resolves when the peer may go on; undefined where it may now. */
    waiting: Promise<void> | undefined;
  }
  const shares = new Map<NodeId, Turn>();
  const shareOf = (node: NodeId): Turn => {
    const known = shares.get(node);
    if (known !== undefined) return known;
    const stream = (): Stream | undefined => inside.streamsInbound.get(node)?.rawStream;
    let goOn = (): void => {};
    const share = createFairShare({
      hasOthers: () => options.hasOthers(node),
      pause() {
        turn.waiting = new Promise((resolve) => {
          goOn = resolve;
        });
        // Not within the event: see `createReader` in pull.ts.
        queueMicrotask(() => {
          if (stream()?.readStatus === 'readable') stream()?.pause();
        });
      },
      resume() {
        turn.waiting = undefined;
        goOn();
        if (stream()?.readStatus === 'paused') stream()?.resume();
      },
      onFlood: () => options.onFlood(node),
    });
    const turn: Turn = {
      waiting: undefined,
      spend: share.spend,
      close() {
        share.close();
        goOn();
      },
    };
    shares.set(node, turn);
    return turn;
  };
  // What gossipsub does with a peer's words before it hands them on: taking them apart, hashing, looking for repeats.
  const handle = inside.handleReceivedRpc.bind(service);
  inside.handleReceivedRpc = async (from, rpc) => {
    const turn = shareOf(from.toString());
    if (turn.waiting !== undefined) await turn.waiting;
    let done = Promise.resolve();
    turn.spend(() => {
      done = handle(from, rpc);
    });
    await done;
  };

  service.addEventListener('subscription-change', ({ detail }) => {
    const node = detail.peerId.toString();
    for (const { topic, subscribe } of detail.subscriptions) {
      if (topic !== presenceTopic) continue;
      if (subscribe) known.add(node);
      else known.delete(node);
    }
  });
  service.addEventListener('gossipsub:message', ({ detail }) => {
    const { data, topic } = detail.msg;
    if (!topics.has(topic)) return;
    const from = detail.propagationSource.toString();
    const frame = data.constructor === Uint8Array ? data : new Uint8Array(data);
    shareOf(from).spend(() => topics.call(topic, from, frame));
  });

  return {
    open() {
      closed = false;
      for (const topic of [presenceTopic, ...topics.names()]) service.subscribe(topic);
    },
    knows: (node) => known.has(node) && streams.has(node),
    publish(topic, frame) {
      if (closed) return;
      for (const [node, { rawStream }] of streams) {
        if (rawStream.writeBufferLength > maxGossipBufferBytes) options.drop(node, 'it does not take its gossip');
      }
      service.publish(topic, frame).catch((error: unknown) => {
        if (!closed) log('warn', 'a publication failed', { topic, error: String(error) });
      });
    },
    subscribe: topics.subscribe,
    broken(up) {
      const missing = up.filter((node) => !streams.has(node));
      const stuck = missing.filter((node) => suspects.has(node));
      suspects = new Set(missing);
      for (const node of known) if (!streams.has(node)) known.delete(node);
      for (const [node, share] of shares) {
        if (inside.streamsInbound.has(node)) continue;
        share.close();
        shares.delete(node);
      }
      return stuck;
    },
    close() {
      closed = true;
      for (const share of shares.values()) share.close();
      topics.clear();
    },
  };
}
