// Law: a metric is what `status` says, as a number: nothing is counted twice, and no label grows with what strangers send.
import type { NodeStatus } from '../gateway/index.ts';

/** What the process itself uses. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly heapBytes: number;
}

const quoted = (text: string): string => text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');

/** Prometheus text format, version 0.0.4. */
export function renderMetrics(status: NodeStatus, use: ProcessUse): string {
  const { mesh, node, peers, workflows, refusals, named } = status;
  const lines: string[] = [];
  const family = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
  ): void => {
    lines.push(`# HELP parley_${name} ${help}`, `# TYPE parley_${name} ${type}`);
    for (const [labels, value] of samples) {
      const shown = Object.entries(labels).map(([label, text]) => `${label}="${quoted(text)}"`);
      lines.push(`parley_${name}${shown.length === 0 ? '' : `{${shown.join(',')}}`} ${value}`);
    }
  };
  const one = (name: string, type: 'gauge' | 'counter', help: string, value: number): void =>
    family(name, type, help, [[{}, value]]);
  const others = peers.filter(({ self }) => !self);

  family('node_info', 'gauge', 'What this node is; always 1.', [
    [{ name: node.name, site: node.site, mesh: mesh.name, mesh_id: mesh.id, version: node.version }, 1],
  ]);
  one('uptime_seconds', 'gauge', 'Since this node started.', node.uptimeMs / 1_000);
  one('member', 'gauge', '1 where this node has a vote.', node.role === 'member' ? 1 : 0);
  one('mesh_epoch', 'gauge', 'Changes with the set of members.', mesh.epoch);
  one('mesh_members', 'gauge', 'Members of this epoch.', mesh.members);
  one('mesh_live_weight', 'gauge', 'Weight of the members that this node sees alive.', mesh.live);
  one('mesh_quorum_weight', 'gauge', 'Weight that a decision takes; below it nothing is decided.', mesh.quorum);
  one('peers_connected', 'gauge', 'Peers with a connection now.', others.filter(({ connected }) => connected).length);
  family(
    'peers',
    'gauge',
    'Peers by what the failure detector holds them for.',
    ['alive', 'suspect', 'dead', 'unknown'].map((state) => [
      { state },
      others.filter((peer) => peer.state === state).length,
    ]),
  );
  one('workflows_running', 'gauge', 'Workflows in the record that have not ended.', workflows.running);
  one('workflows_ended', 'gauge', 'Workflows in the record that have ended.', workflows.ended);
  const byReason = new Map<string, number>();
  for (const { reason, count } of refusals) byReason.set(reason, (byReason.get(reason) ?? 0) + count);
  family(
    'refused_total',
    'counter',
    'Messages and connections refused, by reason.',
    [...byReason].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, count]) => [{ reason }, count]),
  );
  one('members_named', 'gauge', 'Nodes named by evidence or dissent.', named.length);
  one('process_resident_memory_bytes', 'gauge', 'Resident memory.', node.rssBytes);
  one('process_heap_bytes', 'gauge', 'Memory of the JavaScript heap in use.', use.heapBytes);
  one('process_cpu_seconds_total', 'counter', 'User and system time.', use.cpuSeconds);
  return `${lines.join('\n')}\n`;
}
