// Law: tests of the record write its entries here, by name, as members would: every statement really signed, every certificate really decided.
import type { Plan } from '../../actors/plan/index.ts';
import { planBytes, planDigest } from '../../actors/plan/index.ts';
import {
  attemptOf,
  type Board,
  boundCall,
  callDigest,
  createBoard,
  draftDecision,
  emptyRecord,
  encodeWorkflowEntry,
  termsOf,
  type WorkflowEntry,
  type WorkflowRecord,
  workflowId,
} from '../../actors/workflow/index.ts';
import {
  attestations,
  type Candidate,
  candidates,
  type Decision,
  defaultFaultBudget,
  encodeCertificate,
  encodeDecision,
  encodeFailure,
  exact,
  expiries,
  failureDigest,
  type TaskTerms,
  verdictKey,
} from '../../consensus/index.ts';
import { createMeshChain, type Member, type MeshChain } from '../../protocols/mesh/index.ts';
import { compareText, hex, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { certify } from './certify.ts';
import { crypto, names } from './decisions.ts';
import { manifests } from './in-process-mesh.ts';
import { testIdentity } from './world.ts';

export interface Written {
  readonly author: string;
  readonly body: Uint8Array;
}

const failureOf = { code: 'no_such_column', message: 'no such column' };

/** A mesh of `count` members at epoch 0, named amber, birch, cedar …, and one workflow of theirs. */
export class Scribe {
  readonly chain: MeshChain;
  readonly plan: Plan;
  readonly workflow: string;
  readonly #identities: ReadonlyMap<string, Identity>;
  readonly key: string;

  constructor(
    plan: Plan,
    options: {
      readonly count?: number;
      readonly key?: string;
      readonly site?: (i: number) => string;
      /** Names of workers besides the members. */
      readonly workers?: readonly (typeof names)[number][];
    } = {},
  ) {
    const count = options.count ?? 4;
    const { key = 'a-key-of-its-own', workers: workerNames = [] } = options;
    const all = [...names.slice(0, count), ...workerNames];
    this.#identities = new Map(all.map((name) => [name, testIdentity(names.indexOf(name), crypto)]));
    const nodes: Member[] = [...this.#identities]
      .map(([name, { id }], i) => ({
        id,
        weight: 1,
        name,
        site: options.site?.(i) ?? 'north',
        operator: 'op',
        modelFamily: 'none',
      }))
      .sort((a, b) => compareText(a.id, b.id));
    const isWorker = ({ name }: Member): boolean => workerNames.some((each) => each === name);
    const members = nodes.filter((node) => !isWorker(node));
    const workers = nodes.filter(isWorker).map(({ weight: _, ...rest }) => rest);
    const config = { epoch: 0, members, workers, ...defaultFaultBudget(count), previous: new Uint8Array(32) };
    this.chain = createMeshChain({ name: 'test', nonce: new Uint8Array(32).fill(9), config }, crypto);
    this.plan = plan;
    this.key = key;
    this.workflow = workflowId(
      { meshId: this.chain.meshId, epoch: 0, idempotencyKey: key, planDigest: planDigest(plan, crypto) },
      crypto,
    );
  }

  who(name: string): Identity {
    return this.#identities.get(name)!;
  }

  id(name: string): string {
    return this.who(name).id;
  }

  board(self = 'amber'): Board {
    let nowMs = 0;
    const clock = { monotonicMs: () => nowMs++, wallMs: () => 1_000 };
    return createBoard({ chain: this.chain, crypto, clock, self: this.id(self), manifests, log: () => {} });
  }

  entry(by: string, entry: WorkflowEntry): Written {
    return { author: this.id(by), body: encodeWorkflowEntry(entry) };
  }

  opened(by: string, more: { readonly words?: string } = {}): Written {
    const { workflow, plan, key: idempotencyKey } = this;
    const entry = {
      kind: 'opened',
      workflow,
      idempotencyKey,
      words: plan.goal,
      plan: planBytes(plan),
      epoch: 0,
    } as const;
    return this.entry(by, { ...entry, approved: true, atMs: 1, ...more });
  }

  assigned(by: string, task: string, executors: readonly string[], verifiers: readonly string[], attempt = 0): Written {
    const ids = (list: readonly string[]): string[] => list.map((name) => this.id(name));
    const { workflow } = this;
    return this.entry(by, {
      kind: 'assigned',
      workflow,
      task,
      attempt,
      executors: ids(executors),
      verifiers: ids(verifiers),
      atMs: 1,
    });
  }

  /** What the plan asks of this attempt after `record`. */
  terms(task: string, attempt = 0, record: WorkflowRecord = this.opening()): TaskTerms {
    return termsOf(record, task, attempt, { chain: this.chain, crypto, skillVersion: () => '1.0.0' })!;
  }

  opening(): WorkflowRecord {
    const record = emptyRecord(this.workflow);
    const { plan, key: idempotencyKey } = this;
    const opened = {
      gateway: this.id('amber'),
      idempotencyKey,
      words: plan.goal,
      plan,
      planDigest: planDigest(plan, crypto),
    };
    record.opened = { ...opened, epoch: 0, approved: true, atMs: 1 };
    record.openedBy.add(this.id('amber'));
    return record;
  }

  candidate(by: string, terms: TaskTerms, output: string | undefined, more: Partial<Candidate> = {}): Candidate {
    const { id: executor, secretKey } = this.who(by);
    const { relation: _relation, endorsement: _endorsement, ...about } = terms;
    const bytes = output === undefined ? encodeFailure(failureOf) : utf8.encode(output);
    const found =
      output === undefined
        ? ({ outcome: 'failure', resultDigest: failureDigest(failureOf, crypto) } as const)
        : ({ outcome: 'result', resultDigest: crypto.sha256(bytes) } as const);
    return candidates.sign({ ...about, ...found, sizeBytes: bytes.length, executor, ...more }, secretKey, crypto);
  }

  said(by: string, candidate: Candidate, durationMs = 5): Written {
    const { workflow } = this;
    const { task, attempt } = candidate;
    const failure = candidate.outcome === 'failure' ? { failure: failureOf } : {};
    return this.entry(by, {
      kind: 'candidate',
      workflow,
      task,
      attempt,
      candidate: candidates.encode(candidate),
      durationMs,
      ...failure,
      atMs: 1,
    });
  }

  attested(by: string, candidate: Candidate, verdict: 1 | -1 = 1): Written {
    const { id: verifier, secretKey } = this.who(by);
    const { meshId, epoch, workflow, planDigest: digest, task, attempt, callDigest: call } = candidate;
    const own = verdict === 1 ? candidate.resultDigest : crypto.sha256(utf8.encode('something else'));
    const relation = { id: exact.id, version: exact.version, paramsHash: exact.paramsHash };
    const about = { meshId, epoch, workflow, planDigest: digest, task, attempt, callDigest: call, relation };
    const judged = { candidateDigest: candidates.digest(candidate, crypto), verdict, score: 0, ownDigest: own };
    const signed = attestations.sign({ ...about, ...judged, modelFamily: 'none', verifier }, secretKey, crypto);
    const { workflow: name } = this;
    return this.entry(by, {
      kind: 'attestation',
      workflow: name,
      task,
      attempt,
      attestation: attestations.encode(signed),
      durationMs: 5,
      atMs: 1,
    });
  }

  expired(by: string, task: string, attempt = 0): Written {
    const { id: member, secretKey } = this.who(by);
    const about = { meshId: this.chain.meshId, epoch: 0, workflow: hex.decode(this.workflow) };
    const planned = { planDigest: hex.decode(planDigest(this.plan, crypto)), task, attempt };
    const signed = expiries.sign({ ...about, ...planned, member }, secretKey, crypto);
    const { workflow: name } = this;
    return this.entry(by, {
      kind: 'expired',
      workflow: name,
      task,
      attempt,
      expired: expiries.encode(signed),
      atMs: 1,
    });
  }

  fault(by: string, task: string, attempt = 0): Written {
    const { workflow } = this;
    return this.entry(by, { kind: 'fault', workflow, task, attempt, code: 'crashed', message: 'it fell', atMs: 1 });
  }

  cancelled(by: string, reason = 'no longer needed'): Written {
    return this.entry(by, { kind: 'cancelled', workflow: this.workflow, reason, atMs: 1 });
  }

  /** Lets the members decide what `record` carries for the attempt; returns the entry, and puts the decision on `record`. */
  decided(by: string, record: WorkflowRecord, task: string, attempt = 0): Written {
    const config = this.chain.current;
    const terms = this.terms(task, attempt, record);
    const decision: Decision = draftDecision(attemptOf(record, task, attempt), terms, config)!;
    const payload = encodeDecision(decision);
    const subject = { domain: 'verdict', key: verdictKey(terms) } as const;
    const identities = config.members.map(({ name }) => this.who(name));
    const certificate = certify({ identities, config, meshId: this.chain.meshId, subject, payload });
    const certificateBytes = encodeCertificate(certificate);
    attemptOf(record, task, attempt).certified = { decision, decisionBytes: payload, certificate, certificateBytes };
    const { workflow } = this;
    return this.entry(by, {
      kind: 'decided',
      workflow,
      task,
      attempt,
      decision: payload,
      certificate: certificateBytes,
      atMs: 1,
    });
  }

  callOf(record: WorkflowRecord, task: string): Uint8Array {
    return callDigest(boundCall(record, task)!, crypto);
  }
}

export function applyAll(board: Board, entries: readonly Written[]): void {
  for (const { author, body } of entries) board.apply(author, body);
}

/** All of a record that every node must have alike, as plain data: not when it came, nor who was heard first. */
export function plainRecord(record: WorkflowRecord): unknown {
  const byKey = <K, V>(entries: Iterable<readonly [K, V]>): (readonly [K, V])[] =>
    [...entries].sort(([a], [b]) => compareText(String(a), String(b)));
  const bytes = (value: Uint8Array): string => hex.encode(value);
  return {
    workflow: record.workflow,
    plan: record.opened?.planDigest,
    openedBy: [...record.openedBy].sort(),
    cancelledBy: byKey(record.cancelledBy),
    cancelSecret: record.cancelSecret,
    ended: record.ended === undefined ? undefined : { state: record.ended.state, message: record.ended.message },
    tasks: byKey(record.tasks).map(([task, { attempts }]) => [
      task,
      byKey(attempts).map(([number, attempt]) => ({
        number,
        executors: [...attempt.executors].sort(),
        verifiers: [...attempt.verifiers].sort(),
        candidates: byKey(attempt.candidates).map(([id, { digest, failure }]) => [id, digest, failure]),
        attestations: byKey(attempt.attestations).map(([key, { attestation }]) => [key, attestation.verdict]),
        expired: byKey(attempt.expired).map(([id]) => id),
        faults: byKey(attempt.faults),
        decision: attempt.certified === undefined ? undefined : bytes(attempt.certified.decisionBytes),
        isPublished: attempt.isPublished,
      })),
    ]),
  };
}
