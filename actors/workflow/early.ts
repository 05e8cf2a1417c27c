// Law: what is said too early waits for what it speaks of, and is lost only to its own author's haste: each author has a share of the room,
// and what exceeds it takes the place of that author's oldest.
import type { NodeId } from '../system/index.ts';

export interface EarlyEntry {
  readonly author: NodeId;
  readonly body: Uint8Array;
  /** Its place in its author's lane, where it came from there. */
  readonly sequence?: number | undefined;
}

export interface Early {
  /** `topic` names what the entry waits for. */
  hold(topic: string, entry: EarlyEntry): void;
  /** At most `count` of what waits for `topic`, in order of arrival; it waits no more. */
  take(topic: string, count?: number): readonly EarlyEntry[];
  /** Entries of `author` that wait. */
  count(author: NodeId): number;
}

interface Held extends EarlyEntry {
  readonly topic: string;
}

export interface EarlyLimits {
  /** Entries of one author. */
  readonly entriesMax: number;
  /** Bodies of one author. */
  readonly bytesMax: number;
}

const defaultLimits: EarlyLimits = { entriesMax: 10_000, bytesMax: 8 << 20 };

export function createEarly(limits: EarlyLimits = defaultLimits): Early {
  const shares = new Map<NodeId, { readonly held: Set<Held>; sizeBytes: number }>();
  const topics = new Map<string, Set<Held>>();

  const drop = (held: Held): void => {
    const share = shares.get(held.author)!;
    share.held.delete(held);
    share.sizeBytes -= held.body.length;
    if (share.held.size === 0) shares.delete(held.author);
    const topic = topics.get(held.topic)!;
    topic.delete(held);
    if (topic.size === 0) topics.delete(held.topic);
  };

  return {
    hold(topic, { author, body, sequence }) {
      const held: Held = { topic, author, body, sequence };
      const share = shares.get(author) ?? { held: new Set(), sizeBytes: 0 };
      shares.set(author, share);
      share.held.add(held);
      share.sizeBytes += body.length;
      const waiting = topics.get(topic) ?? new Set();
      topics.set(topic, waiting);
      waiting.add(held);
      for (const oldest of share.held) {
        if (share.held.size <= limits.entriesMax && share.sizeBytes <= limits.bytesMax) break;
        drop(oldest);
      }
    },
    take(topic, count = Number.POSITIVE_INFINITY) {
      const taken: Held[] = [];
      for (const held of topics.get(topic) ?? []) {
        if (taken.length >= count) break;
        taken.push(held);
      }
      for (const held of taken) drop(held);
      return taken;
    },
    count: (author) => shares.get(author)?.held.size ?? 0,
  };
}
