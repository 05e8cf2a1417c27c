// Law: a mesh begins with one genesis that names every founding member; f is the most its member count can bear.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { defaultFaultBudget } from '../../consensus/index.ts';
import { type EpochConfig, encodeGenesis, type Genesis, type Member } from '../../protocols/mesh/index.ts';
import { compareText, createIdentity, hex } from '../../protocols/wire/index.ts';
import { createCrypto } from '../world/index.ts';
import { createHome, type DataSet, type Home, type NatsSettings, type NodeSettings } from './home.ts';

export interface FoundingNode {
  readonly name: string;
  readonly site: string;
  readonly listen: readonly string[];
  readonly dataSets?: readonly DataSet[];
  readonly nats?: NatsSettings;
  readonly modelFamily?: string;
}

/** One folder per node under `root`, all members of a new mesh, each with the others' addresses. Returns the homes in order. */
export function createMeshFolders(options: {
  readonly root: string;
  readonly meshName: string;
  readonly nodes: readonly FoundingNode[];
}): Home[] {
  const homes = options.nodes.map((node) => createHome(join(options.root, node.name), settingsOf(node)));
  foundMesh(options.meshName, homes);
  return homes;
}

/** Writes one genesis, naming every given node, into each of their folders. */
export function foundMesh(meshName: string, homes: readonly Home[]): void {
  const crypto = createCrypto();
  const members = homes.map((home): Member => {
    const { name, site, operator, modelFamily } = home.node();
    return { id: createIdentity(crypto, home.secretKey()).id, weight: 1, name, site, operator, modelFamily };
  });
  const genesis: Genesis = {
    name: meshName,
    nonce: new Uint8Array(randomBytes(32)),
    config: configOf(0, members, new Uint8Array(32)),
  };
  const bootstrap = homes.flatMap((home) => home.node().listen.filter((address) => !/\/tcp\/0(?:\/|$)/.test(address)));
  const mesh = { genesis: hex.encode(encodeGenesis(genesis)), psk: randomBytes(32).toString('hex'), bootstrap };
  for (const home of homes) home.saveMesh(mesh);
}

/** The config of `members` at `epoch` with the strongest thresholds that many equal members can bear. */
function configOf(epoch: number, members: readonly Member[], previous: Uint8Array): EpochConfig {
  return {
    epoch,
    members: [...members].sort((a, b) => compareText(a.id, b.id)),
    ...defaultFaultBudget(members.length),
    previous,
  };
}

function settingsOf(node: FoundingNode): NodeSettings {
  return {
    name: node.name,
    site: node.site,
    operator: node.site,
    modelFamily: node.modelFamily ?? 'none',
    listen: [...node.listen],
    dataSets: [...(node.dataSets ?? [])],
    ...(node.nats === undefined ? {} : { nats: node.nats }),
  };
}
