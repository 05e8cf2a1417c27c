// Law: status says what this node sees, and calls it that: another node may see otherwise for a while.
import { liveMembers } from '../../actors/parts/index.ts';
import type { NodeId } from '../../actors/system/index.ts';
import { thresholdsOf, toleranceInWords, weightOf } from '../../consensus/index.ts';
import { type MeshChain, workersOf } from '../../protocols/mesh/index.ts';
import { version } from '../world/index.ts';
import type { MeshRole, NodeStatus, PeerStatus } from './api-mesh.ts';
import type { GatewayOptions } from './gateway.ts';

export function statusOf(options: GatewayOptions): NodeStatus {
  const { parts, home, settings, transport } = options;
  const { chain, view, identity, board, office, ledger, world } = parts;
  const config = chain.current;
  const others = world.network.peers().filter((id) => chain.node(id) === undefined);
  const peers = [...[...config.members, ...workersOf(config)].map(({ id }) => id), ...others].map((id): PeerStatus => {
    const presence = view.presence(id);
    const known = chain.node(id);
    return {
      id,
      name: known?.name ?? presence?.name ?? id.slice(-8),
      site: known?.site ?? presence?.site ?? '',
      role: roleOf(chain, id),
      self: id === identity.id,
      connected: id === identity.id || world.network.peers().includes(id),
      state: view.state(id),
      skills: presence?.skills ?? [],
      trust: ledger.isNamed(id) ? 'named' : 'full',
      ...(presence === undefined ? {} : { socket: presence.socket, load: presence.load }),
    };
  });
  const records = board.all().filter(({ opened }) => opened !== undefined);
  return {
    mesh: {
      id: chain.meshIdHex,
      name: chain.genesis.name,
      epoch: config.epoch,
      members: config.members.length,
      tolerance: toleranceInWords(config),
      quorum: thresholdsOf(config).quorum,
      live: weightOf(config, liveMembers(config, view)),
    },
    node: {
      id: identity.id,
      name: settings.name,
      site: settings.site,
      folder: home.folder,
      addresses: [...transport.addresses()],
      version,
      uptimeMs: Math.round(world.clock.monotonicMs() - options.startedAtMs),
      rssBytes: process.memoryUsage.rss(),
      role: roleOf(chain, identity.id),
    },
    peers,
    workflows: {
      running: records.filter(({ ended }) => ended === undefined).length,
      ended: board.archived().length + records.filter(({ ended }) => ended !== undefined).length,
    },
    refusals: [
      ...[...office.refusals(), ...parts.refusals.list()].map(({ from, reason, count }) => ({
        from: chain.nameOf(from),
        reason,
        count,
      })),
      ...transport.refusals().map(({ from, reason, count }) => ({ from, reason, count })),
    ],
    sent: office.sent(),
    named: ledger.charges().map(({ node, what, count }) => ({ node: chain.nameOf(node), what, count })),
    sandbox: 'worker threads: heap and time are limited; files and network are not isolated',
  };
}

/** As part of a sentence. */
export const inWords = (role: MeshRole): string => (role === 'observer' ? 'an observer' : `a ${role}`);

export function roleOf(chain: Pick<MeshChain, 'isMember' | 'worker'>, id: NodeId): MeshRole {
  return chain.isMember(id) ? 'member' : chain.worker(id) === undefined ? 'observer' : 'worker';
}
