// Law: whatever the faults damage, any quorum keeps a good copy of each log entry on an honest disk: the fault model is of the whole mesh
// and not of one disk. An entry that is not held widely enough is never damaged.
import type { SimNode } from '../node.ts';
import { createDraws } from '../world/index.ts';

export interface Atlas {
  /** Damages a share of the log entries on the disk of a node that is down. Returns how many. */
  damage(node: SimNode, permille: number): number;
  /** As `damage`: that share of them was written to where another of them stands. */
  misdirect(node: SimNode, permille: number): number;
}

export interface AtlasOptions {
  readonly nodes: readonly SimNode[];
  readonly seed: number;
  /** Honest disks, other than the damaged one, that must hold a good copy. */
  readonly copiesMin: number;
  readonly isHonest: (index: number) => boolean;
}

const table = 'lanes';
const purpose = { pick: 0, bit: 1 } as const;

/** `e/LANE/AUTHOR/SEQUENCE`, the sequence with leading zeros: rows of one lane, in order. */
function entriesOf({ disk }: SimNode): string[] {
  return [...(disk.tables.get(table)?.keys() ?? [])].filter((key) => key.startsWith('e/')).sort();
}

function laneOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** A lane is read up to its first damaged entry, so that whatever stands behind that one is no copy either. */
function readable(node: SimNode): Set<string> {
  const broken = new Set<string>();
  return new Set(
    entriesOf(node).filter((key) => {
      if (node.disk.isDamaged(table, key)) broken.add(laneOf(key));
      return !broken.has(laneOf(key));
    }),
  );
}

export function createAtlas({ nodes, seed, copiesMin, isHonest }: AtlasOptions): Atlas {
  const draws = createDraws(seed, 'atlas');
  const turns = new Map<number, number>();
  /** Entries on the disk of `node` that are held elsewhere as widely as they must be, with all before them. */
  const expendable = (node: SimNode): string[] => {
    const others = nodes.filter((other) => other !== node && isHonest(other.index)).map(readable);
    const rows = entriesOf(node);
    // The last entry of a lane that is not held widely enough keeps everything before it whole.
    const spared = new Map<string, string>();
    for (const key of rows) if (others.filter((held) => held.has(key)).length < copiesMin) spared.set(laneOf(key), key);
    return rows.filter((key) => key > (spared.get(laneOf(key)) ?? ''));
  };
  const turnOf = ({ index }: SimNode): number => {
    const turn = (turns.get(index) ?? 0) + 1;
    turns.set(index, turn);
    return turn;
  };
  return {
    damage(node, permille) {
      const turn = turnOf(node);
      let damaged = 0;
      for (const [n, key] of expendable(node).entries()) {
        const sizeBits = 8 * node.disk.tables.get(table)!.get(key)!.length;
        if (!draws.chance(permille, purpose.pick, node.index, turn, n)) continue;
        node.disk.damage(table, key, draws.below(sizeBits, purpose.bit, node.index, turn, n));
        damaged++;
      }
      return damaged;
    },
    misdirect(node, permille) {
      const turn = turnOf(node);
      const left = expendable(node);
      const picked = left.filter((_, n) => draws.chance(permille, purpose.pick, node.index, turn, n));
      for (const [n, key] of picked.entries()) {
        const other = left[draws.below(left.length, purpose.bit, node.index, turn, n)]!;
        if (other !== key) node.disk.misplace(table, key, other);
      }
      return picked.length;
    },
  };
}
