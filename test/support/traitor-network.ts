// Law: each of these wraps the wire of one node. Connections stay real and up; what is said over them is what the behaviour makes of it.
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrameMessage, frameType } from '../../actors/consensus/index.ts';
import { type Network, NetworkError, type NodeId } from '../../actors/system/index.ts';
import { encodeWorkflowEntry, workflowLane } from '../../actors/workflow/index.ts';
import { decodeEntry, entryHash, type LaneEntry } from '../../protocols/lanes/index.ts';
import { decodeBody, openEnvelope, readDirect } from '../../protocols/wire/index.ts';
import { createForger } from './forger.ts';
import { createShadowVoter } from './shadow-voter.ts';
import type { Behaviour } from './traitor.ts';
import { createCrypto } from './world.ts';

type NetworkBehaviour = (network: Network, folder: string) => Network;

const crypto = createCrypto();

/** What `record` writes into the node's folder. */
export const recordFile = 'said.bin';

/** A shadow votes with the node's key; the node's own votes are kept from those that `isKept` names. */
function besideShadow(network: Network, folder: string, isKept: (to: NodeId) => boolean): Network {
  const forger = createForger(folder);
  const voter = createShadowVoter({ forger, as: forger.self, say: (to, message) => tell(network, to, message) });
  return {
    ...network,
    onFrame: listening(network, (from, frame) => voter.hear(from, frame)),
    send(to, frame) {
      voter.hear(forger.self.id, frame);
      return isKept(to) && isVoting(frame) ? true : network.send(to, frame);
    },
  };
}

export const networkBehaviours: Readonly<
  Record<Exclude<Behaviour, 'wrong-result' | 'wrong-attestation'>, NetworkBehaviour>
> = {
  /** One victim is told nil and never the truth; the others are told both. */
  equivocate: (network, folder) => besideShadow(network, folder, (to) => to === network.peers()[0]),

  'wrong-vote': (network, folder) => besideShadow(network, folder, () => true),

  silent(network) {
    const never = new Promise<never>(() => {});
    return {
      ...network,
      send: () => true,
      publish: () => {},
      request: async (to, _frame, { timeoutMs }) => {
        await new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
        throw new NetworkError('timeout', `${to} was never asked`);
      },
      serve: () => network.serve(() => never),
      provide: () => network.provide(() => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) })),
    };
  },

  /** A third of it is noise, a third noise in a genuine envelope of a genuine type, and a third what might be a frame of votes and is none. */
  garbage(network, folder) {
    const forger = createForger(folder);
    const types = ['lane.entries', 'lane.frontier', 'membership.swim', 'membership.presence', 'no.such.type'];
    let count = 0;
    const noise = (to: NodeId, sizeBytes: number): Uint8Array => {
      const frame = new Uint8Array(randomBytes(200));
      switch (count++ % 3) {
        case 0:
          return new Uint8Array(randomBytes(Math.min(sizeBytes, 4_096)));
        case 1:
          return forger.direct(
            frameType,
            count % 2 === 0 ? frame : encodeFrameMessage({ epoch: 0, position: undefined, frame }),
          );
        default:
          return forger.seal(to, types[count % types.length]!, {
            epoch: 0,
            bytes: randomBytes(200),
            entries: [randomBytes(100)],
            more: true,
          });
      }
    };
    const flood = setInterval(() => {
      for (const peer of network.peers()) {
        network.send(peer, noise(peer, 300));
        network.request(peer, noise(peer, 300), { timeoutMs: 500 }).catch(() => {});
      }
      network.publish('candidates', new Uint8Array(randomBytes(500)));
    }, 20).unref();
    return {
      ...network,
      send: (to, frame) => network.send(to, noise(to, frame.length)),
      request: (to, frame, options) => network.request(to, noise(to, frame.length), options),
      serve: () => network.serve(() => new Uint8Array(randomBytes(200))),
      publish: (topic, frame) => network.publish(topic, new Uint8Array(randomBytes(frame.length))),
      provide: () =>
        network.provide(async function* () {
          for (let i = 0; i < 8; i++) yield new Uint8Array(randomBytes(10_000));
        }),
      close: () => {
        clearInterval(flood);
        return network.close();
      },
    };
  },

  'bad-blobs'(network) {
    return {
      ...network,
      provide: (handler) =>
        network.provide((from, resource, offsetBytes) => {
          const source = handler(from, resource, offsetBytes);
          return source === undefined ? undefined : flipped(source);
        }),
    };
  },

  /** Beside its own honest word: messages, log entries and votes in the name of every other member. */
  forge(network, folder) {
    const forger = createForger(folder);
    const heads = new Map<NodeId, LaneEntry>();
    const others = forger.config.members.map(({ id }) => id).filter((id) => id !== forger.self.id);
    const voters = others.map((id) =>
      createShadowVoter({ forger, as: forger.impostor(id), say: (to, message) => tell(network, to, message) }),
    );
    const cancel = (workflow: string): void => {
      for (const id of others) {
        const head = heads.get(id);
        const place = {
          lane: workflowLane,
          sequence: (head?.sequence ?? 0) + 1,
          previous: head === undefined ? new Uint8Array(32) : entryHash(head, crypto),
        };
        const body = encodeWorkflowEntry({ kind: 'cancelled', workflow, reason: 'forged', atMs: 1 });
        const entry = forger.laneEntry(forger.impostor(id), place, body);
        for (const peer of network.peers()) {
          network.send(peer, forger.seal(peer, 'lane.entries', { entries: [entry], more: false }));
          // The same in another's envelope.
          network.send(peer, forger.seal(peer, 'lane.entries', { entries: [entry], more: false }, forger.impostor(id)));
        }
      }
    };
    return {
      ...network,
      onFrame: listening(network, (from, frame) => {
        for (const voter of voters) voter.hear(from, frame);
        const opened = openEnvelope(frame, { crypto, meshId: forger.meshId });
        if (!opened.ok || opened.envelope.type !== 'lane.entries') return;
        for (const bytes of (decodeBody(opened.envelope.body) as { entries: Uint8Array[] }).entries) {
          const entry = decodeEntry(bytes);
          if (entry.lane === workflowLane && entry.sequence > (heads.get(entry.author)?.sequence ?? 0))
            heads.set(entry.author, entry);
          const said =
            entry.lane === workflowLane ? (decodeBody(entry.body) as { kind: string; workflow: string }) : undefined;
          if (said?.kind === 'opened' || said?.kind === 'assigned') cancel(said.workflow);
        }
      }),
      send(to, frame) {
        for (const voter of voters) voter.hear(forger.self.id, frame);
        return network.send(to, frame);
      },
    };
  },

  /** Honest. Everything that leaves this node is written to a file before it leaves, as it is before the transport encrypts it. */
  record(network, folder) {
    const write = (bytes: Uint8Array): void =>
      appendFileSync(join(folder, recordFile), Buffer.concat([bytes, Buffer.from('\n')]));
    const text = (words: string): void => write(Buffer.from(words));
    return {
      ...network,
      send: (to, frame) => {
        write(frame);
        return network.send(to, frame);
      },
      request: (to, frame, options) => {
        write(frame);
        return network.request(to, frame, options);
      },
      serve: (handler) =>
        network.serve(async (from, frame) => {
          const reply = await handler(from, frame);
          write(reply);
          return reply;
        }),
      publish: (topic, frame) => {
        text(topic);
        write(frame);
        network.publish(topic, frame);
      },
      pull: (from, resource, offsetBytes) => {
        text(resource);
        return network.pull(from, resource, offsetBytes);
      },
      provide: (handler) =>
        network.provide((from, resource, offsetBytes) => {
          const source = handler(from, resource, offsetBytes);
          return source === undefined ? undefined : tee(source, write);
        }),
    };
  },
};

function tell(network: Network, to: NodeId | 'all', message: Uint8Array): void {
  for (const peer of to === 'all' ? network.peers() : [to]) network.send(peer, message);
}

function listening(network: Network, hear: (from: NodeId, frame: Uint8Array) => void): Network['onFrame'] {
  return (handler) =>
    network.onFrame((from, frame) => {
      hear(from, frame);
      handler(from, frame);
    });
}

const isVoting = (frame: Uint8Array): boolean => readDirect(frame)?.type === frameType;

async function* flipped(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of source) yield chunk.map((byte) => byte ^ 1);
}

async function* tee(source: AsyncIterable<Uint8Array>, write: (bytes: Uint8Array) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    write(chunk);
    yield chunk;
  }
}
