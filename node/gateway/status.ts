// Law: status says what this node sees, and calls it that: another node may see otherwise for a while.
import { liveMembers } from '../../actors/parts/index.ts';
import { weightOf } from '../../actors/workflow/index.ts';
import { thresholdsOf, toleranceInWords } from '../../consensus/index.ts';
import { version } from '../world/index.ts';
import type { NodeStatus, PeerStatus } from './api.ts';
import type { GatewayOptions } from './gateway.ts';

export function statusOf(options: GatewayOptions): NodeStatus {
  const { parts, home, settings, transport } = options;
  const { chain, view, identity, board, office, ledger, world } = parts;
  const config = chain.current;
  const others = world.network.peers().filter((id) => !chain.isMember(id));
  const peers = [...config.members.map(({ id }) => id), ...others].map((id): PeerStatus => {
    const presence = view.presence(id);
    const member = chain.member(id);
    return {
      id,
      name: member?.name ?? presence?.name ?? id.slice(-8),
      site: member?.site ?? presence?.site ?? '',
      member: member !== undefined,
      self: id === identity.id,
      connected: id === identity.id || world.network.peers().includes(id),
      state: view.state(id),
      skills: presence?.skills ?? [],
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
      member: chain.isMember(identity.id),
    },
    peers,
    workflows: {
      running: records.filter(({ ended }) => ended === undefined).length,
      ended: records.filter(({ ended }) => ended !== undefined).length,
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
