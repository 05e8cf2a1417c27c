// Law: a stranger may ask to join, and only with a token; a member may ask for the chain of configs, which proves itself.
import { z } from 'zod';
import { defineRequest } from '../../protocols/wire/index.ts';

const bytes = (maxBytes: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= maxBytes);
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const links = z.array(z.strictObject({ config: bytes(131_072), certificate: bytes(131_072) })).max(64);

export const joinMesh = defineRequest(
  'mesh.join',
  z.strictObject({
    token: bytes(16),
    name,
    site: name,
    operator: name,
    modelFamily: name,
    version: z.string().max(64),
  }),
  z.discriminatedUnion('admitted', [
    z.strictObject({
      admitted: z.literal(true),
      genesis: bytes(1 << 19),
      links,
      addresses: z.array(z.string().max(256)).max(64),
      more: z.boolean(),
    }),
    z.strictObject({
      admitted: z.literal(false),
      code: z.enum(['expired', 'used', 'unknown', 'name_taken', 'version', 'no_quorum', 'conflict']),
      reason: z.string().max(500),
    }),
  ]),
);

export const chainLinks = defineRequest(
  'mesh.chain',
  z.strictObject({ fromEpoch: z.number().int().nonnegative() }),
  z.strictObject({ links, more: z.boolean() }),
);
export const linksPerReply = 64;
