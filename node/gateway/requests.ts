// Law: every body is bounded and checked before anything acts on it, and what does not fit is refused with what is wrong and what it should be.
import { z } from 'zod';
import { cancelSecretMax, cancelSecretMin } from '../../actors/workflow/index.ts';
import { GatewayError } from './error.ts';

/** Half of a character has no place in what is signed. */
const text = (max: number, min = 0) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => value.isWellFormed(), 'it holds half a character');
export const name = text(255, 1);
const blob = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: z.number().int().nonnegative() });
export const planRequest = z.strictObject({
  words: text(2_000).optional(),
  plan: z.unknown().optional(),
  files: z.array(z.strictObject({ name, blob })).max(4_096),
});
export const openRequest = z.strictObject({
  words: text(2_000),
  plan: z.unknown(),
  idempotencyKey: text(200, 8),
  approved: z.boolean(),
});
export const cancelRequest = z.strictObject({
  reason: text(500).optional(),
  secret: text(cancelSecretMax, cancelSecretMin).optional(),
});
export const auditProofRequest = z.strictObject({
  entries: z
    .array(
      z.strictObject({
        epoch: z.number().int().nonnegative(),
        kind: z.enum(['verdict', 'config', 'evidence', 'close']),
        key: z.string().regex(/^(?:[0-9a-f]{2}){0,1024}$/),
        digest: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(1_024),
  since: z.strictObject({ epoch: z.number().int().nonnegative(), size: z.number().int().positive() }).optional(),
});
export const auditQuery = z.coerce.number().int().nonnegative().optional();
export const watchTime = z.coerce.number().int().min(1).max(60_000);
export const leaveRequest = z.strictObject({ drainForMs: z.number().int().min(0).max(3_600_000) });
export const inviteRequest = z.strictObject({
  role: z.enum(['observer', 'worker', 'member']),
  validForMs: z
    .number()
    .int()
    .min(1_000)
    .max(30 * 86_400_000),
});

export const amendRequest = z.strictObject({
  member: text(64, 1),
  weight: z.number().int().min(0).max(0xffff).optional(),
});

/** What of the body is wrong, and what it should be. */
function issueText(issue: z.core.$ZodIssue): string {
  const where = issue.path.length === 0 ? 'the body' : issue.path.join('.');
  const counted = (origin: string, count: number | bigint): string =>
    origin === 'string' ? `${count} characters` : origin === 'array' ? `${count} items` : String(count);
  switch (issue.code) {
    case 'too_big':
      return `${where}: at most ${counted(issue.origin, issue.maximum)}`;
    case 'too_small':
      return `${where}: at least ${counted(issue.origin, issue.minimum)}`;
    case 'invalid_type':
      return `${where}: must be of type ${issue.expected}`;
    case 'unrecognized_keys':
      return `${where}: has no ${issue.keys.join(', ')}`;
    case 'invalid_value':
      return `${where}: one of ${issue.values.join(', ')}`;
    default:
      return `${where}: ${issue.message}`;
  }
}

/** The body, checked. Throws GatewayError where it does not fit. */
export async function parseBody<T>(request: { json(): Promise<unknown> }, schema: z.ZodType<T>): Promise<T> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new GatewayError('bad_request', 'the body is not JSON');
  }
  const checked = schema.safeParse(body);
  if (checked.success) return checked.data;
  throw new GatewayError('bad_request', issueText(checked.error.issues[0]!));
}
