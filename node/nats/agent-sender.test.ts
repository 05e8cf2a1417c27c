import { headers, nkeys } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { hex } from '../../protocols/wire/index.ts';
import { createCrypto } from '../crypto/index.ts';
import { createSenderCheck, senderHeader } from './agent-sender.ts';
import { ServiceError } from './micro.ts';

const crypto = createCrypto();
const nowMs = Date.parse('2026-03-04T05:06:07Z');
const alice = nkeys.createUser();
const subject = 'agents.prompt.mesh.test.one';
const payload = new TextEncoder().encode('total per section');

interface Claim {
  user?: string;
  sub?: string;
  ts?: string;
  nonce?: string;
}

function signed(change: Claim = {}, by = alice, data = payload) {
  const claim = {
    account: 'A1',
    user: alice.getPublicKey(),
    sub: subject,
    ts: '2026-03-04T05:06:01Z',
    nonce: 'n1',
    ...change,
  };
  const text = `AGENT-SENDER-V1\n${claim.account}\n${claim.user}\n${claim.sub}\n${claim.ts}\n${claim.nonce}\n${hex.encode(crypto.sha256(data))}\n`;
  const sig = Buffer.from(by.sign(new TextEncoder().encode(text))).toString('base64url');
  return message({ v: 1, ...claim, sig });
}
function message(header: unknown, data = payload) {
  const found = headers();
  found.set(senderHeader, typeof header === 'string' ? header : JSON.stringify(header));
  return { subject, data, headers: found };
}
const fresh = () => createSenderCheck({ crypto, wallMs: () => nowMs });
const codeOf = (work: () => unknown): number => {
  try {
    work();
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
  return 200;
};

describe('the Agent-Sender header', () => {
  it('proves its sender where it is signed for this subject and payload, and proves it once', () => {
    const check = fresh();
    expect(check(signed())).toEqual({ user: alice.getPublicKey(), account: 'A1', isProven: true });
    expect(codeOf(() => check(signed()))).toBe(401);
    expect(check(signed({ nonce: 'n2' }))?.isProven).toBe(true);
  });

  it('is a mere claim where it is not signed, and nothing where it is absent', () => {
    const check = fresh();
    expect(check(message({ v: 1, account: 'A1', user: 'U1' }))?.isProven).toBe(false);
    expect(check({ subject, data: payload })).toBeUndefined();
  });

  it('is refused where anything that was signed is different', () => {
    const bob = nkeys.createUser();
    for (const wrong of [
      signed({ sub: 'agents.prompt.mesh.test.two' }),
      signed({ ts: '2026-03-04T05:05:30Z' }),
      signed({ ts: '2026-03-04T05:06:38Z' }),
      signed({}, bob),
      { ...signed(), data: new TextEncoder().encode('another prompt') },
      signed({ user: 'UNOTAKEY' }),
      message('{'),
      message({ v: 2, account: 'A1', user: 'U1' }),
      message({ ...JSON.parse(signed().headers.get(senderHeader)), nonce: undefined }),
    ])
      expect(codeOf(() => fresh()(wrong))).toBe(401);
  });
});
