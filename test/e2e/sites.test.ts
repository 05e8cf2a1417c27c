// Law: a question across sites is answered from aggregates that each site is willing to give; who gave none is named in the answer, with a
// certificate; and no raw row leaves a site, which is shown by reading every byte that did.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { type DataSet, openHome } from '../../node/home/index.ts';
import { type Asked, eventually, localFile, TestMesh } from '../support/mesh.ts';
import { type PackageRow, readPackages, sitePath, sumBySection } from '../support/packages.ts';
import { recordFile } from '../support/traitor-network.ts';
import { createCrypto } from '../support/world.ts';

const words = 'average installed_size per section across all sites, top 10';
const minimum = 5;
const sites = ['north', 'south', 'west'] as const;
type Site = (typeof sites)[number];
const rowsOf: Readonly<Record<Site, PackageRow[]>> = {
  north: readPackages(sitePath('north')),
  south: readPackages(sitePath('south')),
  west: readPackages(sitePath('west')),
};
const dataSet = (site: Site, allow: readonly string[] = ['table.aggregate']): DataSet => ({
  name: 'packages',
  path: sitePath(site),
  policy: { minimumGroupSize: minimum, allow: [...allow] },
});
const nodes = [
  { name: 'amber', site: 'north' },
  { name: 'birch', site: 'north' },
  { name: 'cedar', site: 'south' },
  { name: 'dahlia', site: 'west' },
] as const;
const nodesAt = (site: Site) => nodes.filter((node) => node.site === site).map(({ name }) => name);
const crypto = createCrypto();

let mesh: TestMesh;
let meshId: string;
beforeAll(async () => {
  mesh = await TestMesh.start(
    nodes.map(({ name, site }) => ({ name, site, dataSets: [dataSet(site)], behaviour: 'record' as const })),
  );
  meshId = (await mesh.status('amber')).mesh.id;
});
afterAll(() => mesh?.end());

/** Half-even at six decimals, as the skills' number format has it: of whole numbers, by whole numbers. */
function average(sum: number, rows: number): number | string {
  const scaled = BigInt(sum) * 1_000_000n;
  const count = BigInt(rows);
  let quotient = scaled / count;
  const twice = (scaled % count) * 2n;
  if (twice > count || (twice === count && quotient % 2n === 1n)) quotient++;
  const digits = quotient.toString().padStart(7, '0');
  const text = `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/0+$/, '').replace(/\.$/, '');
  return text.includes('.') ? text : Number(text);
}

/** The answer, from the shards: per site sums of sections with enough rows there, then merged. */
function expectedRows(asked: readonly Site[]): (number | string)[][] {
  const merged = new Map<string, { sum: number; rows: number }>();
  for (const site of asked)
    for (const { section, rows, sum } of sumBySection(rowsOf[site])) {
      if (rows < minimum) continue;
      const at = merged.get(section) ?? { sum: 0, rows: 0 };
      merged.set(section, { sum: at.sum + sum, rows: at.rows + rows });
    }
  return [...merged]
    .sort(([a, x], [b, y]) => y.sum / y.rows - x.sum / x.rows || (a < b ? -1 : 1))
    .slice(0, 10)
    .map(([section, { sum, rows }]) => [section, average(sum, rows)]);
}

interface Merged {
  readonly rows: readonly unknown[];
  readonly parts: readonly {
    readonly site: string;
    readonly rows?: number;
    readonly suppressedGroups?: number;
    readonly missing?: string;
  }[];
}
const answerOf = ({ detail }: Asked): Merged => detail.result!.json as Merged;

async function proven({ workflow, detail }: Asked, name: string): Promise<string> {
  const bytes = await mesh.certificate(name, workflow);
  const verdict = verifyCertificateFile(bytes, {
    crypto,
    meshId,
    result: await mesh.blob(name, detail.result!.digest),
  });
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.lines.join('\n');
}

const presentPart = (site: Site) => {
  const sections = sumBySection(rowsOf[site]);
  const large = sections.filter(({ rows }) => rows >= minimum);
  return {
    site,
    rows: large.reduce((sum, { rows }) => sum + rows, 0),
    suppressedGroups: sections.length - large.length,
  };
};

/** Everything that any node said to any other since the mesh was started. */
function everythingSaid(): Buffer {
  return Buffer.concat(
    mesh.names
      .map((name) => join(mesh.folder(name), recordFile))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path)),
  );
}

/** Long enough, and no part of a section's name, for a hit to mean the row. */
function telling(rows: readonly PackageRow[]): string[] {
  const harmless = [
    ...sites.flatMap((site) => rowsOf[site].map(({ section }) => section)),
    words,
    'packages.csv',
    'parley',
    'installed_size',
  ].join('\n');
  return [...new Set(rows.flatMap((row) => [row.package, row.version]))].filter(
    (text) => text.length >= 7 && !harmless.includes(text),
  );
}

describe('a question across three sites', () => {
  it('is answered with what the shards give when small groups stay at home', async () => {
    const asked = await mesh.ask(words, [], { node: 'dahlia' });
    const answer = answerOf(asked);
    expect(answer.rows).toEqual(expectedRows(sites));
    expect(answer.parts).toEqual(sites.map(presentPart));
    expect(presentPart('north').suppressedGroups).toBeGreaterThan(0);
    const lines = await proven(asked, 'amber');
    // The merge is decided by three of four; the fourth is named where its word came in time.
    expect(lines).toMatch(/recomputed by (\w+, \w+ and \w+ \(3 of 4\)|amber, birch, cedar and dahlia \(4 of 4\))/);
    for (const site of sites) expect(lines).toContain(`on site ${site}'s own word`);
  });

  it('and no package or version of any shard crossed between nodes', () => {
    const said = everythingSaid();
    const texts = sites.flatMap((site) => telling(rowsOf[site]));
    expect(texts.length).toBeGreaterThan(500);
    expect(said.length).toBeGreaterThan(10_000);
    expect(texts.filter((text) => said.includes(text))).toEqual([]);
    console.log(`${said.length} bytes said between 4 nodes, searched for ${texts.length} names and versions: none`);
  });

  it('while the sums of the large groups did cross, and those of the small ones did not', () => {
    const said = everythingSaid();
    for (const site of sites) {
      const sections = sumBySection(rowsOf[site]);
      const crossing = (sum: number): boolean => said.includes(`"sum":"${sum}"`) || said.includes(`"sum":${sum}`);
      const large = sections.filter(({ rows }) => rows >= minimum);
      expect(large.some(({ sum }) => crossing(sum))).toBe(true);
      const sums = new Set(
        sites.flatMap((other) =>
          sumBySection(rowsOf[other])
            .filter(({ rows }) => rows >= minimum)
            .map(({ sum }) => sum),
        ),
      );
      for (const { section, rows, sum } of sections)
        if (rows < minimum && !sums.has(sum)) expect([site, section, crossing(sum)]).toEqual([site, section, false]);
    }
  });

  it('asked by a plan for smaller groups than a site lets out, it gets none of them', async () => {
    const { plan } = (await mesh.clientOf('birch').plan({ words }, { files: [], at: async () => [] } as never)) as {
      plan: { tasks: { skill: string; input: Record<string, unknown> }[] };
    };
    for (const task of plan.tasks) if (task.skill === 'table.aggregate') task.input.minimumGroupSize = 1;
    const asked = await mesh.ask({ plan }, [], { node: 'birch' });
    expect(answerOf(asked).parts).toEqual(sites.map(presentPart));
    expect(answerOf(asked).rows).toEqual(expectedRows(sites));
  });

  it('cannot be turned into a query of the rows: the site names what its policy forbids', async () => {
    const { plan } = (await mesh.clientOf('birch').plan({ words }, { files: [], at: async () => [] } as never)) as {
      plan: { tasks: { id: string; skill: string; optional: boolean; input: unknown }[]; result: string; goal: string };
    };
    const [first] = plan.tasks;
    const prying = {
      ...plan,
      goal: 'the rows of north',
      tasks: [{ ...first, skill: 'table.query', optional: false, input: { limit: 100 } }],
      result: first!.id,
    };
    const asked = await mesh.ask({ plan: prying }, [], { node: 'cedar' });
    expect(asked.detail).toMatchObject({
      state: 'failed',
      message: expect.stringContaining("does not allow table.query on 'packages'"),
    });
    const said = everythingSaid();
    expect(sites.flatMap((site) => telling(rowsOf[site])).filter((text) => said.includes(text))).toEqual([]);
  });
});

describe('a site that gives nothing', () => {
  it('because its policy forbids the skill is named with its reason, and the rest is answered and certified', async () => {
    await mesh.stop('dahlia');
    const home = openHome(mesh.folder('dahlia'));
    const settings = home.node();
    home.saveNode({ ...settings, dataSets: [dataSet('west', [])] });
    await mesh.startNode('dahlia');
    await mesh.formed();
    const asked = await mesh.ask(words, [], { node: 'amber' });
    const { rows, parts } = answerOf(asked);
    expect(rows).toEqual(expectedRows(['north', 'south']));
    expect(parts).toEqual([
      presentPart('north'),
      presentPart('south'),
      {
        site: 'west',
        missing: expect.stringContaining("the site's policy does not allow table.aggregate on 'packages'"),
      },
    ]);
    const lines = await proven(asked, 'cedar');
    expect(lines).toMatch(/site-west \(table\.aggregate\): REJECT/);
    await mesh.stop('dahlia');
    home.saveNode(settings);
    await mesh.startNode('dahlia');
    await mesh.formed();
  });

  it('because it is down is named as such, and the rest is answered and certified', async () => {
    await mesh.kill('cedar');
    await eventually('birch to miss cedar', async () => (await mesh.status('birch')).mesh.live === 3);
    const asked = await mesh.ask(words, [], { node: 'birch' });
    console.log(`with one site down: ${asked.elapsedMs.toFixed(0)} ms`);
    const { rows, parts } = answerOf(asked);
    expect(rows).toEqual(expectedRows(['north', 'west']));
    expect(parts).toEqual([
      presentPart('north'),
      { site: 'south', missing: 'no node of the site answered in time' },
      presentPart('west'),
    ]);
    const lines = await proven(asked, 'dahlia');
    expect(lines).toMatch(/site-south \(table\.aggregate\): REASSIGN/);
    await mesh.startNode('cedar');
    await mesh.formed();
  });

  it('because it is down, and was so before the node that is asked came up, is named too', async () => {
    await mesh.kill('cedar');
    await mesh.stop('amber');
    await mesh.startNode('amber');
    await mesh.formed();
    const asked = await mesh.ask(words, [], { node: 'amber' });
    expect(answerOf(asked).rows).toEqual(expectedRows(['north', 'west']));
    expect(answerOf(asked).parts[1]).toEqual({ site: 'south', missing: 'no node of the site answered in time' });
    await mesh.startNode('cedar');
    await mesh.formed();
  });

  it('because its table is gone or empty is named as well, and an empty table is not taken for an answer', async () => {
    await mesh.stop('cedar');
    const home = openHome(mesh.folder('cedar'));
    const settings = home.node();
    const path = join(mesh.root, 'moved.csv');
    home.saveNode({ ...settings, dataSets: [{ ...dataSet('south'), path }] });
    await mesh.startNode('cedar');
    await mesh.formed();
    const { checks } = await mesh.doctor('cedar');
    expect(checks).toContainEqual(
      expect.objectContaining({ ok: false, check: 'data set packages', fix: expect.stringContaining('path') }),
    );
    const gone = await mesh.ask(words, [], { node: 'amber' });
    expect(answerOf(gone).rows).toEqual(expectedRows(['north', 'west']));
    expect(answerOf(gone).parts[1]).toEqual({ site: 'south', missing: expect.stringMatching(/./) });
    writeFileSync(path, '');
    const empty = await mesh.ask(words, [], { node: 'amber' });
    expect(answerOf(empty).rows).toEqual(expectedRows(['north', 'west']));
    expect(answerOf(empty).parts[1]).toEqual({ site: 'south', missing: expect.stringMatching(/empty/) });
    home.saveNode(settings);
  });

  it('does not keep a node with one of two at a site down from answering for it', async () => {
    await mesh.stop('cedar');
    await mesh.restart('cedar');
    await mesh.kill('birch');
    expect(nodesAt('north')).toEqual(['amber', 'birch']);
    const asked = await mesh.ask(words, [], { node: 'amber' });
    expect(answerOf(asked).rows).toEqual(expectedRows(sites));
    expect(await proven(asked, 'dahlia')).toContain("computed by amber, on site north's own word");
    await mesh.startNode('birch');
    await mesh.formed();
  });
});

describe('the search itself', () => {
  it('finds rows that did cross: those of a file that the client gave to the mesh', async () => {
    const content = readFileSync(sitePath('south'), 'utf8');
    const texts = telling(rowsOf.south);
    const asked = await mesh.ask(
      'total installed_size per section in south.csv, top 3',
      [localFile('south.csv', content)],
      { node: 'amber' },
    );
    expect(asked.detail.state).toBe('completed');
    const said = everythingSaid();
    expect(texts.filter((text) => !said.includes(text))).toEqual([]);
  });
});
