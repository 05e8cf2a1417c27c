// Law: the board holds the record of every workflow this node knows, folded from lane entries whose statements it checked: the statement
// is about this very workflow, signed by the entry's author, a member of its epoch, and a decision comes with a certificate that holds.
// What fails is refused by name. The record is a function of the set of entries: their order and repetition do not matter.
import { MalformedBytes } from '../../protocols/wire/index.ts';
import { decodePlan, planDigest, problemText, validatePlan } from '../plan/index.ts';
import type { NodeId } from '../system/index.ts';
import { type ArchivedWorkflow, archivedOf, createPlaces, type KnownWorkflow } from './archive.ts';
import type { Board, BoardChange, BoardOptions, Conflict, Contradiction } from './board-contract.ts';
import { createEarly, type EarlyEntry } from './early.ts';
import {
  decodeWorkflowEntry,
  encodeWorkflowEntry,
  type WorkflowEntry,
  type WorkflowEntryOf,
  workflowId,
} from './entries.ts';
import { createFold, memberOf } from './fold.ts';
import { createNames } from './names.ts';
import { attemptOf, emptyRecord, endOf, type WorkflowRecord } from './record.ts';
import { createTelling } from './telling.ts';

/** Records in memory whose entries have no place in a lane; the oldest finished ones go first. */
const recordsMax = 10_000;
/** Finished workflows whose records stay in memory (30 kB each) for whoever asks and for what comes late; those before are archived. */
const finishedMax = 500;
/** Archived workflows (1 kB each); the oldest are forgotten. Their entries stay in the lanes. */
const archivedMax = 100_000;
/** Workflows of one gateway that have not ended; those beyond wait until some have. */
export const openPerGatewayMax = 1_000;

const epochTopic = (epoch: number): string => `epoch ${epoch}`;
const turnTopic = (gateway: NodeId): string => `turn ${gateway}`;

export function createBoard(options: BoardOptions): Board {
  const { chain, crypto, clock, self, manifests, log, isLate = () => false } = options;
  const records = new Map<string, WorkflowRecord>();
  const archive = new Map<string, ArchivedWorkflow>();
  const places = createPlaces();
  /** Finished, with all that was said of them in lanes: the longest known first. */
  const finished = new Set<string>();
  let hasForgotten = false;
  /** While a record is put together again nobody hears what was told before. */
  let isRestoring = false;
  const unfinished = new Map<string, WorkflowRecord>();
  const names = createNames();
  const openCounts = new Map<NodeId, number>();
  const early = createEarly();
  const changes = createTelling<BoardChange>(log);
  const wanted = createTelling<string>(log);
  const contradictions = createTelling<Contradiction>(log);
  const conflicts = createTelling<Conflict>(log);

  const hasEffect = (skill: string): boolean => manifests.find(({ name }) => name === skill)?.effects !== 'none';

  const count = (gateway: NodeId, by: 1 | -1): void => {
    openCounts.set(gateway, (openCounts.get(gateway) ?? 0) + by);
  };

  const forgetOldest = (): void => {
    if (records.size < recordsMax) return;
    for (const { workflow, opened } of records.values()) {
      if (unfinished.has(workflow)) continue;
      records.delete(workflow);
      finished.delete(workflow);
      hasForgotten = true;
      if (opened !== undefined) forgetNames({ workflow, opened });
      return;
    }
  };

  const forgetNames = ({ workflow, opened }: Pick<ArchivedWorkflow, 'workflow' | 'opened'>): void => {
    names.forget(workflow, opened);
    places.forget(workflow);
  };

  /** Lets go of the record that is finished the longest, where the lanes have all of it. */
  const archiveOldest = (): void => {
    for (const workflow of finished) {
      if (finished.size <= (options.finishedMax ?? finishedMax)) return;
      const record = records.get(workflow);
      finished.delete(workflow);
      if (record?.opened === undefined || !isFinished(record)) continue;
      records.delete(workflow);
      archive.set(workflow, archivedOf({ ...record, opened: record.opened }, hasEffect));
      for (const oldest of archive.values()) {
        if (archive.size <= archivedMax) break;
        archive.delete(oldest.workflow);
        hasForgotten = true;
        forgetNames(oldest);
      }
    }
  };

  const open = (
    author: NodeId,
    entry: WorkflowEntryOf<'opened'>,
    body: Uint8Array,
    sequence: number | undefined,
  ): WorkflowRecord | undefined => {
    const { idempotencyKey, epoch, workflow, words, approved, atMs } = entry;
    const config = chain.config(epoch);
    if (config === undefined) {
      early.hold(epochTopic(epoch), { author, body, sequence });
      return undefined;
    }
    memberOf(config, author);
    const known = records.get(workflow);
    if (known !== undefined) {
      // A client that lost its gateway opens again at another: the same workflow, by construction.
      if (known.openedBy.has(author)) return undefined;
      known.openedBy.add(author);
      return known;
    }
    const plan = decodePlan(entry.plan);
    const digest = planDigest(plan, crypto);
    if (workflowId({ meshId: chain.meshId, epoch, idempotencyKey, planDigest: digest }, crypto) !== workflow)
      throw new MalformedBytes('an opening whose plan is not the one its workflow is named after');
    const [problem] = validatePlan(plan, manifests);
    if (problem !== undefined) throw new MalformedBytes(`a plan that cannot be carried out: ${problemText(problem)}`);
    if (!isRestoring && (openCounts.get(author) ?? 0) >= openPerGatewayMax) {
      early.hold(turnTopic(author), { author, body, sequence });
      return undefined;
    }
    forgetOldest();
    const record = emptyRecord(workflow);
    record.openedBy.add(author);
    record.opened = { gateway: author, idempotencyKey, words, plan, planDigest: digest, epoch, approved, atMs };
    records.set(workflow, record);
    unfinished.set(workflow, record);
    count(author, 1);
    names.opened(workflow, record.opened);
    return record;
  };

  const fold = createFold({
    ...{ chain, crypto, clock, isLate },
    onContradiction: (found) => void (isRestoring || contradictions.tell(found)),
    onConflict: (found) => void (isRestoring || conflicts.tell(found)),
  });

  /** After a change: how the workflow stands, who hears of it, and what it makes room for. */
  const settle = (change: BoardChange): void => {
    const { record, entry } = change;
    const { gateway } = record.opened!;
    const end = endOf(record, chain.config(record.opened!.epoch)!);
    const wasEnded = record.ended !== undefined;
    if (end?.state !== record.ended?.state) record.ended = end === undefined ? undefined : { ...end, atMs: entry.atMs };
    const isEnded = record.ended !== undefined;
    if (isEnded !== wasEnded) count(gateway, isEnded ? -1 : 1);
    note(record);
    if (!isRestoring) changes.tell(change);
    if (isEnded && !wasEnded && !isRestoring) for (const waited of early.take(turnTopic(gateway), 1)) retry(waited);
  };

  const note = (record: WorkflowRecord): void => {
    if (!isFinished(record)) {
      unfinished.set(record.workflow, record);
      return;
    }
    unfinished.delete(record.workflow);
    if (places.of(record.workflow).length === 0) return;
    finished.add(record.workflow);
    archiveOldest();
  };

  const known = (workflow: string): KnownWorkflow | undefined => records.get(workflow) ?? archive.get(workflow);

  /** What is said of an archived workflow is checked where it can be: against the whole of its record. */
  const applyToArchived = (old: ArchivedWorkflow, author: NodeId, entry: WorkflowEntry, waiting: EarlyEntry): void => {
    const { sequence } = waiting;
    if (entry.kind === 'opened') {
      memberOf(chain.config(old.opened.epoch)!, author);
      old.openedBy.add(author);
    } else if (wanted.isHeard) {
      early.hold(old.workflow, waiting);
      if (!isRestoring) wanted.tell(old.workflow);
      return;
    }
    place(old.workflow, author, sequence);
  };

  const apply = (author: NodeId, body: Uint8Array, sequence?: number): void => {
    const entry = decodeWorkflowEntry(body);
    const old = archive.get(entry.workflow);
    if (old === undefined) applyEntry(author, body, entry, sequence);
    else applyToArchived(old, author, entry, { author, body, sequence });
  };

  /** Before it is folded: what it brings about may be the record's end, and its archiving. */
  const place = (workflow: string, author: NodeId, sequence: number | undefined): void => {
    if (sequence !== undefined && !isRestoring) places.add(workflow, { author, sequence });
  };

  const applyEntry = (author: NodeId, body: Uint8Array, entry: WorkflowEntry, sequence: number | undefined): void => {
    if (entry.kind === 'opened') {
      const isNew = !records.has(entry.workflow);
      const record = open(author, entry, body, sequence);
      if (record === undefined) return;
      place(entry.workflow, author, sequence);
      if (author === self) names.openedHere(entry.workflow, entry.idempotencyKey);
      settle({ record, author, entry });
      if (isNew && !isRestoring) for (const waited of early.take(entry.workflow)) retry(waited);
      return;
    }
    const record = records.get(entry.workflow);
    if (record === undefined) {
      early.hold(entry.workflow, { author, body, sequence });
      return;
    }
    place(entry.workflow, author, sequence);
    if (fold(record, author, entry)) settle({ record, author, entry });
    else note(record);
  };

  /** What had to wait was not checked when it came; that it is refused now is its author's matter, not that of whoever it waited for. */
  const retry = ({ author, body, sequence }: EarlyEntry): void => {
    try {
      apply(author, body, sequence);
    } catch (error) {
      log('warn', 'workflow entry refused', { author, reason: (error as Error).message });
    }
  };

  chain.onAppend(({ config }) => {
    for (const waited of early.take(epochTopic(config.epoch))) retry(waited);
  });

  return {
    get: (workflow) => records.get(workflow),
    byRequest: (idempotencyKey, digest) => known(names.byRequest({ idempotencyKey, planDigest: digest }) ?? ''),
    openedHere: (key) => known(names.ofOwn(key) ?? ''),
    byIdempotencyKey: (key) => known(names.byKey(key) ?? ''),
    all: () => [...records.values()],
    archived: () => [...archive.values()],
    archivedAt: (workflow) => archive.get(workflow),
    hasForgotten: () => hasForgotten,
    placesOf: (workflow) => places.of(workflow),
    restore(workflow, entries) {
      const old = archive.get(workflow);
      if (old === undefined) return records.get(workflow);
      archive.delete(workflow);
      isRestoring = true;
      for (const entry of entries) retry(entry);
      isRestoring = false;
      const record = records.get(workflow);
      if (record === undefined || !isFinished(record)) {
        records.delete(workflow);
        unfinished.delete(workflow);
        if (record !== undefined && record.ended === undefined) count(record.opened!.gateway, -1);
        early.take(workflow);
        archive.set(workflow, old);
        return undefined;
      }
      record.ended = old.ended;
      for (const waited of early.take(workflow)) retry(waited);
      finished.delete(workflow);
      finished.add(workflow);
      archiveOldest();
      return record;
    },
    onWanted: wanted.on,
    running: () => [...unfinished.values()].filter(({ ended }) => ended === undefined),
    unfinished: () => [...unfinished.values()],
    apply,
    decided(workflow, certified) {
      const { decision, decisionBytes, certificateBytes } = certified;
      const { task, attempt: number } = decision;
      const atMs = clock.wallMs();
      const entry: WorkflowEntry = {
        kind: 'decided',
        workflow,
        task,
        attempt: number,
        decision: decisionBytes,
        certificate: certificateBytes,
        atMs,
      };
      if (archive.has(workflow)) return;
      const record = records.get(workflow);
      if (record === undefined) return early.hold(workflow, { author: self, body: encodeWorkflowEntry(entry) });
      const attempt = attemptOf(record, task, number);
      if (attempt.certified !== undefined) return;
      attempt.certified = certified;
      settle({ record, author: self, entry });
    },
    onChange: changes.on,
    onConflict: conflicts.on,
    onContradiction: contradictions.on,
  };
}

/** An ended workflow whose last decision has not reached a lane yet still has a steward. */
function isFinished(record: WorkflowRecord): boolean {
  if (record.ended === undefined) return false;
  for (const { attempts } of record.tasks.values())
    for (const { certified, isPublished } of attempts.values())
      if (certified !== undefined && !isPublished) return false;
  return true;
}
