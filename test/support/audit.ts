// Law: what a node keeps as evidence is read from its folder by the rules of its store, after the node has ended, and believed only where
// it verifies by itself.
import {
  attestations,
  candidates,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  verifyEvidence,
} from '../../consensus/index.ts';
import { openHome } from '../../node/home/index.ts';
import { createStorage } from '../../node/world/index.ts';
import { openLaneStore } from '../../protocols/lanes/index.ts';
import { createIdentity, decodeBody, equalBytes } from '../../protocols/wire/index.ts';
import { createForger } from './forger.ts';
import { createCrypto, recordingLog } from './world.ts';

const crypto = createCrypto();

export interface AuditFinding {
  /** Who wrote it down. */
  readonly author: string;
  readonly culprit: string;
  readonly kind: Evidence['kind'] | 'candidate' | 'attestation';
  /** The statements are the culprit's own, by signature. */
  readonly isProven: boolean;
}

/** What the audit log in the folder of a node that has ended holds against anybody. */
export async function auditOf(folder: string): Promise<AuditFinding[]> {
  const home = openHome(folder);
  const { meshId, config } = createForger(folder);
  const storage = await createStorage(home.storeFolder);
  try {
    const store = await openLaneStore({
      keyValue: await storage.keyValue('lanes'),
      crypto,
      identity: createIdentity(crypto, home.secretKey()),
      meshId,
      hlc: () => 0n,
      isAuthor: () => true,
      log: recordingLog().log,
    });
    const found: AuditFinding[] = [];
    for await (const { author, body } of store.all('audit')) {
      const entry = decodeBody(body) as
        | { kind: 'evidence'; evidence: Uint8Array }
        | { kind: 'dissent'; workflow: string; statements: Uint8Array[] };
      if (entry.kind === 'evidence') {
        const evidence = decodeEvidence(entry.evidence);
        const isProven =
          verifyEvidence(evidence, config, meshId, crypto).ok && equalBytes(encodeEvidence(evidence), entry.evidence);
        found.push({ author, culprit: evidence.culprit, kind: evidence.kind, isProven });
      } else for (const statement of entry.statements) found.push({ author, ...dissenting(statement) });
    }
    return found;
  } finally {
    await storage.close();
  }
}

function dissenting(bytes: Uint8Array): Omit<AuditFinding, 'author'> {
  try {
    const candidate = candidates.decode(bytes);
    return { culprit: candidate.executor, kind: 'candidate', isProven: candidates.verify(candidate, crypto) };
  } catch {
    const attestation = attestations.decode(bytes);
    return { culprit: attestation.verifier, kind: 'attestation', isProven: attestations.verify(attestation, crypto) };
  }
}
