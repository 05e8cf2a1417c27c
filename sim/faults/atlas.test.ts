import { describe, expect, it } from 'vitest';
import { Disk, quickDisk } from '../disk/index.ts';
import type { SimNode } from '../node.ts';
import { createKernel } from '../world/index.ts';
import { createAtlas } from './atlas.ts';

const kernel = createKernel();
/** Nodes that hold the first so many entries of one lane. */
function holding(...counts: readonly number[]): SimNode[] {
  return counts.map((count, index) => {
    const disk = new Disk({ kernel, node: index, seed: 1, profile: quickDisk });
    disk.tables.set(
      'lanes',
      new Map(
        Array.from({ length: count }, (_, i) => [
          `e/workflow/author/${String(i + 1).padStart(16, '0')}`,
          Uint8Array.of(i),
        ]),
      ),
    );
    return { index, disk } as unknown as SimNode;
  });
}
const damagedAt = ({ disk }: SimNode): number[] =>
  [...disk.tables.get('lanes')!.keys()].flatMap((key, i) => (disk.isDamaged('lanes', key) ? [i + 1] : []));
const isHonest = (): boolean => true;

describe('the atlas of the copies', () => {
  it('damages only what is held elsewhere as widely as it must be, and nothing in front of what is not', () => {
    const nodes = holding(10, 6, 4, 4);
    const atlas = createAtlas({ nodes, seed: 3, copiesMin: 2, isHonest });
    expect(atlas.damage(nodes[1]!, 1_000)).toBe(0);
    expect(atlas.damage(nodes[2]!, 1_000)).toBe(4);
    expect(damagedAt(nodes[2]!)).toEqual([1, 2, 3, 4]);
    // A damaged copy is none: with the third node's gone, the fourth's are needed.
    expect(atlas.damage(nodes[3]!, 1_000)).toBe(4);
    expect(atlas.damage(nodes[0]!, 1_000)).toBe(0);
  });

  it('counts no copy that stands behind a damaged entry, and none of a liar', () => {
    const nodes = holding(5, 5, 5);
    nodes[1]!.disk.damage('lanes', `e/workflow/author/${'2'.padStart(16, '0')}`, 0);
    const behind = createAtlas({ nodes, seed: 1, copiesMin: 2, isHonest });
    expect(behind.damage(nodes[0]!, 1_000)).toBe(0);
    const whole = holding(5, 5, 5);
    const liars = createAtlas({ nodes: whole, seed: 1, copiesMin: 2, isHonest: (index) => index !== 2 });
    expect(liars.damage(whole[0]!, 1_000)).toBe(0);
    expect(createAtlas({ nodes: whole, seed: 1, copiesMin: 2, isHonest }).damage(whole[0]!, 1_000)).toBe(5);
  });
});
