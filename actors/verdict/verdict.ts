// Law: a decision is put to the vote as soon as the record carries it and everyone asked has answered, or a short grace is over: late
// statements are then dissent on record, not a reason to wait. An attempt whose time is up is declared so, under this member's signature.
import { encodeDecision, expiries, verdictKey } from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import type { PlanTask } from '../plan/index.ts';
import { type ActorDef, type Context, defineActor } from '../system/index.ts';
import {
  type AttemptRecord,
  draftDecision,
  encodeWorkflowEntry,
  progressOf,
  termsOf,
  type WorkflowRecord,
  workflowLane,
} from '../workflow/index.ts';

export type VerdictMessage =
  | { readonly type: 'look'; readonly workflow: string }
  | { readonly type: 'look-all' }
  | { readonly type: 'signed'; readonly key: string };

export interface VerdictArgs {
  readonly parts: Parts;
  readonly keeper: Place<KeeperMessage>;
}

interface VerdictState extends VerdictArgs {
  /** When an attempt could first be decided, by attempt. */
  readonly draftedAtMs: Map<string, number>;
  /** Digest of the draft put to the vote last, by attempt. */
  readonly proposed: Map<string, string>;
  readonly signing: Set<string>;
  readonly leave: () => void;
}

const lookPeriodMs = 100;
/**
 * How long a decidable attempt waits for those who have not answered: their statements would stand in the certificate. A site's own word
 * is decidable from its first node on, so there the wait is what makes it more than one node's.
 */
const graceMs = { quorum: 150, site: 2_000 } as const;
/** Beyond the task's own timeout: for fetching its files and for the queue at the node. */
const expiryMarginMs = 5_000;
/** How long nobody may be there to run a task before that is an answer. */
const hopelessMs = 2_500;
const rememberedMax = 10_000;

export const verdictActor: ActorDef<VerdictMessage, VerdictState, VerdictArgs> = defineActor({
  kind: 'verdict',
  mailbox: { capacity: 4_096, overflow: 'dropNewest' },
  start(ctx, args) {
    const leave = args.parts.board.onChange(
      ({ record }) => void ctx.self.tell({ type: 'look', workflow: record.workflow }),
    );
    ctx.every(lookPeriodMs, { type: 'look-all' }, 'look');
    return { ...args, draftedAtMs: new Map(), proposed: new Map(), signing: new Set(), leave };
  },
  receive(state, message, ctx) {
    const { board } = state.parts;
    if (message.type === 'signed') return void state.signing.delete(message.key);
    if (message.type === 'look-all') {
      for (const record of board.running()) look(state, record, ctx);
      if (state.draftedAtMs.size > rememberedMax) state.draftedAtMs.clear();
      if (state.proposed.size > rememberedMax) state.proposed.clear();
      return;
    }
    const record = board.get(message.workflow);
    if (record !== undefined) look(state, record, ctx);
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') state.leave();
  },
});

function look(state: VerdictState, record: WorkflowRecord, ctx: Context<VerdictMessage>): void {
  const { parts } = state;
  if (record.ended !== undefined) return;
  const config = parts.chain.config(record.opened?.epoch ?? -1);
  const progress = progressOf(record);
  if (config === undefined || progress.kind !== 'ready') return;
  for (const { task, attempt } of progress.tasks) {
    const attemptRecord = record.tasks.get(task.id)?.attempts.get(attempt);
    const terms = termsOf(record, task.id, attempt, {
      chain: parts.chain,
      crypto: parts.world.crypto,
      skillVersion: (skill) => parts.manifests.find(({ name }) => name === skill)?.version,
    });
    if (attemptRecord === undefined || terms === undefined) continue;
    const key = `${record.workflow}|${task.id}|${attempt}`;
    const draft = draftDecision(attemptRecord, terms, config);
    if (draft === undefined) {
      expire(state, record, task, attemptRecord, key, ctx);
      continue;
    }
    const nowMs = parts.world.clock.monotonicMs();
    const sinceMs = state.draftedAtMs.get(key) ?? nowMs;
    state.draftedAtMs.set(key, sinceMs);
    if (!isComplete(attemptRecord, parts) && nowMs - sinceMs < graceMs[terms.endorsement.rule]) continue;
    const payload = encodeDecision(draft);
    const digest = hex.encode(parts.world.crypto.sha256(payload));
    if (state.proposed.get(key) === digest) continue;
    if (
      state.keeper.ref?.tell({
        type: 'propose',
        epoch: terms.epoch,
        subject: { domain: 'verdict', key: verdictKey(terms) },
        payload,
      }) === true
    )
      state.proposed.set(key, digest);
  }
}

/** Everyone who was asked and is there has said its word on every candidate. */
function isComplete(attempt: AttemptRecord, parts: Parts): boolean {
  const asked = [...attempt.executors, ...attempt.verifiers].filter(
    (id) => parts.view.isLive(id) && !attempt.faults.has(id),
  );
  return asked.every((id) => {
    if (attempt.executors.has(id) && !attempt.candidates.has(id)) return false;
    return [...attempt.candidates].every(
      ([executor, { digest }]) => executor === id || attempt.attestations.has(`${id}|${digest}`),
    );
  });
}

function expire(
  state: VerdictState,
  record: WorkflowRecord,
  task: PlanTask,
  attempt: AttemptRecord,
  key: string,
  ctx: Context<VerdictMessage>,
): void {
  const { parts } = state;
  const { identity, world, chain } = parts;
  if (
    attempt.assignedAtMs === undefined ||
    attempt.expired.has(identity.id) ||
    state.signing.has(key) ||
    chain.member(identity.id, record.opened!.epoch) === undefined
  )
    return;
  const waitedMs = world.clock.monotonicMs() - attempt.assignedAtMs;
  const isOverdue = waitedMs > task.timeoutMs + expiryMarginMs;
  if (!isOverdue && !(waitedMs > hopelessMs && isHopeless(task, attempt, record, parts))) return;
  const terms = termsOf(record, task.id, attempt.attempt, { chain, crypto: world.crypto, skillVersion: () => '' });
  if (terms === undefined) return;
  const { meshId, epoch, workflow, planDigest } = terms;
  const expired = expiries.sign(
    { meshId, epoch, workflow, planDigest, task: task.id, attempt: attempt.attempt, member: identity.id },
    identity.secretKey,
    world.crypto,
  );
  state.signing.add(key);
  const entry = encodeWorkflowEntry({
    kind: 'expired',
    workflow: record.workflow,
    task: task.id,
    attempt: attempt.attempt,
    expired: expiries.encode(expired),
    atMs: world.clock.wallMs(),
  });
  ctx.pipe(
    () => parts.lanes.append(workflowLane, entry),
    () => ({ type: 'signed', key }),
    () => ({ type: 'signed', key }),
  );
}

/** By this node's own view and the members' own word: nobody who may run the task is there, or all who are could not. */
function isHopeless(task: PlanTask, attempt: AttemptRecord, record: WorkflowRecord, parts: Parts): boolean {
  const { placement } = task;
  const members = parts.chain.config(record.opened!.epoch)?.members ?? [];
  return members
    .filter(({ site }) => placement === undefined || site === placement.site)
    .every(({ id }) => !parts.view.isLive(id) || attempt.faults.has(id));
}
