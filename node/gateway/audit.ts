// Law: the log is read as it stands; a proof is only given once a quorum cosigned a checkpoint above the entry.
import type { AuditBook } from '../../actors/audit-log/index.ts';
import type { Parts } from '../../actors/parts/index.ts';
import { auditProofFile, evidenceFile, inWords } from '../../actors/proof/index.ts';
import { decodeAuditEntry } from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { GatewayError } from './error.ts';
import type { GatewayServices } from './services-contract.ts';

const entriesMax = 1_000;

export function createAuditServices({
  parts,
  audit,
}: {
  readonly parts: Parts;
  readonly audit: AuditBook;
}): Pick<GatewayServices, 'audit' | 'auditProof' | 'auditEvidence'> {
  const { chain } = parts;
  const growthOf = (since: { readonly epoch: number; readonly size: number }) => {
    const proof = chain.config(since.epoch) === undefined ? undefined : audit.proveGrowth(since.epoch, since.size);
    if (proof === undefined)
      throw new GatewayError(
        'not_ready',
        `this node has no checkpoint of epoch ${since.epoch} at size ${since.size} or above`,
        'Ask another member, or in a moment.',
      );
    return { ...since, proof };
  };
  return {
    audit(epoch = chain.current.epoch, from) {
      if (chain.config(epoch) === undefined)
        throw new GatewayError('not_found', `there is no epoch ${epoch}; the current one is ${chain.current.epoch}`);
      const log = audit.log(epoch);
      const entries = Array.from({ length: Math.min(entriesMax, Math.max(0, log.size - from)) }, (_, i) => {
        const entry = decodeAuditEntry(log.leaf(from + i)!);
        return { index: from + i, kind: entry.kind, what: inWords(entry), digest: entry.digest };
      });
      const checkpoint = audit.checkpoint(epoch);
      return { epoch, size: log.size, from, entries, ...(checkpoint === undefined ? {} : { checkpoint }) };
    },
    auditEvidence() {
      const evidence = audit.evidence();
      if (evidence.length === 0)
        throw new GatewayError(
          'not_found',
          'no member of this mesh is convicted by evidence',
          'There is nothing to show.',
        );
      return evidenceFile(chain, evidence);
    },
    auditProof: ({ entries, since }) =>
      auditProofFile(
        chain,
        entries.map(({ epoch, kind, key, digest }) => {
          const entry = { kind, key: hex.decode(key), digest };
          const proof = chain.config(epoch) === undefined ? undefined : audit.prove(epoch, entry);
          if (proof === undefined)
            throw new GatewayError(
              'not_ready',
              `entry ${digest.slice(0, 12)} is not in the log of epoch ${epoch}, or not under a cosigned checkpoint yet`,
              'What was decided a moment ago is logged within seconds while a quorum is there: try again, or see `parley doctor`.',
            );
          return proof;
        }),
        since && growthOf(since),
      ),
  };
}
