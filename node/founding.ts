// Law: a node enters a mesh as its founder, or by a ticket whose genesis hashes to the mesh id on it. A folder that is in a mesh stays in that
// one: whoever left it comes back with a new ticket and what it had; what a stranger sends is verified before it is written.
import { openChainStore } from '../actors/epochs/index.ts';
import { type Clock, type Crypto, NetworkError, type NodeId } from '../actors/system/index.ts';
import { createLibp2pNetwork, isForeignMesh, type Libp2pNetwork } from '../protocols/libp2p/index.ts';
import {
  createMeshChain,
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  type MeshChain,
  parseTicket,
  type Ticket,
  type TicketRole,
} from '../protocols/mesh/index.ts';
import type { NatsNetwork, NatsNetworkOptions, NatsServers } from '../protocols/nats/index.ts';
import { createIdentity, createPostOffice, equalBytes, hex } from '../protocols/wire/index.ts';
import {
  createHome,
  foundMesh,
  type Home,
  HomeError,
  hasIdentity,
  type NatsSettings,
  type NodeSettings,
  openHome,
} from './home/index.ts';
import { JoinRefused, joinPatienceMs, redeemTicket } from './redeem.ts';
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

const silent = (): void => {};

/**
 * Redeems the ticket and writes the folder; the node is then started as any other. Throws HomeError, JoinRefused or MalformedBytes. `clock`
 * stands in for the machine's own in tests.
 */
export async function joinMesh(
  options: JoinOptions,
  clock: Clock = realClock(),
): Promise<{ readonly meshId: string; readonly meshName: string; readonly role: TicketRole }> {
  const crypto = createCrypto();
  const ticket = parseTicket(options.ticket, crypto);
  const home: Home = hasIdentity(options.folder) ? openHome(options.folder) : createHome(options.folder, options.node);
  const existing = home.mesh();
  if (existing !== undefined) await checkReturn(home, decodeGenesis(hex.decode(existing.genesis)), ticket, crypto);
  const settings = home.node();
  const identity = createIdentity(crypto, home.secretKey());
  const door = {
    identity,
    meshId: ticket.meshId,
    preSharedKey: ticket.psk,
    allow: (id: NodeId) => id === ticket.issuer,
    log: silent,
  };
  const [dialed, servers] = [true, false].map((isDialed) =>
    ticket.addresses.filter((address) => address.startsWith('/') === isDialed),
  ) as [string[], string[]];
  // Over NATS where the issuer can be reached in no other way, or where the newcomer has no other transport itself.
  const nats =
    servers.length > 0 && (dialed.length === 0 || settings.listen.length === 0)
      ? (settings.nats ?? { servers })
      : undefined;
  const network =
    nats === undefined
      ? await createLibp2pNetwork({
          ...door,
          // It only dials: nobody has to find a newcomer.
          listen: [],
          // Dialed one by one below: why an address does not work is what the newcomer has to be told.
          bootstrap: [],
        })
      : await openNatsDoor(nats, home.folder, { ...door, crypto });
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
    if ('dial' in network) await reach(network, { ...ticket, addresses: dialed });
    else await meet(network, ticket.issuer, nats?.servers ?? []);
    const { chain, addresses } = await redeemTicket({ ticket, office, crypto, about: settings, version });
    await storeChain(home, chain, crypto);
    home.saveMesh({
      genesis: hex.encode(encodeGenesis(chain.genesis)),
      psk: hex.encode(ticket.psk),
      bootstrap: [...new Set([...dialed, ...addresses])].filter((address) => address.startsWith('/')),
    });
    if (nats !== undefined && settings.nats === undefined) home.saveNode({ ...settings, nats: { servers } });
    return { meshId: chain.meshIdHex, meshName: chain.genesis.name, role: ticket.role };
  } finally {
    office.close();
    await network.close();
  }
}

/** Throws HomeError `exists` unless the node was in the mesh of the ticket and is so no more, by the chain in its own folder. */
async function checkReturn(home: Home, genesis: Genesis, ticket: Ticket, crypto: Crypto): Promise<void> {
  const chain = createMeshChain(genesis, crypto);
  const shown = chain.meshIdHex.slice(0, 12);
  if (!equalBytes(chain.meshId, ticket.meshId))
    throw new HomeError(
      'exists',
      `${home.folder} is already in mesh ${shown}, not the one of this ticket`,
      'A node is in one mesh: join with another --folder.',
    );
  const storage = await createStorage(home.storeFolder);
  try {
    await openChainStore({ keyValue: await storage.keyValue('mesh'), chain, crypto });
  } finally {
    await storage.close();
  }
  const { id } = createIdentity(crypto, home.secretKey());
  const wasIn = chain.links.some(({ config }) => chain.node(id, config.epoch) !== undefined);
  if (chain.node(id) === undefined && wasIn) return;
  throw new HomeError(
    'exists',
    `${home.folder} is already in mesh ${shown}, the one of this ticket`,
    'Start it with `parley up`.',
  );
}

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

/** A NATS client is loaded only by whoever joins over NATS. */
async function openNatsDoor(
  nats: NatsSettings,
  folder: string,
  door: Omit<NatsNetworkOptions, keyof NatsServers>,
): Promise<NatsNetwork> {
  const [{ natsServersOf }, { createNatsNetwork }] = await Promise.all([
    import('./nats/index.ts'),
    import('../protocols/nats/index.ts'),
  ]);
  return createNatsNetwork({ ...door, ...natsServersOf(nats, folder) });
}

/** Waits for the issuer on the NATS servers. Throws JoinRefused, saying whether it was the servers or the issuer that did not answer. */
async function meet(network: NatsNetwork, issuer: NodeId, servers: readonly string[]): Promise<void> {
  const clock = realClock();
  const scheduler = realScheduler(clock);
  const endMs = clock.monotonicMs() + joinPatienceMs;
  while (!network.peers().includes(issuer)) {
    if (clock.monotonicMs() >= endMs) {
      checkVersion(network);
      throw new JoinRefused(
        'unreachable',
        network.server() === undefined
          ? `no NATS server let this node in at ${servers.join(', ')}; give --nats, --nats-user and --nats-password-file`
          : `the issuer could not be reached over the NATS server ${network.server()}`,
      );
    }
    await new Promise<void>((resolve) => void scheduler.at(clock.monotonicMs() + 100, resolve));
  }
}

/** Throws JoinRefused where who answers speaks another version on the wire: nothing further is said then. */
function checkVersion(network: Pick<Libp2pNetwork, 'refusals'>): void {
  const other = network.refusals().find(({ reason }) => reason === 'version');
  if (other !== undefined)
    throw new JoinRefused('version', `a node answers in another version of the protocol: ${other.detail}`);
}

/** Connects to the issuer at one of the ticket's addresses. Throws JoinRefused, saying for each address why it did not work. */
async function reach(network: Libp2pNetwork, { issuer, addresses }: Ticket): Promise<void> {
  const clock = realClock();
  const scheduler = realScheduler(clock);
  const endMs = clock.monotonicMs() + joinPatienceMs;
  for (;;) {
    // By its id: an address where another node answers now is not the issuer's.
    const errors = await Promise.all(
      addresses.map((address) =>
        network.dial(/\/p2p\/[^/]+$/.test(address) ? address : `${address}/p2p/${issuer}`).then(
          () => undefined,
          (error: Error) => error,
        ),
      ),
    );
    if (network.peers().includes(issuer)) return;
    const reasons = errors.filter((error) => error !== undefined);
    checkVersion(network);
    const closed = reasons.find((error) => error instanceof NetworkError && error.code === 'refused');
    if (closed !== undefined) throw new JoinRefused('closed', `the issuer lets nobody in now: ${closed.message}`);
    // Elsewhere it may still answer, but a key that does not fit here fits nowhere.
    const foreign = reasons.find(isForeignMesh);
    if (foreign !== undefined && reasons.every(isForeignMesh))
      throw new JoinRefused(
        'foreign',
        `a node answers, and it is not of the mesh that the ticket names: ${foreign.message}`,
      );
    if (clock.monotonicMs() >= endMs)
      throw new JoinRefused(
        'unreachable',
        `the issuer could not be reached: ${[...new Set(reasons.map(({ message }) => message))].join('; ').slice(0, 1_000)}`,
      );
    await new Promise<void>((resolve) => void scheduler.at(clock.monotonicMs() + 1_000, resolve));
  }
}
