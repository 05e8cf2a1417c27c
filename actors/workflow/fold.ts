// Law: an entry changes the record of a workflow that was opened only where its statement is about this very workflow and its author may make
// it; a decision proves itself by its certificate, whoever shows it.
import { type Certificate, decodeCertificate, decodeDecision, verifyDecided } from '../../consensus/index.ts';
import { type EpochConfig, type MeshChain, workersOf } from '../../protocols/mesh/index.ts';
import { equalBytes, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Clock, Crypto, NodeId } from '../system/index.ts';
import type { Conflict, Contradiction } from './board-contract.ts';
import { isCancelSecret, type WorkflowEntry, type WorkflowEntryOf } from './entries.ts';
import { attemptOf, attemptsMax, type WorkflowRecord } from './record.ts';
import { type Contradicts, foldAttestation, foldCandidate, foldExpired } from './statements.ts';

/** True where the entry changed the record. Throws MalformedBytes with the reason where it is refused. */
export type Fold = (
  record: WorkflowRecord,
  author: NodeId,
  entry: Exclude<WorkflowEntry, { kind: 'opened' }>,
) => boolean;

export function createFold(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly clock: Clock;
  /** Whether the certificate's epoch was closed without it. */
  readonly isLate: (certificate: Certificate) => boolean;
  readonly onContradiction: (found: Contradiction) => void;
  readonly onConflict: (found: Conflict) => void;
}): Fold {
  const { chain, crypto, clock, isLate, onContradiction, onConflict } = options;

  /** The statement speaks of this mesh and of the very workflow, plan, epoch, task and attempt whose entry carries it. */
  const aboutOf = (record: WorkflowRecord, entry: { readonly task: string; readonly attempt: number }) => ({
    meshId: chain.meshId,
    epoch: record.opened!.epoch,
    workflow: hex.decode(record.workflow),
    planDigest: hex.decode(record.opened!.planDigest),
    task: entry.task,
    attempt: entry.attempt,
  });

  const foldDecided = (record: WorkflowRecord, entry: WorkflowEntryOf<'decided'>): boolean => {
    const attempt = attemptOf(record, entry.task, entry.attempt);
    const known = attempt.certified;
    if (known !== undefined && equalBytes(known.decisionBytes, entry.decision)) {
      attempt.isPublished = true;
      return false;
    }
    const decision = decodeDecision(entry.decision, crypto);
    const { workflow, planDigest: digest, task, attempt: number } = aboutOf(record, entry);
    const isAbout =
      equalBytes(decision.workflow, workflow) &&
      equalBytes(decision.planDigest, digest) &&
      decision.task === task &&
      decision.attempt === number;
    if (!isAbout) throw new MalformedBytes('a decision about another task than its entry');
    const config = chain.config(record.opened!.epoch)!;
    const certificate = decodeCertificate(entry.certificate);
    const decided = { decision, bytes: entry.decision };
    const check = verifyDecided(certificate, decided, { config, meshId: chain.meshId }, crypto);
    if (!check.ok) throw new MalformedBytes(`a certificate that does not hold: ${check.reason}`);
    if (known !== undefined) {
      // The first stays: whoever acted on it did so rightly. What the second proves is whom to remove.
      onConflict({ workflow: record.workflow, certificates: [known.certificate, certificate] });
      return false;
    }
    if (isLate(certificate))
      throw new MalformedBytes(
        `a certificate of epoch ${certificate.epoch} that came to light after its log was closed`,
      );
    attempt.certified = { decision, decisionBytes: entry.decision, certificate, certificateBytes: entry.certificate };
    attempt.isPublished = true;
    return true;
  };

  const foldAssigned = (record: WorkflowRecord, entry: WorkflowEntryOf<'assigned'>, config: EpochConfig): boolean => {
    const attempt = attemptOf(record, entry.task, entry.attempt);
    const before = [attempt.executors.size, attempt.verifiers.size];
    const isMember = (id: NodeId): boolean => config.members.some((member) => member.id === id);
    for (const id of entry.executors) {
      if (!isMember(id) && !isWorker(config, id)) continue;
      attempt.executors.add(id);
      attempt.verifiers.delete(id);
    }
    for (const id of entry.verifiers) if (isMember(id) && !attempt.executors.has(id)) attempt.verifiers.add(id);
    const isFirst = attempt.assignedAtMs === undefined;
    attempt.assignedAtMs ??= clock.monotonicMs();
    return isFirst || attempt.executors.size !== before[0] || attempt.verifiers.size !== before[1];
  };

  const fold: Fold = (record, author, entry) => {
    const { plan, epoch } = record.opened!;
    const config = chain.config(epoch)!;
    // Nobody may fill the record with tasks the plan does not have, or attempts it cannot come to.
    if ('task' in entry) {
      if (entry.attempt >= attemptsMax)
        throw new MalformedBytes(`attempt ${entry.attempt} of a task that gets ${attemptsMax}`);
      if (!plan.tasks.some(({ id }) => id === entry.task))
        throw new MalformedBytes(`a task '${entry.task}' that the plan does not have`);
    }
    // A decision proves itself, whoever shows it.
    if (entry.kind === 'decided') return foldDecided(record, entry);
    // A worker shows what it made, or that it could not; whatever else it says has no weight and does not stand here.
    if (!isWorker(config, author) || (entry.kind !== 'candidate' && entry.kind !== 'fault')) memberOf(config, author);
    if (entry.kind === 'cancelled') {
      const isProven = entry.secret !== undefined && record.cancelSecret === undefined;
      if (entry.secret !== undefined && !isCancelSecret(record.opened!.idempotencyKey, entry.secret, crypto))
        throw new MalformedBytes('a secret of which the key of its workflow holds no hash');
      if (isProven) record.cancelSecret = entry.secret;
      if (record.cancelledBy.has(author)) return isProven;
      record.cancelledBy.set(author, entry.reason);
      return true;
    }
    const attempt = attemptOf(record, entry.task, entry.attempt);
    const context = {
      about: aboutOf(record, entry),
      author,
      attempt,
      crypto,
      candidatesMax: config.members.length + workersOf(config).length,
    };
    const contradicts: Contradicts = (what, evidence) =>
      onContradiction({ author, workflow: record.workflow, what, evidence });
    switch (entry.kind) {
      case 'assigned':
        return foldAssigned(record, entry, config);
      case 'candidate':
        return foldCandidate(entry, context, contradicts);
      case 'attestation':
        return foldAttestation(entry, context, contradicts);
      case 'expired':
        return foldExpired(entry, context);
      case 'fault':
        if (attempt.faults.has(author)) return false;
        attempt.faults.set(author, { code: entry.code, message: entry.message });
        return true;
    }
  };

  return fold;
}

const isWorker = (config: EpochConfig, node: NodeId): boolean => workersOf(config).some(({ id }) => id === node);

/** Throws MalformedBytes where the author has no vote in the epoch. */
export function memberOf(config: EpochConfig, author: NodeId): void {
  if (!config.members.some(({ id }) => id === author))
    throw new MalformedBytes(`its author is no member of epoch ${config.epoch}`);
}
