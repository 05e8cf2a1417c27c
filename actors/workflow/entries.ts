// Law: what nodes say about a workflow is a signed lane entry of one of these kinds; anything else in the lane is refused and attributed.
// The record of a workflow is a fold over a set of them, so neither their order nor their repetition matters.
import { z } from 'zod';
import { ByteWriter, decodeBody, encodeBody, hex, MalformedBytes, utf8 } from '../../protocols/wire/index.ts';
import type { Crypto } from '../system/index.ts';

/** The lane that carries workflows. */
export const workflowLane = 'workflow';
const workflowEntryMaxBytes = 250_000;
/** A larger plan cannot be opened. */
export const openedPlanMaxBytes = 200_000;

export const cancelSecretMin = 16;
export const cancelSecretMax = 128;

const id = z.string().regex(/^[0-9a-f]{64}$/);
const task = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/);
const attempt = z.number().int().min(0).max(64);
const nodeId = z.string().min(40).max(64);
const bytes = (maxBytes: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= maxBytes, `at most ${maxBytes} bytes`);
const durationMs = z.number().nonnegative().max(1e12);
const message = z.string().max(2_000);

const entry = z.discriminatedUnion('kind', [
  /** A gateway accepted an intent: from here on any node can carry it on. */
  z.strictObject({
    kind: z.literal('opened'),
    workflow: id,
    /** With the plan and the epoch it names the workflow, so nobody can open another plan under this name. */
    idempotencyKey: z.string().min(8).max(200),
    words: z.string().max(2_000),
    /** Canonical JSON of the plan. */
    plan: bytes(openedPlanMaxBytes),
    /** The epoch whose members decide every task of this workflow. */
    epoch: z.number().int().nonnegative(),
    approved: z.boolean(),
    atMs: z.number().nonnegative(),
  }),
  /** The steward chose who runs and who recomputes this attempt. Several of them for one attempt add up. */
  z.strictObject({
    kind: z.literal('assigned'),
    workflow: id,
    task,
    attempt,
    executors: z.array(nodeId).max(256),
    verifiers: z.array(nodeId).max(256),
    atMs: z.number().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('candidate'),
    workflow: id,
    task,
    attempt,
    candidate: bytes(8_192),
    durationMs,
    failure: z.strictObject({ code: z.string().max(128), message: z.string().max(4_096) }).optional(),
    atMs: z.number().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('attestation'),
    workflow: id,
    task,
    attempt,
    attestation: bytes(8_192),
    /** Of a judge: why, in its own words. The digest of all that it said is what it signed. */
    said: z.string().max(500).optional(),
    durationMs,
    atMs: z.number().nonnegative(),
  }),
  /** This node could not run the attempt: a timeout, a crash, a file nobody has. Says nothing about the input. */
  z.strictObject({
    kind: z.literal('fault'),
    workflow: id,
    task,
    attempt,
    code: z.string().max(64),
    message,
    atMs: z.number().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('expired'),
    workflow: id,
    task,
    attempt,
    expired: bytes(8_192),
    atMs: z.number().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('decided'),
    workflow: id,
    task,
    attempt,
    decision: bytes(100_000),
    certificate: bytes(100_000),
    atMs: z.number().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('cancelled'),
    workflow: id,
    reason: message,
    /** The client's own, of which the key holds the hash: with it one word is enough, whoever else opened. */
    secret: z.string().min(cancelSecretMin).max(cancelSecretMax).optional(),
    atMs: z.number().nonnegative(),
  }),
]);
export type WorkflowEntry = z.infer<typeof entry>;
export type WorkflowEntryOf<K extends WorkflowEntry['kind']> = Extract<WorkflowEntry, { kind: K }>;

export function encodeWorkflowEntry(value: WorkflowEntry): Uint8Array {
  return encodeBody(value, workflowEntryMaxBytes);
}

/** Throws MalformedBytes on anything that is not an entry. */
export function decodeWorkflowEntry(body: Uint8Array): WorkflowEntry {
  const checked = entry.safeParse(decodeBody(body));
  if (!checked.success)
    throw new MalformedBytes(
      `not a workflow entry: ${checked.error.issues[0]?.path.join('.')} ${checked.error.issues[0]?.message}`,
    );
  return checked.data;
}

/**
 * Whether an idempotency key ends in `#` and the SHA-256 (lower-case hex) of that secret's UTF-8. Who opens under such a key may cancel by
 * showing the secret; a member that copies the opening does not know it. A secret is good for the one intent of its key.
 */
export function isCancelSecret(idempotencyKey: string, secret: string, crypto: Pick<Crypto, 'sha256'>): boolean {
  return idempotencyKey.endsWith(`#${hex.encode(crypto.sha256(utf8.encode(secret)))}`);
}

/** The workflow's name, lower-case hex: what was asked (the plan), by which request (the key), and who decides (mesh and epoch). */
export function workflowId(
  about: {
    readonly meshId: Uint8Array;
    readonly epoch: number;
    readonly idempotencyKey: string;
    readonly planDigest: string;
  },
  crypto: Pick<Crypto, 'sha256'>,
): string {
  return hex.encode(
    crypto.sha256(
      new ByteWriter('parley/workflow/1')
        .fixed(about.meshId, 32)
        .u32(about.epoch)
        .text(about.idempotencyKey)
        .text(about.planDigest)
        .finish(),
    ),
  );
}
