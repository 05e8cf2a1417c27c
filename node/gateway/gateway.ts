// Law: one door for clients, open from the moment the node can answer until it ends.
import type { AuditBook } from '../../actors/audit-log/index.ts';
import type { Approvals, Invites, LeaveOutcome } from '../../actors/epochs/index.ts';
import type { Parts } from '../../actors/parts/index.ts';
import type { System } from '../../actors/system/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import { toleranceInWords } from '../../consensus/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import type { Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { formatTicket } from '../../protocols/mesh/index.ts';
import { type Home, type NodeSettings, removeSocketPath, saveSocketPath } from '../home/index.ts';
import { version } from '../world/index.ts';
import { watchActors } from './actors.ts';
import type { NodeStatus } from './api-mesh.ts';
import { createAuditServices } from './audit.ts';
import { examine } from './doctor.ts';
import { GatewayError } from './error.ts';
import { createMemberServices } from './members.ts';
import { answerLooks, type Ways } from './pairs.ts';
import { type GatewayServer, listen } from './server.ts';
import { createWorkflowServices, type WorkflowServicesOptions } from './services.ts';
import { inWords, roleOf, statusOf } from './status.ts';

export interface GatewayOptions {
  readonly parts: Parts;
  readonly audit: AuditBook;
  readonly approvals: Approvals;
  readonly system: System;
  readonly home: Home;
  readonly settings: NodeSettings;
  /** Where this node is reached and what was refused there, over all its transports. */
  readonly transport: Ways & Pick<Libp2pNetwork, 'refusals'>;
  readonly invites: Invites;
  /** 32 bytes; goes into tickets and nowhere else. */
  readonly psk: Uint8Array;
  /** On the node's monotonic clock. */
  readonly startedAtMs: number;
  readonly ensureEffects: (record: WorkflowRecord) => Promise<void>;
  readonly askPlanner: WorkflowServicesOptions['askPlanner'];
  readonly bus: () => Promise<EventBus>;
  readonly leave: (drainForMs: number) => Promise<LeaveOutcome>;
  readonly stop: () => void;
}

export interface RunningGateway {
  status(): NodeStatus;
  close(): Promise<void>;
}

const ticketAddressesMax = 16;
const ticketServersMax = 8;

/** `nats://user:password@host:port` as `nats://host:port`. */
function withoutCredentials(server: string): string {
  const [, scheme = 'nats', , host = ''] = /^(?:([a-z]+):\/\/)?(?:([^@/]*)@)?([^/]*)/.exec(server) ?? [];
  return `${scheme}://${host}`.slice(0, 256);
}

export async function createGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { parts, home, invites } = options;
  const server: GatewayServer = await listen(
    {
      ...createWorkflowServices({
        parts,
        askPlanner: options.askPlanner,
        ensureEffects: options.ensureEffects,
        workflowFolder: (workflow) => home.workflowFolder(workflow),
      }),
      ...createAuditServices(options),
      bus: options.bus,
      ...createMemberServices(options),
      status: async () => statusOf(options),
      actors: (overMs) => watchActors(options, overMs),
      doctor: async () => examine(options),
      async invite({ role, validForMs }) {
        if (!parts.chain.isMember(parts.identity.id))
          throw new GatewayError(
            'denied',
            `this node is ${inWords(roleOf(parts.chain, parts.identity.id))} and cannot invite`,
            'Ask at a member.',
          );
        const addresses = ticketAddresses(options);
        if (addresses.length === 0)
          throw new GatewayError(
            'not_ready',
            'this node listens on no address that others could dial',
            'Start it with --listen /ip4/ADDRESS/tcp/PORT, or with --nats.',
          );
        const { token, expiresAtMs } = await invites.issue(role, validForMs).catch((error: unknown) => {
          throw error instanceof RangeError ? new GatewayError('not_ready', error.message) : error;
        });
        const ticket = {
          meshId: parts.chain.meshId,
          issuer: parts.identity.id,
          addresses,
          psk: options.psk,
          token,
          expiresAtMs,
          role,
        };
        return { ticket: formatTicket(ticket, parts.world.crypto), expiresAtMs };
      },
      async leave({ drainForMs }) {
        const outcome = await options.leave(drainForMs);
        if (!outcome.left)
          throw new GatewayError(
            outcome.code === 'no_quorum' ? 'no_quorum' : 'conflict',
            outcome.reason,
            outcome.code === 'no_quorum'
              ? 'Start the missing members and ask again, or stop this node with `parley down`: that is safe, and it stays a member.'
              : 'Stop it with `parley down`.',
          );
        const { current } = parts.chain;
        return {
          epoch: outcome.epoch,
          drained: outcome.drained,
          members: current.members.length,
          tolerance: toleranceInWords(current),
        };
      },
      // The answer must leave before the socket closes.
      stop: () => void setTimeout(options.stop, 50),
      failed: (error) =>
        parts.world.log('error', 'a request failed', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    },
    home.socketPath,
  );
  saveSocketPath(home);
  const stopAnswering = answerLooks(parts, version, options.transport);
  return {
    status: () => statusOf(options),
    async close() {
      stopAnswering();
      await server.close();
      removeSocketPath(home);
    },
  };
}

/** Loopback last: it is of use only to newcomers on this machine. */
function ticketAddresses({ transport, settings }: GatewayOptions): string[] {
  const isLoopback = (address: string): boolean => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address);
  const dialed = transport
    .addresses()
    .filter((address) => address.startsWith('/'))
    .sort((a, b) => Number(isLoopback(a)) - Number(isLoopback(b)))
    .slice(0, ticketAddressesMax);
  if (settings.nats === undefined || settings.nats.transport === false) return dialed;
  // As this node reaches them; what it proves itself with stays here.
  const servers = settings.nats.servers.map(withoutCredentials);
  return [...dialed, ...servers.slice(0, ticketServersMax)];
}
