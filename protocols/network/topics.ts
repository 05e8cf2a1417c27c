// Law: a topic is joined with its first handler and left with its last. A handler's failure is its own: the next one, and the frame behind it,
// still get their turn.
import type { NodeId } from '../../actors/system/index.ts';

export type FrameHandler = (from: NodeId, frame: Uint8Array) => void;

export interface Topics {
  subscribe(topic: string, handler: FrameHandler): () => void;
  /** Tells who subscribed; nobody else. */
  call(topic: string, from: NodeId, frame: Uint8Array): void;
  has(topic: string): boolean;
  names(): Iterable<string>;
  clear(): void;
}

/** `join` returns what leaves again; a transport that hears every topic needs none. */
export function createTopics(
  failed: (error: unknown, from: NodeId, topic: string) => void,
  join: (topic: string) => () => void = () => () => {},
): Topics {
  const topics = new Map<string, { readonly handlers: Set<FrameHandler>; readonly leave: () => void }>();
  return {
    subscribe(topic, handler) {
      const joined = topics.get(topic) ?? { handlers: new Set(), leave: join(topic) };
      topics.set(topic, joined);
      joined.handlers.add(handler);
      return () => {
        if (!joined.handlers.delete(handler) || joined.handlers.size > 0 || topics.get(topic) !== joined) return;
        topics.delete(topic);
        joined.leave();
      };
    },
    call(topic, from, frame) {
      for (const handler of [...(topics.get(topic)?.handlers ?? [])]) {
        try {
          handler(from, frame);
        } catch (error) {
          failed(error, from, topic);
        }
      }
    },
    has: (topic) => topics.has(topic),
    names: () => topics.keys(),
    clear: () => topics.clear(),
  };
}
