// Law: everyone who holds the same view gives the same id the same home, without a word exchanged; when a node goes, only the ids that
// lived there move (highest random weight, Thaler and Ravishankar 1998).
import type { NodeId } from '../world.ts';

/** Who is there, as membership says. Numbers only rise; a view replaces those below it. */
export interface EntityView {
  readonly number: number;
  readonly nodes: readonly NodeId[];
}

/** FNV-1a on 32 bits, from one of two beginnings. */
function hashText(text: string, begin: number): number {
  let hash = begin;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

/** MurmurHash3's finaliser: every bit of the input reaches every bit of the output. */
function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A view with what choosing a home needs worked out once. */
export class Homes {
  readonly number: number;
  private readonly nodes: readonly { readonly node: NodeId; readonly seed: number }[];

  constructor(view: EntityView) {
    this.number = view.number;
    this.nodes = [...new Set(view.nodes)].sort().map((node) => ({ node, seed: mix(hashText(node, 0x811c9dc5)) }));
  }

  /** Where the actor of that id lives; `undefined` in a view without nodes. Weights tie in one of 2^32 pairs: then the lesser node wins. */
  homeOf(id: string): NodeId | undefined {
    const hash = hashText(id, 0x050c5d1f);
    let home: NodeId | undefined;
    let heaviest = -1;
    for (const { node, seed } of this.nodes) {
      const weight = mix(hash ^ seed);
      if (weight <= heaviest) continue;
      heaviest = weight;
      home = node;
    }
    return home;
  }
}
