// Law: every check names its subject, and every failed one ends with what to do about it.
import { liveMembers } from '../../actors/parts/index.ts';
import { thresholdsOf, toleranceInWords, weightOf } from '../../consensus/index.ts';
import { workersOf } from '../../protocols/mesh/index.ts';
import { version } from '../world/index.ts';
import type { DoctorReport } from './api-mesh.ts';
import type { GatewayOptions } from './gateway.ts';
import { examinePairs, examineReach } from './pairs.ts';
import { examineRefusals } from './refused.ts';

type Check = DoctorReport['checks'][number];

/** An idle node takes about 150 MiB, one that runs skills some 50 more; beyond this something holds memory that it should not. */
const rssLimitBytes = 512 * 1024 * 1024;

export async function examine(options: GatewayOptions): Promise<DoctorReport> {
  const { parts, settings, transport } = options;
  const { chain, view, world, office, ledger } = parts;
  const checks: Check[] = [];
  const add = (subject: string, check: string, ok: boolean, detail: string, fix: string): void =>
    void checks.push({ subject, check, ok, detail, ...(ok ? {} : { fix }) });
  const config = chain.current;
  const { quorum } = thresholdsOf(config);
  const live = weightOf(config, liveMembers(config, view));

  add(
    'mesh',
    'quorum',
    live >= quorum,
    `${live} of ${config.members.length} members are there, ${quorum} must agree`,
    `Start the missing members (below); workflows wait for them and go on by themselves.`,
  );
  // How many members a mesh has is its owners' choice; what that means is told all the same.
  checks.push({
    subject: 'mesh',
    check: 'tolerance',
    ok: true,
    detail: toleranceInWords(config),
    ...(config.f > 0
      ? {}
      : {
          isNote: true,
          fix: 'A mesh tolerates a lying member from four members on: invite more with `parley invite`.',
        }),
  });
  add(
    settings.name,
    'listening',
    transport.addresses().length > 0,
    transport.addresses().join(', ') || 'on no address',
    'Set "listen" in node.json, for example ["/ip4/0.0.0.0/tcp/4711"], and start again; with "nats", start one of its servers.',
  );
  const rssBytes = process.memoryUsage.rss();
  add(
    settings.name,
    'memory',
    rssBytes <= rssLimitBytes,
    `${Math.round(rssBytes / 1048576)} MiB resident`,
    'Far above the usual 150 to 200 MiB. Look for a large workflow with `parley ps`; if there is none, restart the node and report it.',
  );
  for (const set of settings.dataSets) {
    try {
      await parts.dataSets.open(set.name);
      add(
        settings.name,
        `data set ${set.name}`,
        true,
        `readable; groups below ${set.policy.minimumGroupSize} rows stay here; allowed: ${set.policy.allow.join(', ')}`,
        '',
      );
    } catch (error) {
      add(
        settings.name,
        `data set ${set.name}`,
        false,
        (error as Error).message,
        'Correct its path in node.json, or the file’s permissions.',
      );
    }
  }

  for (const { what, count } of ledger.charges().filter(({ node }) => node === parts.identity.id)) {
    add(
      settings.name,
      'conduct',
      false,
      `${what} (${count}×)`,
      'What this node signed, or remembers of it, does not fit together: look at its disk and at node.log. Its data is safe with the others; to vote again it joins with a new key (another --folder and a ticket).',
    );
  }

  checks.push(...examineReach(settings.name, settings.relay?.wanted ?? 0, transport));
  const pairs = await examinePairs(parts, transport);

  for (const member of [...config.members, ...workersOf(config)]) {
    if (member.id === parts.identity.id) continue;
    const isConnected = world.network.peers().includes(member.id);
    const state = view.state(member.id);
    const lastAddresses = view.presence(member.id)?.addresses.join(', ');
    const reachedBy = pairs.reachedBy(member.id);
    add(
      member.name,
      'connection',
      isConnected,
      isConnected
        ? 'frames pass both ways'
        : `not connected${lastAddresses === undefined ? '; never heard of since this node started' : `; last known at ${lastAddresses}`}${reachedBy.length === 0 ? '' : `; ${reachedBy.join(', ')} can reach it`}`,
      reachedBy.length > 0
        ? 'It runs: the way between the two is blocked. Open one (a firewall, "listen" or "announce" in node.json), or let a member that both reach be a relay: "relay" in node.json.'
        : `Is it running? Start it with \`parley up --folder <its folder>\`. If it is, its address must be reachable from here: check firewalls and "listen" in its node.json; a node on another pre-shared key is refused.`,
    );
    if (isConnected) {
      add(
        member.name,
        'answering',
        state !== 'suspect' && state !== 'dead',
        `the failure detector says ${state}`,
        'It is connected and silent: overloaded, stopped by a debugger, or frozen. Look at its machine and its node.log.',
      );
      const presence = view.presence(member.id);
      if (presence !== undefined)
        add(
          member.name,
          'version',
          presence.version === version,
          `runs parley ${presence.version}, this node ${version}`,
          'Bring both to the same version.',
        );
    }
    for (const charge of ledger.charges().filter(({ node }) => node === member.id)) {
      add(
        member.name,
        'conduct',
        false,
        `${charge.what} (${charge.count}×)`,
        chain.worker(member.id) !== undefined
          ? 'The members outvoted it, and whoever saw it asks it no more. Look at its machine, or send it away: `parley member remove NAME` at as many members as make a quorum.'
          : 'The mesh outvoted it. A member that signed two votes is removed by the others as soon as they tolerate a liar without it, from five members on: invite more with `parley invite`. Otherwise look at its machine.',
      );
    }
  }
  checks.push(...pairs.checks);
  checks.push(...examineRefusals([...office.refusals(), ...parts.refusals.list(), ...transport.refusals()], chain));
  return { checks };
}
