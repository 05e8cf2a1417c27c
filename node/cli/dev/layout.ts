// Law: `dev` writes only where it wrote before, or where nothing is; what it did not make it does not remove.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMeshFolders, type DataSet, freePorts } from '../../home/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { devFileName, liveSockets } from '../locate.ts';

export interface DevNode {
  readonly name: string;
  readonly site: string;
  readonly dataSets?: readonly DataSet[];
}

const treeNames =
  'amber birch cedar dahlia elm fern ginkgo hazel iris juniper kale laurel maple nettle olive poplar'.split(' ');

const compiled = import.meta.url.endsWith('.js');
const examplesFolder = fileURLToPath(
  new URL(compiled ? '../../../../examples/data/' : '../../../examples/data/', import.meta.url),
);

export const examples = {
  packages: {
    words: 'total installed_size per section in packages.csv, top 5',
    file: join(examplesFolder, 'packages.csv'),
  },
  sites: {
    words: 'average installed_size per section across all sites, top 10',
    folder: join(examplesFolder, 'sites'),
  },
} as const;

/** `count` nodes of one place: each is a site of its own only in name of the machine they share. */
export function plainNodes(count: number): DevNode[] {
  return treeNames.slice(0, count).map((name) => ({ name, site: 'local' }));
}

/** Two nodes at each site of the example, both of which may read the site's private table. */
export function siteNodes(): DevNode[] {
  const { folder } = examples.sites;
  const sites = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(join(folder, name, 'packages.csv')))
        .sort()
    : [];
  if (sites.length === 0)
    throw new CliFailure(
      exitCodes.failed,
      'no_example',
      `the example's data is missing: no site in ${folder}`,
      'Restore the examples folder of the repository.',
    );
  return sites.flatMap((site, index) => {
    const dataSets: DataSet[] = [
      {
        name: 'packages',
        path: join(folder, site, 'packages.csv'),
        policy: { minimumGroupSize: 5, allow: ['table.aggregate'] },
      },
    ];
    return [0, 1].map((which) => ({ name: treeNames[2 * index + which]!, site, dataSets }));
  });
}

/** Makes room under `root` and writes one folder per node there. Returns the folders in the order of `nodes`. */
export async function layOut(
  root: string,
  meshName: string,
  nodes: readonly DevNode[],
  program: string,
): Promise<string[]> {
  await clear(root, program);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  writeFileSync(join(root, devFileName), `${JSON.stringify({ nodes: nodes.map(({ name }) => name) }, null, 2)}\n`, {
    mode: 0o600,
  });
  const ports = await freePorts(nodes.length);
  const homes = createMeshFolders({
    root,
    meshName,
    nodes: nodes.map((node, index) => ({ ...node, listen: [`/ip4/127.0.0.1/tcp/${ports[index]}`] })),
  });
  return homes.map((home) => home.folder);
}

async function clear(root: string, program: string): Promise<void> {
  if (!existsSync(root)) return;
  const record = join(root, devFileName);
  if (!statSync(root).isDirectory() || (!existsSync(record) && readdirSync(root).length > 0)) {
    throw new CliFailure(
      exitCodes.usage,
      'not_ours',
      `${root} is not a folder that \`dev\` made, and it is not empty`,
      'Name another one with --folder.',
    );
  }
  if ((await liveSockets(root)).length > 0) {
    throw new CliFailure(
      exitCodes.failed,
      'folder_in_use',
      `a mesh is running in ${root}`,
      `Stop it: ${program} down --folder ${root}\n   or use another folder: --folder F`,
    );
  }
  if (!existsSync(record)) return;
  const { nodes } = JSON.parse(readFileSync(record, 'utf8')) as { nodes: readonly string[] };
  // A name with a slash would reach outside: the record is a file anyone may have edited.
  for (const name of nodes)
    if (basename(name) === name && name !== '..' && name !== '.')
      rmSync(join(root, name), { recursive: true, force: true });
}

/** A name for the mesh of `root`, for people. */
export function meshNameFor(root: string): string {
  const base = basename(dirname(root)) === '.parley' ? basename(dirname(dirname(root))) : basename(root);
  const clean = base
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 50);
  return clean === '' ? 'dev' : `dev-${clean}`;
}
