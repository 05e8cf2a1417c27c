// Law: one message is handled once, whatever the paths it came by. Memory is bounded per author, so that no author's flood can make
// the office forget another's messages.
import type { NodeId } from '../../actors/system/index.ts';
import { hex } from './bytes.ts';

const idsPerAuthor = 4096;
/** More than a mesh has nodes: an author that is forgotten between two messages is one whose repeats are not known. */
const authorsMax = 2_048;

export interface SeenMessages {
  has(author: NodeId, id: Uint8Array): boolean;
  add(author: NodeId, id: Uint8Array): void;
}

export function createSeenMessages(): SeenMessages {
  const authors = new Map<NodeId, Set<string>>();
  return {
    has: (author, id) => authors.get(author)?.has(hex.encode(id)) ?? false,
    add(author, id) {
      const ids = authors.get(author) ?? new Set<string>();
      // Re-inserted at the end: the author evicted first is the one silent for longest.
      authors.delete(author);
      authors.set(author, ids);
      ids.add(hex.encode(id));
      if (ids.size > idsPerAuthor) ids.delete(ids.values().next().value!);
      if (authors.size > authorsMax) authors.delete(authors.keys().next().value!);
    },
  };
}
