// Law: two sites are two network namespaces joined by a third, the link between them, where every packet can be counted, dropped, delayed
// by a narrow pipe, or lost. Nothing of it is left when the test ends.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSet } from '../../node/home/index.ts';
import { type NodeSpec, TestMesh, temporaryFolder } from './mesh.ts';
import { type Namespace, Networks } from './netns.ts';

export interface SiteSpec {
  readonly site: string;
  readonly nodes: readonly string[];
  /** What the node.json of its nodes says besides. */
  readonly settings?: NodeSpec['settings'];
  /** A table of this many rows that stays at the site. */
  readonly rows?: number;
}

const subnet = (index: number): string => `10.77.${index + 1}`;
const sectionsCount = 40;

/** What the link does to packets between sites. */
export interface LinkState {
  /** Nothing passes, and nobody is told. */
  readonly isCut?: boolean;
  readonly lossPercent?: number;
  /** The first site reaches all; the others reach only the first, as if each were behind a NAT. */
  readonly isHub?: boolean;
  /** Of each direction into a site. */
  readonly bitsPerSecond?: number;
}

export interface LinkCount {
  readonly packets: number;
  readonly bytes: number;
}

export class SeparateSites {
  readonly mesh: TestMesh;
  readonly #networks: Networks;
  readonly #tables: string;
  readonly #link: Namespace;
  readonly #sites: readonly SiteSpec[];

  private constructor(mesh: TestMesh, networks: Networks, tables: string, link: Namespace, sites: readonly SiteSpec[]) {
    this.mesh = mesh;
    this.#tables = tables;
    this.#networks = networks;
    this.#link = link;
    this.#sites = sites;
  }

  /** `link`: how it is while the mesh forms. */
  static async start(sites: readonly SiteSpec[], link: LinkState = {}): Promise<SeparateSites> {
    const networks = new Networks();
    const tables = temporaryFolder('parley-tables-');
    try {
      const space = networks.add('link');
      space.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
      const specs: NodeSpec[] = [];
      for (const [index, { site, nodes, rows, settings }] of sites.entries()) {
        const own = networks.add(site);
        const net = subnet(index);
        networks.connect(
          { at: own, as: 'uplink', address: `${net}.1/24` },
          { at: space, as: `to-${site}`.slice(0, 15), address: `${net}.254/24` },
        );
        own.run('ip', 'route', 'add', 'default', 'via', `${net}.254`);
        const dataSets = rows === undefined ? [] : [tableOf(tables, site, rows)];
        for (const [at, name] of nodes.entries())
          specs.push({
            name,
            site,
            inside: own.inside,
            listen: `/ip4/${net}.1/tcp/${4_101 + at}`,
            dataSets,
            ...(settings === undefined ? {} : { settings }),
          });
      }
      setLink(space, sites, link);
      const mesh = await TestMesh.start(specs);
      return new SeparateSites(mesh, networks, tables, space, sites);
    } catch (error) {
      networks.end();
      rmSync(tables, { recursive: true, force: true });
      throw error;
    }
  }

  /** Sets the link anew; counts begin at zero. */
  set(state: LinkState): void {
    setLink(this.#link, this.#sites, state);
  }

  /** What came to the link since it was set: from one site to another, and what never should, within one. */
  counted(): { readonly between: LinkCount; readonly within: LinkCount } {
    const text = this.#link.run('nft', 'list', 'counters', 'table', 'inet', 'link');
    const read = (name: string): LinkCount => {
      const match = new RegExp(`counter ${name} \\{\\s*packets (\\d+) bytes (\\d+)`).exec(text);
      if (match === null) throw new Error(`no counter ${name} in: ${text}`);
      return { packets: Number(match[1]), bytes: Number(match[2]) };
    };
    return { between: read('between'), within: read('within') };
  }

  async end(): Promise<void> {
    try {
      await this.mesh.end();
    } finally {
      this.#networks.end();
      rmSync(this.#tables, { recursive: true, force: true });
    }
  }
}

function setLink(link: Namespace, sites: readonly SiteSpec[], state: LinkState): void {
  const { isCut = false, lossPercent = 0, bitsPerSecond, isHub = false } = state;
  const within = sites
    .map((_, index) => `    ip saddr ${subnet(index)}.0/24 ip daddr ${subnet(index)}.0/24 counter name within`)
    .join('\n');
  // Of the sites after the first, no packet reaches another.
  const spokes = sites
    .flatMap((_, from) => sites.map((__, to) => [from, to] as const))
    .filter(([from, to]) => from > 0 && to > 0 && from !== to)
    .map(([from, to]) => `    ip saddr ${subnet(from)}.0/24 ip daddr ${subnet(to)}.0/24 drop`)
    .join('\n');
  link.rules(`table inet link
delete table inet link
table inet link {
  counter between { }
  counter within { }
  chain forward {
    type filter hook forward priority 0;
${within}
    counter name between
${isHub ? spokes : ''}
${isCut ? '    drop' : ''}${!isCut && lossPercent > 0 ? `    numgen random mod 100 < ${lossPercent} drop` : ''}
  }
}
`);
  for (const { site } of sites) {
    const device = `to-${site}`.slice(0, 15);
    // Deleting what is not there fails, and that is as well.
    try {
      link.run('tc', 'qdisc', 'del', 'dev', device, 'root');
    } catch {}
    if (bitsPerSecond !== undefined)
      link.run(
        ...['tc', 'qdisc', 'add', 'dev', device, 'root', 'tbf'],
        ...['rate', `${bitsPerSecond}bit`, 'burst', '16kbit', 'latency', '400ms'],
      );
  }
}

/** A private table: sections of equal size, so that what any question about it comes to is known beforehand. */
function tableOf(folder: string, site: string, rows: number): DataSet {
  mkdirSync(join(folder, site), { recursive: true });
  const path = join(folder, site, 'packages.csv');
  const lines = ['package,section,installed_size,version,architecture'];
  for (let i = 0; i < rows; i++)
    lines.push(`${site}-package-${i},section-${i % sectionsCount},${100 + (i % sectionsCount)},1.0-${i},amd64`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return { name: 'packages', path, policy: { minimumGroupSize: 5, allow: ['table.aggregate'] } };
}
