// Law: nodes of a site stand together; a line is as strong as what went over it.
import { compact, drawing, hint, label, tag } from './markup.ts';
import type { Recording } from './record.ts';

export interface TopologyNode {
  readonly name: string;
  readonly site: string;
  readonly isLiar: boolean;
  /** Kits of a liar. */
  readonly lies: readonly string[];
}

const size = 540;
const height = 400;
const labelsMax = 40;

export function topology(nodes: readonly TopologyNode[], { links, lives }: Recording): string {
  const sites = [...new Set(nodes.map(({ site }) => site))];
  // A gap between sites, around one circle.
  const gap = sites.length > 1 ? 1 : 0;
  const places = nodes.length + gap * sites.length;
  const [cx, cy, radius] = [size / 2, height / 2, height / 2 - 58];
  const angles: number[] = [];
  const arcs: string[] = [];
  let at = 0;
  for (const site of sites) {
    const begin = at;
    for (const [index, node] of nodes.entries()) if (node.site === site) angles[index] = turn(at++);
    if (gap > 0) arcs.push(siteArc(site, turn(begin) - 0.12, turn(at - 1) + 0.12));
    at += gap;
  }
  function turn(place: number): number {
    return ((place - (gap > 0 ? 0 : 0)) / places) * 2 * Math.PI - Math.PI / 2;
  }
  function point(angle: number, far = radius): readonly [number, number] {
    return [cx + far * Math.cos(angle), cy + far * Math.sin(angle)];
  }
  function siteArc(site: string, from: number, to: number): string {
    const [x1, y1] = point(from, radius + 26);
    const [x2, y2] = point(to, radius + 26);
    const middle = (from + to) / 2;
    const [tx, ty] = point(middle, radius + 40);
    const anchor = Math.abs(Math.cos(middle)) < 0.3 ? 'middle' : Math.cos(middle) > 0 ? 'start' : 'end';
    return (
      tag('path', {
        d: `M${x1} ${y1}A${radius + 26} ${radius + 26} 0 ${to - from > Math.PI ? 1 : 0} 1 ${x2} ${y2}`,
        class: 'site',
      }) + label(tx, ty + 4, site, { class: 'sitename', 'text-anchor': anchor })
    );
  }
  const most = Math.max(1, ...links.flatMap((row, a) => row.map((count, b) => count + links[b]![a]!)));
  const lines = nodes.flatMap((_, a) =>
    nodes.flatMap((__, b) => {
      const count = a < b ? links[a]![b]! + links[b]![a]! : 0;
      if (count === 0) return [];
      const [[x1, y1], [x2, y2]] = [point(angles[a]!), point(angles[b]!)];
      const strength = count / most;
      const text = `${nodes[a]!.name} → ${nodes[b]!.name}: ${compact(links[a]![b]!)} frames, back ${compact(links[b]![a]!)}`;
      return [
        tag(
          'line',
          { x1, y1, x2, y2, class: 'link', 'stroke-width': 0.6 + 3.4 * strength, opacity: 0.15 + 0.75 * strength },
          hint(text),
        ),
      ];
    }),
  );
  const dots = nodes.map(({ name, site, isLiar, lies }, index) => {
    const [x, y] = point(angles[index]!);
    const count = lives[index]!.length;
    const about = `${name} at ${site}${isLiar ? `, lies: ${lies.join(', ')}` : ''}; ${count} ${count === 1 ? 'life' : 'lives'}`;
    return tag('g', { class: isLiar ? 'node liar' : 'node' }, [
      tag('circle', { cx: x, cy: y, r: nodes.length > labelsMax ? 5 : 14 }),
      ...(nodes.length > labelsMax ? [] : [label(x, y + 4, name.replace('node-', ''), { 'text-anchor': 'middle' })]),
      hint(about),
    ]);
  });
  return drawing(size, height, 'nodes by site, and how much went between them', [...arcs, ...lines, ...dots], {
    class: 'topology',
  });
}
