// Law: a ticket is everything a stranger needs to find a mesh and ask to be let in, and nothing that lets it in twice: the token is
// good once, until its expiry, at the node that issued it. Whoever holds an unused ticket can join: treat it like a password.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, equalBytes, MalformedBytes, publicKeyOf } from '../wire/index.ts';

export interface Ticket {
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly issuer: NodeId;
  /** Multiaddresses of the issuer and of members it knew. */
  readonly addresses: readonly string[];
  /** The mesh's 32-byte pre-shared key. */
  readonly psk: Uint8Array;
  /** 16 random bytes. */
  readonly token: Uint8Array;
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  readonly role: TicketRole;
}
export type TicketRole = 'observer' | 'member' | 'worker';

const domain = 'parley/ticket/1';
const prefix = 'parley1-';
const roles: readonly TicketRole[] = ['observer', 'member', 'worker'];
const checksumBytes = 4;

export function formatTicket(ticket: Ticket, crypto: Pick<Crypto, 'sha256'>): string {
  const body = new ByteWriter(domain)
    .fixed(ticket.meshId, 32)
    .text(ticket.issuer)
    .list(ticket.addresses, (writer, address) => writer.text(address))
    .fixed(ticket.psk, 32)
    .fixed(ticket.token, 16)
    .u64(ticket.expiresAtMs)
    .u8(roles.indexOf(ticket.role))
    .finish();
  const checksum = crypto.sha256(body).slice(0, checksumBytes);
  return prefix + Buffer.concat([body, checksum]).toString('base64url');
}

/** Throws MalformedBytes, saying what is wrong in words a person can act on. White space (a wrapped line) is ignored. */
export function parseTicket(text: string, crypto: Pick<Crypto, 'sha256'>): Ticket {
  const compact = text.replace(/\s+/g, '');
  if (!compact.startsWith(prefix))
    throw new MalformedBytes(`a ticket begins with '${prefix}'; copy the whole line that \`parley invite\` printed`);
  const encoded = compact.slice(prefix.length);
  if (!/^[A-Za-z0-9_-]*$/.test(encoded))
    throw new MalformedBytes('the ticket holds characters that no ticket has; copy it again');
  const bytes = new Uint8Array(Buffer.from(encoded, 'base64url'));
  const body = bytes.slice(0, -checksumBytes);
  if (
    bytes.length <= checksumBytes ||
    !equalBytes(crypto.sha256(body).slice(0, checksumBytes), bytes.slice(-checksumBytes))
  ) {
    throw new MalformedBytes('the ticket is incomplete or mistyped (its checksum does not fit); copy it again');
  }
  const reader = new ByteReader(body, domain);
  const ticket = {
    meshId: reader.fixed(32),
    issuer: reader.text(64),
    addresses: reader.list(32, (r) => r.text(256)),
    psk: reader.fixed(32),
    token: reader.fixed(16),
    expiresAtMs: reader.u64(),
    role: roles[reader.u8()],
  };
  reader.end();
  publicKeyOf(ticket.issuer);
  if (ticket.role === undefined)
    throw new MalformedBytes('the ticket names a role this version does not know; update parley');
  return { ...ticket, role: ticket.role };
}
