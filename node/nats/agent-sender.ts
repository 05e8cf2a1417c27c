// Law: a signed `Agent-Sender` is believed once, for this subject, this payload and half a minute; one that does not verify is refused,
// never treated as if it were unsigned. An unsigned one is a claim and proves nothing.
import { nkeys } from '@nats-io/nats-core';
import type { Msg } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Crypto } from '../../actors/system/index.ts';
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { ServiceError } from './micro.ts';

export const senderHeader = 'Agent-Sender';
const skewMs = 30_000;
const noncesMax = 65_536;

const senderSchema = z.object({
  v: z.literal(1),
  account: z.string().min(1).max(256),
  user: z.string().min(1).max(256),
  name: z.string().max(256).optional(),
  sub: z.string().max(512).optional(),
  ts: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    .optional(),
  nonce: z.string().min(1).max(128).optional(),
  sig: z
    .string()
    .regex(/^[A-Za-z0-9_-]{86}$/)
    .optional(),
});

export interface Sender {
  readonly user: string;
  readonly account: string;
  readonly name?: string;
  readonly isProven: boolean;
}

export function createSenderCheck(options: {
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly wallMs: () => number;
}): (message: Pick<Msg, 'subject' | 'data' | 'headers'>) => Sender | undefined {
  /** Nonces seen, by user, and when they may be forgotten. */
  const seen = new Map<string, number>();

  return (message) => {
    const text = message.headers?.get(senderHeader) ?? '';
    if (text === '') return undefined;
    const refuse = (why: string): never => {
      throw new ServiceError(401, `the ${senderHeader} header ${why}`);
    };
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return refuse('is not JSON');
    }
    const checked = senderSchema.safeParse(value);
    if (!checked.success) return refuse(`is not one of version 1: ${checked.error.issues[0]?.path.join('.')}`);
    const { account, user, name, sub, ts, nonce, sig } = checked.data;
    const sender = { user, account, ...(name === undefined ? {} : { name }) };
    if (sig === undefined) return { ...sender, isProven: false };
    if (sub === undefined || ts === undefined || nonce === undefined)
      return refuse('is signed and names no sub, ts or nonce');
    if (sub !== message.subject) return refuse('was signed for another subject');
    const nowMs = options.wallMs();
    if (Math.abs(nowMs - Date.parse(ts)) > skewMs) return refuse(`was signed more than ${skewMs / 1_000} s from now`);
    const digest = hex.encode(options.crypto.sha256(message.data));
    const signed = `AGENT-SENDER-V1\n${account}\n${user}\n${sub}\n${ts}\n${nonce}\n${digest}\n`;
    let isValid: boolean;
    try {
      isValid =
        user.startsWith('U') && nkeys.fromPublic(user).verify(utf8.encode(signed), Buffer.from(sig, 'base64url'));
    } catch {
      isValid = false;
    }
    if (!isValid) return refuse('has a signature that does not verify');
    const once = `${user}|${nonce}`;
    if ((seen.get(once) ?? Number.NEGATIVE_INFINITY) > nowMs) return refuse('was used before');
    if (seen.size >= noncesMax) for (const [old, untilMs] of seen) if (untilMs <= nowMs) seen.delete(old);
    if (seen.size >= noncesMax) throw new ServiceError(429, 'too many signed requests within a minute');
    // Valid from skew before its time to skew after it.
    seen.set(once, nowMs + 2 * skewMs);
    return { ...sender, isProven: true };
  };
}
