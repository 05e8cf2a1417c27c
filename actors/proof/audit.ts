// Law: an audit proof shows, offline, that entries stand in the log of a mesh: a chain of configs from genesis, a checkpoint that a quorum
// of the epoch's members cosigned, and a path from each entry to its root. The mesh id is all a verifier has to know beforehand.
import { z } from 'zod';
import {
  type AuditEntry,
  type Checkpoint,
  decodeAuditEntry,
  hasGrown,
  isLogged,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  readVerdictKey,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { equalBytes, hex } from '../../protocols/wire/index.ts';
import type { Crypto } from '../system/index.ts';
import { certifiedEntriesOf, fromBase64, toBase64 } from './entries.ts';
import { readFile } from './file.ts';
import { isClosing } from './logged.ts';
import { meshPartOf, meshPartSchema, partText as text } from './mesh-part.ts';
import { Refused, refusalFor } from './refused.ts';
import { chainOf, verifyCertificateFile } from './verify.ts';

const schema = z.strictObject({
  format: z.literal('parley-audit-proof/2'),
  mesh: meshPartSchema,
  entries: z
    .array(
      z.strictObject({
        epoch: z.number().int().nonnegative(),
        index: z.number().int().nonnegative(),
        entry: text,
        proof: z.array(text).max(64),
        /** A C2SP signed note. */
        checkpoint: text,
        /** The log's last entry, where the checkpoint is the one that closes the epoch. */
        closing: z.strictObject({ entry: text, proof: z.array(text).max(64) }).optional(),
      }),
    )
    .min(1)
    .max(1_024),
  /** That the checkpoint above extends the tree of that size, which the asker had a checkpoint of. */
  since: z
    .strictObject({
      epoch: z.number().int().nonnegative(),
      size: z.number().int().positive(),
      proof: z.array(text).max(128),
    })
    .optional(),
});
export type AuditProofFile = z.infer<typeof schema>;

const fileMaxBytes = 8 << 20;

export function auditProofFile(
  chain: MeshChain,
  proofs: readonly {
    readonly epoch: number;
    readonly index: number;
    readonly entry: Uint8Array;
    readonly proof: readonly Uint8Array[];
    readonly checkpoint: string;
    readonly closing?: { readonly entry: Uint8Array; readonly proof: readonly Uint8Array[] } | undefined;
  }[],
  since?: { readonly epoch: number; readonly size: number; readonly proof: readonly Uint8Array[] },
): AuditProofFile {
  return {
    format: 'parley-audit-proof/2',
    mesh: meshPartOf(chain),
    entries: proofs.map(({ epoch, index, entry, proof, checkpoint, closing }) => ({
      epoch,
      index,
      entry: toBase64(entry),
      proof: proof.map(toBase64),
      checkpoint,
      ...(closing && { closing: { entry: toBase64(closing.entry), proof: closing.proof.map(toBase64) } }),
    })),
    ...(since && { since: { ...since, proof: since.proof.map(toBase64) } }),
  };
}

export type AuditVerification =
  | { readonly ok: true; readonly lines: readonly string[]; readonly meshId: string; readonly isAnchored: boolean }
  | { readonly ok: false; readonly reason: string };

/**
 * `certificate`: a certificate file all of whose decisions must be among the entries. `meshId`: the mesh the verifier trusts. `since`: an audit
 * proof file of earlier, whose checkpoint this one's must extend.
 */
export function verifyAuditProof(
  bytes: Uint8Array,
  options: {
    readonly crypto: Crypto;
    readonly certificate?: Uint8Array;
    readonly meshId?: string;
    readonly since?: Uint8Array;
  },
): AuditVerification {
  try {
    return verify(bytes, options);
  } catch (error) {
    return refusalFor(error);
  }
}

function verify(bytes: Uint8Array, options: Parameters<typeof verifyAuditProof>[1]): AuditVerification {
  const { crypto, certificate, meshId, since } = options;
  const file = read(bytes);
  const chain = chainOf(file.mesh, crypto);
  if (meshId !== undefined && meshId !== chain.meshIdHex)
    throw new Refused(`it is of mesh ${chain.meshIdHex}, not of mesh ${meshId}`);
  const lines: string[] = [];
  const logged: (AuditEntry & { readonly epoch: number })[] = [];
  for (const { epoch, index, entry, proof, checkpoint, closing } of file.entries) {
    const config = chain.config(epoch);
    if (config === undefined)
      throw new Refused(`it names epoch ${epoch}, and its chain ends at ${chain.current.epoch}`);
    const opened = openCheckpoint(checkpoint, config, chain.meshId, crypto);
    if (!opened.ok) throw new Refused(`the checkpoint of epoch ${epoch} does not hold: ${opened.reason}`);
    const leaf = fromBase64(entry);
    const decoded = decodeAuditEntry(leaf);
    if (decoded.epoch !== epoch) throw new Refused(`entry ${index} is of epoch ${decoded.epoch}, not ${epoch}`);
    if (!isLogged(leaf, index, opened.checkpoint, proof.map(fromBase64), crypto))
      throw new Refused(`entry ${index} is not under the checkpoint at size ${opened.checkpoint.size}`);
    const last = closing && { entry: fromBase64(closing.entry), proof: closing.proof.map(fromBase64) };
    const isClosed = isClosing(last, opened.checkpoint, config, chain.config(epoch + 1), crypto);
    if (chain.current.epoch > epoch && !isClosed)
      throw new Refused(
        `epoch ${epoch} is over, and its checkpoint at size ${opened.checkpoint.size} is not the one that closed its log: ask a node for the proof again`,
      );
    logged.push(decoded);
    const closed = isClosed ? ', which is closed' : '';
    lines.push(
      `${inWords(decoded)} is entry ${index} of ${opened.checkpoint.size} in the log of epoch ${epoch}${closed}, cosigned by weight ${opened.weight}`,
    );
  }
  if (certificate !== undefined) lines.push(...checkCertificate(certificate, logged, chain, crypto));
  if (since !== undefined) lines.push(checkGrowth(read(since), file, chain, crypto));
  return { ok: true, lines, meshId: chain.meshIdHex, isAnchored: meshId !== undefined };
}

/** Whether the log only grew since the checkpoint in `older`, as far as `file` shows. */
function checkGrowth(older: AuditProofFile, file: AuditProofFile, chain: MeshChain, crypto: Crypto): string {
  const { since } = file;
  if (since === undefined) throw new Refused('it does not say what it extends: make it with --since');
  const { epoch, size, proof } = since;
  const config = chain.config(epoch);
  const checkpointIn = (of: AuditProofFile): Checkpoint => {
    const note = of.entries.find((entry) => entry.epoch === epoch)?.checkpoint;
    if (note === undefined || config === undefined)
      throw new Refused(`there is no checkpoint of epoch ${epoch} to compare`);
    const opened = openCheckpoint(note, config, chain.meshId, crypto);
    if (!opened.ok) throw new Refused(`a checkpoint of epoch ${epoch} does not hold: ${opened.reason}`);
    return opened.checkpoint;
  };
  const [before, after] = [checkpointIn(older), checkpointIn(file)];
  if (before.size !== size || !hasGrown(before, after, proof.map(fromBase64), crypto))
    throw new Refused(
      `the log of epoch ${epoch} at size ${after.size} is not shown to begin as it was at size ${before.size}`,
    );
  return `the log of epoch ${epoch} at size ${after.size} begins as it was at size ${before.size}`;
}

/** Of which epoch and size the first checkpoint in an audit proof file is. Throws Refused or MalformedBytes; proves nothing. */
export function checkpointOf(bytes: Uint8Array): { readonly epoch: number; readonly size: number } {
  const [first] = read(bytes).entries;
  return { epoch: first!.epoch, size: parseCheckpoint(parseNote(first!.checkpoint).text).size };
}

function read(bytes: Uint8Array): AuditProofFile {
  if (bytes.length > fileMaxBytes) throw new Refused(`it has ${bytes.length} bytes; at most ${fileMaxBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refused('it is not JSON text in UTF-8: damaged, or not an audit proof');
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw new Refused(`it is not a parley-audit-proof/2 file: ${checked.error.issues[0]?.message}`);
  return checked.data;
}

function checkCertificate(
  bytes: Uint8Array,
  logged: readonly (AuditEntry & { readonly epoch: number })[],
  chain: MeshChain,
  crypto: Crypto,
): string[] {
  const verdict = verifyCertificateFile(bytes, { crypto, meshId: chain.meshIdHex });
  if (!verdict.ok) throw new Refused(`the certificate itself proves nothing: ${verdict.reason}`);
  const wanted = certifiedEntries(bytes);
  for (const entry of wanted) {
    const found = logged.some(
      (each) => each.epoch === entry.epoch && each.digest === entry.digest && equalBytes(each.key, entry.key),
    );
    if (!found) throw new Refused(`${inWords(entry)}, which the certificate rests on, is not among its entries`);
  }
  return [`all that the certificate decided (${wanted.length}) is logged`];
}

/** What of a certificate file should be in the log. Throws Refused where it is none. */
export function certifiedEntries(bytes: Uint8Array): (AuditEntry & { readonly epoch: number })[] {
  const certificate = readFile(bytes);
  if (!certificate.ok) throw new Refused(certificate.reason);
  return certifiedEntriesOf(certificate.file.decisions);
}

/** An entry, for people. */
export function inWords(entry: AuditEntry): string {
  if (entry.kind === 'config') return 'a change of members';
  if (entry.kind === 'close') return 'the end of the epoch';
  if (entry.kind === 'evidence') return `evidence ${entry.digest.slice(0, 8)}`;
  const { workflow, task, attempt } = readVerdictKey(entry.key);
  return `the decision on ${task}, attempt ${attempt}, of workflow ${hex.encode(workflow).slice(0, 8)}`;
}
