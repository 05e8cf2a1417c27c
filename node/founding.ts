// Law: a node enters a mesh once: as its founder, or by a ticket whose genesis hashes to the mesh id on it. A folder that is in a mesh
// stays in it; what a stranger sends is verified before it is written.
import { joinMesh as joinRequest, openChainStore } from '../actors/epochs/index.ts';
import { type Crypto, type Network, NetworkError, type NodeId } from '../actors/system/index.ts';
import { judgeGenesis, verifyConfigLink } from '../consensus/index.ts';
import { createLibp2pNetwork } from '../protocols/libp2p/index.ts';
import {
  createMeshChain,
  decodeConfig,
  decodeGenesis,
  encodeGenesis,
  type MeshChain,
  meshIdOf,
  parseTicket,
} from '../protocols/mesh/index.ts';
import { createIdentity, createPostOffice, equalBytes, hex, MalformedBytes } from '../protocols/wire/index.ts';
import { createHome, foundMesh, type Home, HomeError, hasIdentity, type NodeSettings, openHome } from './home/index.ts';
import { createCrypto, createStorage, realClock, realRandom, realScheduler, version } from './world/index.ts';

export interface MeshOptions {
  readonly folder: string;
  readonly meshName: string;
  readonly node: NodeSettings;
}

/** A new mesh of one member, or the node's existing one untouched. Returns whether a mesh was founded. */
export function createMesh({ folder, meshName, node }: MeshOptions): boolean {
  const home = hasIdentity(folder) ? openHome(folder) : createHome(folder, node);
  if (home.mesh() !== undefined) return false;
  foundMesh(meshName, [home]);
  return true;
}

export interface JoinOptions {
  readonly folder: string;
  readonly ticket: string;
  readonly node: NodeSettings;
}

const joinPatienceMs = 20_000;
const silent = (): void => {};

/** Redeems the ticket and writes the folder; the node is then started as any other. Throws HomeError, JoinRefused or MalformedBytes. */
export async function joinMesh(
  options: JoinOptions,
): Promise<{ readonly meshId: string; readonly meshName: string; readonly role: 'observer' | 'member' }> {
  const crypto = createCrypto();
  const ticket = parseTicket(options.ticket, crypto);
  const home: Home = hasIdentity(options.folder) ? openHome(options.folder) : createHome(options.folder, options.node);
  const existing = home.mesh();
  if (existing !== undefined) {
    const current = hex.encode(meshIdOf(decodeGenesis(hex.decode(existing.genesis)), crypto));
    throw new HomeError(
      'exists',
      `${home.folder} is already in mesh ${current.slice(0, 12)}${current === hex.encode(ticket.meshId) ? ', the one of this ticket' : ', not the one of this ticket'}`,
      current === hex.encode(ticket.meshId)
        ? 'Start it with `parley up`.'
        : 'A node is in one mesh: join with another --folder.',
    );
  }
  const settings = home.node();
  const identity = createIdentity(crypto, home.secretKey());
  const clock = realClock();
  const network = await createLibp2pNetwork({
    identity,
    meshId: ticket.meshId,
    preSharedKey: ticket.psk,
    // It only dials: nobody has to find a newcomer.
    listen: [],
    bootstrap: ticket.addresses,
    allow: (id) => id === ticket.issuer,
    log: silent,
  });
  const office = createPostOffice({
    identity,
    meshId: ticket.meshId,
    crypto,
    clock,
    random: realRandom(),
    network,
    log: silent,
  });
  try {
    await waitForPeer(network, ticket.issuer, ticket.addresses);
    const { name, site, operator, modelFamily } = settings;
    const reply = await office.request(
      ticket.issuer,
      joinRequest,
      { token: ticket.token, name, site, operator, modelFamily, version },
      { timeoutMs: joinPatienceMs },
    );
    if (!reply.admitted) throw new JoinRefused(reply.code, reply.reason);
    const genesis = decodeGenesis(reply.genesis);
    if (!equalBytes(meshIdOf(genesis, crypto), ticket.meshId))
      throw new JoinRefused(
        'foreign',
        'the node that answered showed the genesis of another mesh than the ticket names',
      );
    const founding = judgeGenesis(genesis);
    if (!founding.ok) throw new JoinRefused('foreign', `the mesh is not sound: ${founding.reason}`);
    const chain = createMeshChain(genesis, crypto);
    for (const { config: bytes, certificate } of reply.links) {
      const config = decodeConfig(bytes);
      const check = verifyConfigLink(config, certificate, chain.current, chain.meshId, crypto);
      if (!check.ok)
        throw new JoinRefused('foreign', `the members of epoch ${config.epoch} are not proven: ${check.reason}`);
      chain.append({ config, certificate }, true);
    }
    await storeChain(home, chain, crypto);
    home.saveMesh({
      genesis: hex.encode(encodeGenesis(genesis)),
      psk: hex.encode(ticket.psk),
      bootstrap: [...new Set([...ticket.addresses, ...reply.addresses])],
    });
    return { meshId: chain.meshIdHex, meshName: genesis.name, role: ticket.role };
  } catch (error) {
    if (error instanceof NetworkError && error.code === 'timeout')
      throw new JoinRefused('unreachable', `the issuer did not answer within ${joinPatienceMs / 1_000} s`);
    if (error instanceof MalformedBytes)
      throw new JoinRefused('foreign', `the answer is not a mesh's: ${error.message}`);
    throw error;
  } finally {
    office.close();
    await network.close();
  }
}

/** Why a newcomer stays outside. `code` is `expired`, `used`, `unknown`, `name_taken`, `version`, `no_quorum`, `foreign` or `unreachable`. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused';
  readonly code: string;
  readonly hint: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
    this.hint = joinHints[code] ?? 'Ask the person who invited you for a new ticket.';
  }
}

const joinHints: Readonly<Record<string, string>> = {
  expired:
    'Ask for a new ticket: `parley invite` at a member. If it was issued a moment ago, compare the clocks of both machines.',
  used: 'Ask for a new ticket: each newcomer needs its own.',
  unknown: 'The ticket may be from another node, or older than the node’s store. Ask for a new one.',
  name_taken: 'Join with another name: --name NAME.',
  version: 'Install the same version of parley.',
  no_quorum: 'Have the members started (`parley status` there), then join again with the same ticket.',
  foreign: 'Do not trust this ticket. Ask the person who invited you.',
  unreachable:
    'Check that the member runs, that its address in the ticket is reachable from here (firewall, NAT), and that the ticket is of this mesh.',
};

/** The chain goes to the disk with the genesis: the members of later epochs are then known before the first connection. */
async function storeChain(home: Home, chain: MeshChain, crypto: Crypto): Promise<void> {
  const storage = await createStorage(home.storeFolder);
  try {
    const fresh = createMeshChain(chain.genesis, crypto);
    const store = await openChainStore({ keyValue: await storage.keyValue('mesh'), chain: fresh, crypto });
    for (const link of chain.links.slice(1)) await store.adopt(link);
  } finally {
    await storage.close();
  }
}

async function waitForPeer(network: Network, issuer: NodeId, addresses: readonly string[]): Promise<void> {
  const clock = realClock();
  const scheduler = realScheduler(clock);
  const isThere = await new Promise<boolean>((resolve) => {
    const cancel = scheduler.at(clock.monotonicMs() + joinPatienceMs, () => resolve(false));
    const arrived = (): void => {
      cancel();
      resolve(true);
    };
    network.onPeer(({ node, up }) => void (up && node === issuer && arrived()));
    if (network.peers().includes(issuer)) arrived();
  });
  if (!isThere) throw new JoinRefused('unreachable', `the issuer could not be reached at ${addresses.join(', ')}`);
}
