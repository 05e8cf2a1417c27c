import { describe, expect, test } from 'vitest';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { formatTicket, parseTicket, type Ticket } from './ticket.ts';

const crypto = createCrypto();
const ticket: Ticket = {
  meshId: new Uint8Array(32).fill(7),
  issuer: testIdentity(0).id,
  addresses: ['/ip4/192.0.2.7/tcp/4711', '/ip4/127.0.0.1/tcp/4711'],
  psk: new Uint8Array(32).fill(9),
  token: new Uint8Array(16).fill(3),
  expiresAtMs: 1_800_000_000_000,
  role: 'member',
};

describe('a ticket', () => {
  test('says the same after it was printed, wrapped and pasted', () => {
    const text = formatTicket(ticket, crypto);
    const wrapped = text.replace(/(.{40})/g, '$1\n  ');
    expect(parseTicket(wrapped, crypto)).toEqual(ticket);
  });

  test('that lost or changed any one character is refused, with what to do', () => {
    const text = formatTicket(ticket, crypto);
    for (let i = 'parley1-'.length; i < text.length; i++) {
      const other = text[i] === 'A' ? 'B' : 'A';
      // The last character may carry bits that no byte uses; base64url decoding ignores those.
      if (i < text.length - 1)
        expect(() => parseTicket(text.slice(0, i) + other + text.slice(i + 1), crypto), `character ${i}`).toThrow();
      expect(() => parseTicket(text.slice(0, i) + text.slice(i + 1), crypto), `without ${i}`).toThrow(
        /copy it again|ticket/,
      );
    }
  });

  test('is told from any other text at its first characters', () => {
    expect(() => parseTicket('hello', crypto)).toThrow(/begins with 'parley1-'/);
    expect(() => parseTicket('parley1-äöü', crypto)).toThrow(/characters that no ticket has/);
  });
});
