// Law: the board holds the record of every workflow this node knows, folded from lane entries whose statements it checked: the statement
// is about this mesh, signed by the entry's author, and a decision comes with a certificate that holds. What fails is refused by name.
import {
  attestations,
  type Candidate,
  candidates,
  decodeCertificate,
  decodeDecision,
  expiries,
  failureDigest,
  type TaskAttempt,
  verifyDecided,
} from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { equalBytes, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import { decodePlan, planDigest, planLimits } from '../plan/index.ts';
import type { Clock, Crypto, NodeId } from '../system/index.ts';
import { decodeWorkflowEntry, type WorkflowEntry, type WorkflowEntryOf, workflowId } from './entries.ts';
import { attemptOf, attemptsMax, type Certified, emptyRecord, progressOf, type WorkflowRecord } from './record.ts';

export interface BoardChange {
  readonly record: WorkflowRecord;
  readonly author: NodeId;
  readonly entry: WorkflowEntry;
}

/** Somebody signed two things that cannot both be so. */
export interface Contradiction {
  readonly author: NodeId;
  readonly workflow: string;
  readonly what: string;
}

/** The entry is of an epoch this node has not caught up with: give it to the board again once it has. */
export class EpochUnknown extends Error {
  override readonly name = 'EpochUnknown';
  readonly epoch: number;
  constructor(epoch: number) {
    super(`epoch ${epoch} is not known here yet`);
    this.epoch = epoch;
  }
}

export interface Board {
  get(workflow: string): WorkflowRecord | undefined;
  /** The first workflow this node saw opened with `key`. */
  byIdempotencyKey(key: string): WorkflowRecord | undefined;
  /** All records, in order of opening as far as known. */
  all(): readonly WorkflowRecord[];
  /** Records that are open here and not ended. */
  running(): readonly WorkflowRecord[];
  /** Throws MalformedBytes with the reason where the entry is refused. Repeats are harmless. */
  apply(author: NodeId, body: Uint8Array): void;
  /** What the engine of this node decided or learned; its certificate was verified there. */
  decided(workflow: string, certified: Certified): void;
  onChange(handler: (change: BoardChange) => void): () => void;
  onContradiction(handler: (found: Contradiction) => void): () => void;
}

/** Workflows kept in memory; the oldest ended ones go first. Their lanes stay on disk. */
const recordsMax = 10_000;
/** Workflows spoken of before they were opened here. Entries of several authors overtake each other, but not by much. */
const unopenedMax = 1_000;

export function createBoard(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly self: NodeId;
}): Board {
  const { chain, crypto, clock, self } = options;
  const records = new Map<string, WorkflowRecord>();
  const byKey = new Map<string, string>();
  let unopened = 0;
  const handlers = new Set<(change: BoardChange) => void>();
  const contradictionHandlers = new Set<(found: Contradiction) => void>();

  const recordOf = (workflow: string): WorkflowRecord => {
    let record = records.get(workflow);
    if (record === undefined) {
      if (unopened >= unopenedMax)
        throw new MalformedBytes('a statement about a workflow that nobody opened; too many of them wait already');
      unopened++;
      if (records.size >= recordsMax) {
        const oldest = [...records.values()].find(({ ended }) => ended !== undefined);
        if (oldest !== undefined) {
          records.delete(oldest.workflow);
          if (oldest.opened !== undefined) byKey.delete(oldest.opened.idempotencyKey);
        }
      }
      record = emptyRecord(workflow);
      records.set(workflow, record);
    }
    return record;
  };

  const contradicts = (author: NodeId, workflow: string, what: string): void => {
    for (const handler of [...contradictionHandlers]) handler({ author, workflow, what });
  };

  /** The statement speaks of this mesh and of the very workflow, task and attempt whose entry carries it. */
  const checkAbout = (
    about: TaskAttempt,
    entry: { readonly workflow: string; readonly task: string; readonly attempt: number },
  ): void => {
    if (!equalBytes(about.meshId, chain.meshId)) throw new MalformedBytes('a statement about another mesh');
    if (hex.encode(about.workflow) !== entry.workflow || about.task !== entry.task || about.attempt !== entry.attempt) {
      throw new MalformedBytes('a statement about another task than its entry');
    }
  };

  /** Nobody may fill the record with tasks the plan does not have, or attempts it cannot come to. */
  const checkTask = ({
    workflow,
    task,
    attempt,
  }: {
    readonly workflow: string;
    readonly task: string;
    readonly attempt: number;
  }): void => {
    if (attempt >= attemptsMax) throw new MalformedBytes(`attempt ${attempt} of a task that gets ${attemptsMax}`);
    const record = records.get(workflow);
    if (record === undefined || record.tasks.has(task)) return;
    const isInPlan =
      record.opened === undefined
        ? record.tasks.size < planLimits.tasks
        : record.opened.plan.tasks.some(({ id }) => id === task);
    if (!isInPlan) throw new MalformedBytes(`a task '${task}' that the plan does not have`);
  };

  const candidate = (author: NodeId, entry: WorkflowEntryOf<'candidate'>): boolean => {
    const statement: Candidate = candidates.decode(entry.candidate);
    checkAbout(statement, entry);
    if (statement.executor !== author || !candidates.verify(statement, crypto))
      throw new MalformedBytes('a candidate that its author did not sign');
    if (
      statement.outcome === 'failure' &&
      (entry.failure === undefined || !equalBytes(failureDigest(entry.failure, crypto), statement.resultDigest))
    ) {
      throw new MalformedBytes('a failed candidate beside another failure than its own');
    }
    const attempt = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
    const digest = hex.encode(candidates.digest(statement, crypto));
    const known = attempt.candidates.get(author);
    if (known !== undefined) {
      if (known.digest !== digest)
        contradicts(author, entry.workflow, `signed two different results of ${entry.task}, attempt ${entry.attempt}`);
      return false;
    }
    attempt.candidates.set(author, {
      candidate: statement,
      digest,
      durationMs: entry.durationMs,
      failure: entry.failure,
    });
    return true;
  };

  const attestation = (author: NodeId, entry: WorkflowEntryOf<'attestation'>): boolean => {
    const statement = attestations.decode(entry.attestation);
    checkAbout(statement, entry);
    if (statement.verifier !== author || !attestations.verify(statement, crypto))
      throw new MalformedBytes('an attestation that its author did not sign');
    const attempt = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
    const key = `${author}|${hex.encode(statement.candidateDigest)}`;
    const known = attempt.attestations.get(key);
    if (known !== undefined) {
      if (known.attestation.verdict !== statement.verdict)
        contradicts(author, entry.workflow, `attested ${entry.task} both ways`);
      return false;
    }
    // One verifier judges each candidate once, and there is one candidate per member.
    if (
      [...attempt.attestations.keys()].filter((other) => other.startsWith(`${author}|`)).length >=
      chain.current.members.length
    )
      throw new MalformedBytes('more attestations than there are candidates');
    attempt.attestations.set(key, { attestation: statement, durationMs: entry.durationMs });
    return true;
  };

  const expired = (author: NodeId, entry: WorkflowEntryOf<'expired'>): boolean => {
    const statement = expiries.decode(entry.expired);
    checkAbout(statement, entry);
    if (statement.member !== author || !expiries.verify(statement, crypto))
      throw new MalformedBytes('an expiry that its author did not sign');
    const attempt = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
    if (attempt.expired.has(author)) return false;
    attempt.expired.set(author, statement);
    return true;
  };

  const decided = (entry: WorkflowEntryOf<'decided'>): boolean => {
    const attempt = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
    if (attempt.certified !== undefined) {
      attempt.isPublished = true;
      return false;
    }
    const decision = decodeDecision(entry.decision, crypto);
    checkAbout(decision, entry);
    const config = chain.config(decision.epoch);
    if (config === undefined) throw new EpochUnknown(decision.epoch);
    const certificate = decodeCertificate(entry.certificate);
    const check = verifyDecided(
      certificate,
      { decision, bytes: entry.decision },
      { config, meshId: chain.meshId },
      crypto,
    );
    if (!check.ok) throw new MalformedBytes(`a certificate that does not hold: ${check.reason}`);
    attempt.certified = { decision, decisionBytes: entry.decision, certificate, certificateBytes: entry.certificate };
    attempt.isPublished = true;
    return true;
  };

  const opened = (author: NodeId, entry: WorkflowEntryOf<'opened'>): boolean => {
    const plan = decodePlan(entry.plan);
    const digest = planDigest(plan, crypto);
    const { idempotencyKey, epoch } = entry;
    if (workflowId({ meshId: chain.meshId, epoch, idempotencyKey, planDigest: digest }, crypto) !== entry.workflow) {
      throw new MalformedBytes('an opening whose plan is not the one its workflow is named after');
    }
    if (chain.config(epoch) === undefined) throw new EpochUnknown(epoch);
    const record = recordOf(entry.workflow);
    // A client that lost its gateway opens again at another: the same workflow, by construction.
    if (record.opened !== undefined) return false;
    unopened--;
    record.opened = {
      gateway: author,
      idempotencyKey,
      words: entry.words,
      plan,
      planDigest: digest,
      epoch,
      approved: entry.approved,
      atMs: entry.atMs,
    };
    if (!byKey.has(idempotencyKey)) byKey.set(idempotencyKey, entry.workflow);
    return true;
  };

  const fold = (author: NodeId, entry: WorkflowEntry): boolean => {
    switch (entry.kind) {
      case 'opened':
        return opened(author, entry);
      case 'assigned': {
        const attempt = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
        const before = [attempt.executors.size, attempt.verifiers.size];
        for (const id of entry.executors) {
          if (!chain.isMember(id)) continue;
          attempt.executors.add(id);
          attempt.verifiers.delete(id);
        }
        for (const id of entry.verifiers)
          if (chain.isMember(id) && !attempt.executors.has(id)) attempt.verifiers.add(id);
        const isFirst = attempt.assignedAtMs === undefined;
        attempt.assignedAtMs ??= clock.monotonicMs();
        return isFirst || attempt.executors.size !== before[0] || attempt.verifiers.size !== before[1];
      }
      case 'candidate':
        return candidate(author, entry);
      case 'attestation':
        return attestation(author, entry);
      case 'expired':
        return expired(author, entry);
      case 'decided':
        return decided(entry);
      case 'fault': {
        const { faults } = attemptOf(recordOf(entry.workflow), entry.task, entry.attempt);
        if (faults.has(author)) return false;
        faults.set(author, { code: entry.code, message: entry.message });
        return true;
      }
      case 'cancelled': {
        const { cancelledBy } = recordOf(entry.workflow);
        if (cancelledBy.has(author)) return false;
        cancelledBy.set(author, entry.reason);
        return true;
      }
    }
  };

  /** A workflow has ended when its certificates say so, or when its gateway, or more members than may lie, cancelled it. */
  const settle = (record: WorkflowRecord, atMs: number): void => {
    if (record.ended !== undefined || record.opened === undefined) return;
    const progress = progressOf(record);
    if (progress.kind === 'done') record.ended = { state: 'completed', message: 'certified', atMs };
    else if (progress.kind === 'failed') record.ended = { state: 'failed', message: progress.message, atMs };
    else if (record.cancelledBy.has(record.opened.gateway) || record.cancelledBy.size > chain.current.f) {
      const [reason] = record.cancelledBy.values();
      record.ended = { state: 'cancelled', message: reason ?? '', atMs };
    }
  };

  const emit = (change: BoardChange): void => {
    for (const handler of [...handlers]) handler(change);
  };

  return {
    get: (workflow) => records.get(workflow),
    byIdempotencyKey: (key) => records.get(byKey.get(key) ?? ''),
    all: () => [...records.values()],
    running: () => [...records.values()].filter(({ opened, ended }) => opened !== undefined && ended === undefined),
    apply(author, body) {
      const entry = decodeWorkflowEntry(body);
      if ('task' in entry) checkTask(entry);
      if (!fold(author, entry)) return;
      const record = recordOf(entry.workflow);
      settle(record, entry.atMs);
      emit({ record, author, entry });
    },
    decided(workflow, certified) {
      const { decision, decisionBytes, certificateBytes } = certified;
      const record = recordOf(workflow);
      const attempt = attemptOf(record, decision.task, decision.attempt);
      if (attempt.certified !== undefined) return;
      attempt.certified = certified;
      const atMs = clock.wallMs();
      settle(record, atMs);
      emit({
        record,
        author: self,
        entry: {
          kind: 'decided',
          workflow,
          task: decision.task,
          attempt: decision.attempt,
          decision: decisionBytes,
          certificate: certificateBytes,
          atMs,
        },
      });
    },
    onChange(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    onContradiction(handler) {
      contradictionHandlers.add(handler);
      return () => contradictionHandlers.delete(handler);
    },
  };
}
