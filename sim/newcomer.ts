// Law: a newcomer is a machine with a ticket and nothing else: it redeems it by the node's own code over connections of its own, writes down what
// it learned, and is then a node as any other. Asked again after a crash it asks again; what is refused for good stays out.
import { openChainStore } from '../actors/epochs/index.ts';
import type { KeyValue, Storage } from '../actors/system/index.ts';
import { JoinRefused, redeemTicket } from '../node/index.ts';
import { createMeshChain, formatTicket, parseTicket, type TicketRole } from '../protocols/mesh/index.ts';
import { createPostOffice, type Identity } from '../protocols/wire/index.ts';
import { openSimNetwork } from './network/index.ts';
import type { SimNode } from './node.ts';
import type { Swarm } from './swarm.ts';
import type { Life } from './world/index.ts';

/** `used`: that of the newcomer before it, which has a valid one; the two race. */
export const ticketKinds = ['valid', 'used', 'expired', 'forged', 'foreign'] as const;
export type TicketKind = (typeof ticketKinds)[number];

export interface NewcomerPlan {
  readonly atMs: number;
  /** Index of the member that issues its ticket. */
  readonly issuer: number;
  readonly role: TicketRole;
  readonly ticket: TicketKind;
  readonly site: string;
}

/** Why a newcomer with such a ticket is refused, where it is answered; undefined for one that is let in. */
export const refusalOf: Readonly<Record<TicketKind, string | undefined>> = {
  valid: undefined,
  used: 'used',
  expired: 'expired',
  forged: 'unknown',
  foreign: 'foreign',
};

const validForMs = 3_600_000;
const expiredAfterMs = 500;
/** An expired ticket is that old when it is shown. */
const issuedBeforeMs = 3_000;
const ticketLookMs = 200;
const askIssuerAgainMs = 500;
const askToJoinAgainMs = 2_000;
const reachPatienceMs = 20_000;
const reachStepMs = 100;
const transient: ReadonlySet<string> = new Set(['unreachable', 'no_quorum', 'closed', 'clock']);
const joinedKey = 'sim/joined';

export class Newcomer {
  readonly plan: NewcomerPlan;
  readonly name: string;
  private readonly swarm: Swarm;
  /** The text that a person would hand over, once it was issued. */
  ticket: string | undefined;
  /** What it was refused for, for good. */
  refused: { readonly code: string; readonly reason: string } | undefined;

  constructor(swarm: Swarm, plan: NewcomerPlan, name: string) {
    this.swarm = swarm;
    this.plan = plan;
    this.name = name;
  }

  /** Its issuer is asked for a ticket until it gives one; `then` runs once there is one. Tickets that nobody issued are made up here. */
  invite(then: () => void): void {
    const { swarm, plan } = this;
    const { crypto, genesis, meshId } = swarm;
    const issuer = swarm.nodes[plan.issuer]!;
    const random = swarm.random.fork(`ticket/${this.name}`);
    const give = (token: Uint8Array, expiresAtMs: number): void => {
      if (this.ticket !== undefined) return;
      this.ticket = formatTicket(
        {
          meshId: plan.ticket === 'foreign' ? crypto.sha256(meshId) : meshId,
          issuer: issuer.id,
          addresses: [],
          psk: crypto.sha256(genesis.nonce),
          token,
          expiresAtMs,
          role: plan.role,
        },
        crypto,
      );
      then();
    };
    if (plan.ticket === 'forged' || plan.ticket === 'foreign') {
      give(random.bytes(16), Math.round(swarm.nowMs) + validForMs);
      return;
    }
    const ask = (): void => {
      if (this.ticket !== undefined) return;
      swarm.kernel.schedule(swarm.kernel.nowUs, issuer.index, 'client.invite', () => {
        const forMs = plan.ticket === 'expired' ? expiredAfterMs : validForMs;
        issuer.process?.admittance.invites.issue(plan.role, forMs).then(
          ({ token, expiresAtMs }) => give(token, expiresAtMs),
          () => {},
        );
      });
      swarm.later(askIssuerAgainMs, 'client.invite', ask);
    };
    ask();
  }

  /** Whether another try may end otherwise; it is made after a while. */
  failed(error: unknown, again: () => void): boolean {
    if (!(error instanceof JoinRefused)) return false;
    this.swarm.tell('reached', `a newcomer refused: ${error.code}`);
    if (transient.has(error.code)) this.swarm.later(askToJoinAgainMs, 'client.join', again);
    else this.refused = { code: error.code, reason: error.message };
    return true;
  }

  /** Throws JoinRefused. Returns at once where it has joined in an earlier life. */
  async join(life: Life, storage: Storage, identity: Identity): Promise<void> {
    const keyValue = await storage.keyValue('mesh');
    try {
      if ((await keyValue.get(joinedKey)) === undefined) await this.redeem(life, keyValue, identity);
    } finally {
      await keyValue.close();
    }
  }

  private async redeem(life: Life, keyValue: KeyValue, identity: Identity): Promise<void> {
    const { swarm, plan } = this;
    const { crypto, fabric } = swarm;
    const ticket = parseTicket(this.ticket!, crypto);
    let isForeign = false;
    const network = openSimNetwork({
      fabric,
      life,
      self: identity.id,
      site: plan.site,
      secret: Buffer.from(ticket.meshId).toString('hex'),
      allow: (peer) => peer === ticket.issuer,
      onForeign: () => {
        isForeign = true;
      },
    });
    const { clock, scheduler, log } = life;
    const random = life.random.fork('join');
    const office = createPostOffice({ identity, meshId: ticket.meshId, crypto, clock, random, network, log });
    try {
      for (const endMs = clock.monotonicMs() + reachPatienceMs; !network.peers().includes(ticket.issuer); ) {
        if (isForeign)
          throw new JoinRefused('foreign', 'a node answers, and it is not of the mesh that the ticket names');
        if (clock.monotonicMs() > endMs) throw new JoinRefused('unreachable', 'the issuer could not be reached');
        await new Promise<void>((resolve) => void scheduler.at(clock.monotonicMs() + reachStepMs, resolve));
      }
      const about = { name: this.name, site: plan.site, operator: 'sim', modelFamily: 'none' };
      const { chain } = await redeemTicket({ ticket, office, crypto, about, version: swarm.version });
      const store = await openChainStore({ keyValue, chain: createMeshChain(chain.genesis, crypto), crypto });
      for (const link of chain.links.slice(1)) await store.adopt(link);
      await keyValue.write([{ key: joinedKey, value: new Uint8Array([1]) }]);
    } catch (error) {
      if (error instanceof JoinRefused || (error as Error).name !== 'NetworkError') throw error;
      throw new JoinRefused('unreachable', (error as Error).message);
    } finally {
      office.close();
      await network.close();
    }
  }
}

/** Its ticket is issued, and then it comes; an expired one is some seconds old by then. Who shares a ticket waits until the other has it. */
export function startNewcomer(swarm: Swarm, node: SimNode): void {
  const newcomer = node.newcomer!;
  const { plan } = newcomer;
  const before = swarm.nodes[node.index - 1]?.newcomer;
  const come = (): void => swarm.later(Math.max(0, plan.atMs - swarm.nowMs), 'client.join', () => node.start());
  const look = (): void => {
    newcomer.ticket = before?.ticket;
    if (newcomer.ticket === undefined) swarm.later(ticketLookMs, 'client.invite', look);
    else come();
  };
  const isShared = plan.ticket === 'used' && before !== undefined;
  const invite = isShared ? look : () => newcomer.invite(come);
  swarm.later(Math.max(0, plan.atMs - issuedBeforeMs), 'client.invite', invite);
}
