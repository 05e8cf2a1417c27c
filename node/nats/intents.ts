// Law: an intent from NATS is the same intent as one from the local socket: checked, planned, opened and certified by the same services.
// Its idempotency key names one workflow for ever: whoever repeats it, at whatever node, is answered with the first one.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Parts } from '../../actors/parts/index.ts';
import type { BlobRef } from '../../actors/system/index.ts';
import type { KnownWorkflow } from '../../actors/workflow/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { GatewayError, type PlanReply, type WorkflowServices } from '../gateway/index.ts';

/** Inline files of one intent together, decoded. */
export const inlineMaxBytes = 512 << 10;
const jsonMaxBytes = 1 << 20;
/** Workflows that came from NATS are known by it on every node, so that any of them can report on it. */
export const keyPrefix = 'nats:';

const digest = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const fileName = z
  .string()
  .min(1)
  .max(255)
  .refine((name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..', 'a name, not a path');
const intentSchema = z
  .strictObject({
    words: z.string().min(1).max(2_000).optional(),
    /** As `POST /v1/plans` returned it, its files bound to blobs. */
    plan: z.unknown().optional(),
    files: z
      .array(
        z.union([
          z.strictObject({ name: fileName, content: z.base64() }),
          z.strictObject({ name: fileName, digest, sizeBytes: z.number().int().nonnegative() }),
        ]),
      )
      .max(256)
      .default([]),
    idempotencyKey: z.string().min(8).max(190).optional(),
    /** A person saw the plan and said yes. Honoured only where the node's settings let NATS clients approve. */
    approved: z.boolean().default(false),
    /** Where the acknowledgement of a queued intent goes: an inbox of the client. */
    replyTo: z
      .string()
      .regex(/^_INBOX\.[A-Za-z0-9_.-]{1,200}$/, 'an inbox, `_INBOX.…`')
      .optional(),
  })
  .refine(({ words, plan }) => (words === undefined) !== (plan === undefined), 'give either words or a plan');
export type Intent = z.infer<typeof intentSchema>;

/** Throws GatewayError `bad_request`. */
export function parseIntent(bytes: Uint8Array): Intent {
  if (bytes.length > jsonMaxBytes)
    throw new GatewayError('bad_request', `an intent takes at most ${jsonMaxBytes} bytes`, 'Send files by reference.');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new GatewayError('bad_request', 'the intent is not JSON', 'Send {"words": "…", "files": […]}.');
  }
  const checked = intentSchema.safeParse(value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new GatewayError('bad_request', `${issue?.path.join('.') || 'the intent'}: ${issue?.message}`);
}

/** Nothing fits, or more than one thing does: the planner's questions, for the client to ask. */
export class Abstained extends Error {
  override readonly name = 'Abstained';
  readonly reply: Extract<PlanReply, { kind: 'abstain' }>;
  constructor(reply: Extract<PlanReply, { kind: 'abstain' }>) {
    super(reply.message);
    this.reply = reply;
  }
}

export interface Accepted {
  readonly workflow: string;
  readonly heldBy: number;
  readonly repeated: boolean;
}

export interface Intents {
  /**
   * Resolves once the mesh holds the intent. `approve` is asked where the plan is not read-only and the intent does not bring its approval.
   * Throws GatewayError or Abstained.
   */
  submit(intent: Intent, approve?: (plan: Extract<PlanReply, { kind: 'plan' }>) => Promise<boolean>): Promise<Accepted>;
  /** By its idempotency key as the client gave it. */
  find(idempotencyKey: string): KnownWorkflow | undefined;
}

export function createIntents(options: {
  readonly parts: Parts;
  readonly services: WorkflowServices;
  /** Whether a client on NATS may approve what is not read-only. */
  readonly approvals: boolean;
}): Intents {
  const { parts, services } = options;

  async function bind(file: Intent['files'][number]): Promise<{ readonly name: string; readonly blob: BlobRef }> {
    if ('content' in file) {
      const bytes = Buffer.from(file.content, 'base64');
      const { blob } = await services.storeBlob(
        file.name,
        (async function* () {
          yield bytes;
        })(),
      );
      return { name: file.name, blob };
    }
    const blob = { digest: file.digest, sizeBytes: file.sizeBytes };
    try {
      if (!(await parts.blobs.has(blob.digest))) await parts.blobs.obtain(blob, parts.world.network.peers());
    } catch {
      throw new GatewayError(
        'bad_request',
        `file ${file.name} (${file.digest.slice(0, 12)}…) is at no node that answers`,
        'Send it inline, or store it at a node with `parley` first.',
      );
    }
    return { name: file.name, blob };
  }

  const find = (key: string): KnownWorkflow | undefined => parts.board.byIdempotencyKey(keyPrefix + key);

  return {
    find,
    async submit(intent, approve) {
      const inlineBytes = intent.files.reduce(
        (sum, file) => sum + ('content' in file ? Math.floor((file.content.length * 3) / 4) : 0),
        0,
      );
      if (inlineBytes > inlineMaxBytes + 2)
        throw new GatewayError(
          'bad_request',
          `the inline files take ${inlineBytes} bytes, over the limit of ${inlineMaxBytes}`,
          'Store them at a node and send {name, digest, sizeBytes}.',
        );
      if (intent.approved && !options.approvals)
        throw new GatewayError(
          'denied',
          'this node takes no approvals from NATS clients',
          'Approve with `parley run`, or set "approvals": true under "nats" in node.json where every NATS client may approve.',
        );
      const key = intent.idempotencyKey ?? hex.encode(randomBytes(16));
      const known = find(key)?.opened;
      if (known !== undefined && intent.words !== undefined) {
        if (known.words !== intent.words)
          throw new GatewayError(
            'conflict',
            `the key '${key}' already names a workflow with other words`,
            'Use a new key for a new intent.',
          );
        return { workflow: find(key)!.workflow, heldBy: 0, repeated: true };
      }
      const files = await Promise.all(intent.files.map(bind));
      const planned = await services.plan(
        intent.words === undefined ? { plan: intent.plan, files } : { words: intent.words, files },
      );
      if (planned.kind === 'abstain') throw new Abstained(planned);
      let { approved } = intent;
      if (!approved && planned.risk !== 'read-only' && approve !== undefined) approved = await approve(planned);
      return await services.open({
        words: intent.words ?? (planned.plan as { goal: string }).goal,
        plan: planned.plan,
        idempotencyKey: keyPrefix + key,
        approved,
      });
    },
  };
}
