// Law: a certificate file has one spelling, and one that proves that there is no result is of another format than one that proves a result. It is read, written again from what was understood, and refused unless the two are the same
// bytes: then no byte of it, white space included, can differ unnoticed from what was checked.
import { z } from 'zod';
import { nestingOf, type Plan, planLimits } from '../plan/index.ts';

const formats = ['parley-certificate/1', 'parley-certificate/2', 'parley-no-result/1', 'parley-no-result/2'] as const;
type Format = (typeof formats)[number];

export interface CertificateFile {
  /**
   * `parley-certificate` of a completed workflow; `parley-no-result` of one that failed by its certificates. 2 where it carries its place in the
   * audit log, 1 where it does not.
   */
  readonly format: Format;
  /** For readers. Derived from the rest and compared with it; proves nothing by itself. */
  readonly about: About;
  readonly mesh: {
    readonly genesis: string;
    readonly configs: readonly { readonly config: string; readonly certificate: string }[];
  };
  readonly opened: { readonly epoch: number; readonly idempotencyKey: string };
  readonly plan: Plan;
  readonly decisions: readonly { readonly decision: string; readonly certificate: string }[];
  readonly audit?: LoggedPart | undefined;
}

/** That the decisions stand in the log of their epoch. */
export interface LoggedPart {
  /** A C2SP signed note with cosignatures of quorum weight. */
  readonly checkpoint: string;
  /** Where each decision stands, in their order, and its path to the checkpoint's root. */
  readonly entries: readonly { readonly index: number; readonly proof: readonly string[] }[];
  /** The log's last entry, where the checkpoint is the one that closes the epoch. */
  readonly closing?: { readonly entry: string; readonly proof: readonly string[] } | undefined;
}

export interface About {
  readonly meshId: string;
  readonly meshName: string;
  readonly workflow: string;
  readonly goal: string;
  /** Of what was certified; absent where there is no result. */
  readonly resultDigest?: string | undefined;
  readonly resultSizeBytes?: number | undefined;
  /** Which task failed and why; absent where there is a result. */
  readonly failed?: string | undefined;
  readonly basis: string;
  readonly tolerance: string;
  readonly decidedBy: readonly string[];
  readonly members: readonly string[];
  /** One line per task: what it came to, and on whose recomputation or word. */
  readonly tasks: readonly string[];
}

export const certificateFileMaxBytes = 8 << 20;
/** What stands around the plan. */
const fileNesting = 4;

const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
const text = z.string().max(8_192);
const path = z.array(base64).max(64);
const schema = z.strictObject({
  format: z.enum(formats),
  about: z.strictObject({
    meshId: text,
    meshName: text,
    workflow: text,
    goal: text,
    resultDigest: text.optional(),
    resultSizeBytes: z.number().int().nonnegative().optional(),
    failed: text.optional(),
    basis: text,
    tolerance: text,
    decidedBy: z.array(text).max(256),
    members: z.array(text).max(256),
    tasks: z.array(text).max(256),
  }),
  mesh: z.strictObject({
    genesis: base64,
    configs: z.array(z.strictObject({ config: base64, certificate: base64 })).max(10_000),
  }),
  opened: z.strictObject({ epoch: z.number().int().nonnegative(), idempotencyKey: z.string().min(8).max(200) }),
  plan: z.unknown(),
  decisions: z
    .array(z.strictObject({ decision: base64, certificate: base64 }))
    .min(1)
    .max(1_024),
  audit: z
    .strictObject({
      checkpoint: z.string().max(64 * 1024),
      entries: z.array(z.strictObject({ index: z.number().int().nonnegative(), proof: path })).max(1_024),
      closing: z.strictObject({ entry: base64, proof: path }).optional(),
    })
    .optional(),
});

/** The same with its place in the audit log. */
export function loggedFormat(format: Format): Format {
  return format.startsWith('parley-no-result') ? 'parley-no-result/2' : 'parley-certificate/2';
}

export function renderFile(file: CertificateFile): Uint8Array {
  const { format, about, mesh, opened, plan, decisions, audit } = file;
  return new TextEncoder().encode(
    `${JSON.stringify({ format, about, mesh, opened, plan, decisions, audit }, null, 1)}\n`,
  );
}

/** What the bytes hold, or why they are no certificate file. The plan is not checked here. */
export function readFile(
  bytes: Uint8Array,
): { readonly ok: true; readonly file: z.infer<typeof schema> } | { readonly ok: false; readonly reason: string } {
  if (bytes.length > certificateFileMaxBytes)
    return {
      ok: false,
      reason: `it has ${bytes.length} bytes; a certificate file has at most ${certificateFileMaxBytes}`,
    };
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (nestingOf(text) > planLimits.nesting + fileNesting)
      return { ok: false, reason: 'it is nested deeper than a certificate file can be' };
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'it is not JSON text in UTF-8: damaged, or not a certificate file' };
  }
  const checked = schema.safeParse(value);
  if (checked.success) {
    const { format, audit } = checked.data;
    if (format.endsWith('/2') === (audit !== undefined)) return { ok: true, file: checked.data };
    return {
      ok: false,
      reason: `a ${format} ${audit === undefined ? 'carries' : 'does not carry'} its place in the audit log`,
    };
  }
  const issue = checked.error.issues[0];
  return {
    ok: false,
    reason: `it is not a parley-certificate or parley-no-result file: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`,
  };
}
