// Law: a certificate may carry its place in the audit log: the path of each of its decisions to a checkpoint that a quorum cosigned. Where its
// epoch is over, only the checkpoint that closed the epoch's log counts: keys that were retired since can sign, and can no longer log.
import { closingEntry, encodeAuditEntry, isLogged, openCheckpoint } from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { equalBytes } from '../../protocols/wire/index.ts';
import type { Crypto } from '../system/index.ts';
import type { AuditProofFile } from './audit.ts';
import { certifiedEntriesOf, fromBase64 } from './entries.ts';
import { type CertificateFile, type LoggedPart, loggedFormat, readFile, renderFile } from './file.ts';
import { Refused } from './refused.ts';

export interface Logged {
  readonly weight: number;
  readonly size: number;
  /** The checkpoint is the epoch's last. */
  readonly isClosed: boolean;
}

/**
 * Whether `closing` is the last leaf under the checkpoint and closes the epoch of `config`. `next`: the config that followed, where the
 * verifier has it. Throws Refused where it says otherwise.
 */
export function isClosing(
  closing: { readonly entry: Uint8Array; readonly proof: readonly Uint8Array[] } | undefined,
  checkpoint: Parameters<typeof isLogged>[2],
  config: EpochConfig,
  next: EpochConfig | undefined,
  crypto: Crypto,
): boolean {
  if (closing === undefined) return false;
  const { entry, proof } = closing;
  const any = closingEntry(next ?? config, crypto);
  const expected = encodeAuditEntry(any, config.epoch);
  // All but the hash at its end is the same whatever followed.
  const isSame =
    next === undefined ? equalBytes(entry.subarray(0, -32), expected.subarray(0, -32)) : equalBytes(entry, expected);
  if (!isSame || entry.length !== expected.length)
    throw new Refused(`what is said to close the log of epoch ${config.epoch} does not`);
  if (!isLogged(entry, checkpoint.size - 1, checkpoint, proof, crypto))
    throw new Refused(`what closes the log of epoch ${config.epoch} is not the last entry under the checkpoint`);
  return true;
}

/** Checks the part of a certificate file that says where its decisions are logged. Throws Refused. */
export function checkLogged(
  part: LoggedPart,
  entries: ReturnType<typeof certifiedEntriesOf>,
  config: EpochConfig,
  meshId: Uint8Array,
  crypto: Crypto,
): Logged {
  const opened = openCheckpoint(part.checkpoint, config, meshId, crypto);
  if (!opened.ok) throw new Refused(`its checkpoint of the audit log does not hold: ${opened.reason}`);
  const { checkpoint, weight } = opened;
  if (part.entries.length !== entries.length) throw new Refused('it does not say of each decision where it is logged');
  for (const [i, { index, proof }] of part.entries.entries()) {
    const leaf = encodeAuditEntry(entries[i]!, config.epoch);
    if (!isLogged(leaf, index, checkpoint, proof.map(fromBase64), crypto))
      throw new Refused(`decision ${i + 1} is not entry ${index} under its checkpoint of the audit log`);
  }
  const closing = part.closing && { entry: fromBase64(part.closing.entry), proof: part.closing.proof.map(fromBase64) };
  return { weight, size: checkpoint.size, isClosed: isClosing(closing, checkpoint, config, undefined, crypto) };
}

/** The certificate with its place in the log, from a proof that a node made of it. Throws Refused where the proof is of something else. */
export function withAuditProof(certificate: Uint8Array, proof: AuditProofFile): Uint8Array {
  const read = readFile(certificate);
  if (!read.ok) throw new Refused(read.reason);
  const wanted = certifiedEntriesOf(read.file.decisions);
  const [first] = proof.entries;
  const entries = wanted.map((entry) => {
    const leaf = Buffer.from(encodeAuditEntry(entry, entry.epoch)).toString('base64');
    const found = proof.entries.find((each) => each.entry === leaf && each.checkpoint === first!.checkpoint);
    if (found === undefined) throw new Refused('the proof does not show all of its decisions under one checkpoint');
    return { index: found.index, proof: found.proof };
  });
  const closing = first?.closing;
  const audit = { checkpoint: first!.checkpoint, entries, ...(closing === undefined ? {} : { closing }) };
  return renderFile({ ...(read.file as CertificateFile), format: loggedFormat(read.file.format), audit });
}
