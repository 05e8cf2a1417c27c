// Law: a token opens the door once, before its expiry, at this node. What is stored is its hash, so that the store gives no tickets away;
// that it was used is on the disk before the newcomer is told it is in.

import type { TicketRole } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, hex } from '../../protocols/wire/index.ts';
import type { Clock, Crypto, KeyValue, NodeId, Random } from '../system/index.ts';

interface Invite {
  readonly expiresAtMs: number;
  readonly role: TicketRole;
  /** Who used it; the same node may ask again after a lost answer. */
  readonly usedBy: NodeId | undefined;
}

export type Redemption =
  | { readonly ok: true; readonly role: TicketRole }
  | { readonly ok: false; readonly code: 'unknown' | 'expired' | 'used'; readonly reason: string };

export interface Invites {
  issue(role: TicketRole, validForMs: number): Promise<{ readonly token: Uint8Array; readonly expiresAtMs: number }>;
  redeem(token: Uint8Array, by: NodeId): Promise<Redemption>;
  /** Whether strangers may connect to ask. */
  areOutstanding(): boolean;
}

const prefix = 'invite/';
const tokenBytes = 16;
const outstandingMax = 1_000;
const keptAfterExpiryMs = 86_400_000;

export async function openInvites(options: {
  readonly keyValue: KeyValue;
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly random: Random;
}): Promise<Invites> {
  const { keyValue, clock, crypto, random } = options;
  const invites = new Map<string, Invite>();
  for await (const { key, value } of keyValue.range(prefix, `${prefix}~`))
    invites.set(key, decodeBody(value) as Invite);
  const keyOf = (token: Uint8Array): string => prefix + hex.encode(crypto.sha256(token));
  const save = (key: string, invite: Invite): Promise<void> => {
    invites.set(key, invite);
    return keyValue.write([{ key, value: encodeBody(invite, 1_024) }]);
  };
  return {
    async issue(role, validForMs) {
      for (const [key, { expiresAtMs }] of invites) {
        if (expiresAtMs + keptAfterExpiryMs > clock.wallMs()) continue;
        invites.delete(key);
        await keyValue.write([{ key, value: undefined }]);
      }
      if (invites.size >= outstandingMax)
        throw new RangeError(`${outstandingMax} invites are outstanding; wait until some expire`);
      const token = random.bytes(tokenBytes);
      const expiresAtMs = Math.round(clock.wallMs() + validForMs);
      await save(keyOf(token), { expiresAtMs, role, usedBy: undefined });
      return { token, expiresAtMs };
    },
    async redeem(token, by) {
      const key = keyOf(token);
      const invite = invites.get(key);
      if (invite === undefined) return { ok: false, code: 'unknown', reason: 'this node issued no such ticket' };
      if (invite.usedBy !== undefined && invite.usedBy !== by)
        return { ok: false, code: 'used', reason: 'the ticket was used by another node; every newcomer needs its own' };
      if (invite.usedBy === undefined && clock.wallMs() > invite.expiresAtMs)
        return {
          ok: false,
          code: 'expired',
          reason: `the ticket expired ${Math.ceil((clock.wallMs() - invite.expiresAtMs) / 1_000)} s ago, by the issuer's clock`,
        };
      if (invite.usedBy === undefined) await save(key, { ...invite, usedBy: by });
      return { ok: true, role: invite.role };
    },
    // A used ticket keeps the door open for its node until it expires: the answer to its first request may have been lost.
    areOutstanding: () => [...invites.values()].some(({ expiresAtMs }) => expiresAtMs > clock.wallMs()),
  };
}
