// Law: whoever comes up hears where the others are, and the others where it is, from its own signed record and from nobody's hearsay.
import type { PeerStore } from '@libp2p/interface';
import type { Log, NodeId } from '../../actors/system/index.ts';
import { MalformedBytes } from '../wire/index.ts';
import { decodeIntroductions, encodeIntroductions, introductionOf, learn } from './introductions.ts';

export interface Introducer {
  /** Tells `to`, every other peer where absent, where each of these is, as far as they said so themselves. */
  introduce(ids: readonly NodeId[], to?: NodeId): void;
  /** Takes what a peer says of others. */
  meet(from: NodeId, payload: Uint8Array): void;
}

export function createIntroducer(host: {
  readonly store: PeerStore;
  readonly log: Log;
  allow(id: NodeId): boolean;
  isClosed(): boolean;
  upNodes(): readonly NodeId[];
  put(to: NodeId, bytes: Uint8Array): void;
  learned(id: NodeId, addresses: readonly string[]): void;
  refuse(from: NodeId, why: string): void;
}): Introducer {
  const { store, log } = host;

  async function tell(ids: readonly NodeId[], to: NodeId | undefined): Promise<void> {
    const known = (await Promise.all(ids.map((id) => introductionOf(store, id)))).filter((one) => one !== undefined);
    if (known.length === 0 || host.isClosed()) return;
    const bytes = encodeIntroductions(known);
    for (const other of to === undefined ? host.upNodes().filter((id) => !ids.includes(id)) : [to])
      host.put(other, bytes);
  }

  async function take(payload: Uint8Array): Promise<void> {
    for (const introduction of decodeIntroductions(payload))
      if (host.allow(introduction.node)) host.learned(introduction.node, await learn(store, introduction));
  }

  return {
    introduce(ids, to) {
      if (ids.length > 0)
        tell(ids, to).catch((error: unknown) => log('warn', 'nobody was introduced', { error: String(error) }));
    },
    meet(from, payload) {
      take(payload).catch((error: Error) => {
        log('warn', 'an introduction was refused', { from, error: error.message });
        if (error instanceof MalformedBytes) host.refuse(from, error.message);
      });
    },
  };
}
