// Law: a decision is put to the vote as soon as the record carries it and everyone asked has answered, or a short grace is over: late
// statements are then dissent on record, not a reason to wait. An attempt whose time is up is declared so, under this member's signature.
import {
  encodeDecision,
  endorsingWeight,
  expiries,
  type TaskTerms,
  verdictKey,
  weightOf,
} from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import { type Changes, createPulse, type Parts, type Place, type Pulse, watchChanges } from '../parts/index.ts';
import type { PlanTask } from '../plan/index.ts';
import { type ActorDef, type Context, defineActor } from '../system/index.ts';
import {
  type AttemptRecord,
  backings,
  draftDecision,
  encodeWorkflowEntry,
  progressOf,
  termsOf,
  type WorkflowRecord,
  workflowLane,
} from '../workflow/index.ts';

export type VerdictMessage =
  | { readonly type: 'changed' }
  | { readonly type: 'look-graced' }
  | { readonly type: 'look-all' }
  | { readonly type: 'signed'; readonly key: string };

export interface VerdictArgs {
  readonly parts: Parts;
  readonly keeper: Place<KeeperMessage>;
}

interface VerdictState extends VerdictArgs {
  /** By attempt: it never changes, and is asked for at every look. */
  readonly terms: Map<string, TaskTerms>;
  /** When this node first saw the attempt's turn come with somebody assigned: its time runs from here. */
  readonly begunAtMs: Map<string, number>;
  /** When an attempt could first be decided. */
  readonly draftedAtMs: Map<string, number>;
  /** What was put to the vote last, and when, by attempt. */
  readonly proposed: Map<string, { readonly digest: string; readonly atMs: number }>;
  /** Workflows with an attempt that can be decided and waits for more. */
  readonly graced: Set<string>;
  readonly signing: Set<string>;
  readonly changes: Changes;
  readonly looking: Pulse;
  readonly gracing: Pulse;
}

const lookPeriodMs = 250;
const gracePeriodMs = 50;
/** An undecided draft is offered again: the engine it was given to may have started anew since. */
const repeatMs = 2_000;
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
  mailbox: { capacity: 4_096, overflow: 'reject' },
  start(ctx, args) {
    const changes = watchChanges(args.parts.board, () => ctx.self.tell({ type: 'changed' }));
    const looking = createPulse<VerdictMessage>(ctx, lookPeriodMs, { type: 'look-all' }, 'look');
    const gracing = createPulse<VerdictMessage>(ctx, gracePeriodMs, { type: 'look-graced' }, 'grace');
    looking.want();
    const maps = { terms: new Map(), begunAtMs: new Map(), draftedAtMs: new Map(), proposed: new Map() };
    return { ...args, ...maps, graced: new Set(), signing: new Set(), changes, looking, gracing };
  },
  receive(state, message, ctx) {
    switch (message.type) {
      case 'signed':
        return void state.signing.delete(message.key);
      case 'changed':
        state.looking.want();
        return lookAt(state, state.changes.take(), ctx);
      case 'look-graced':
        state.gracing.beat();
        return lookAt(state, new Set(state.graced), ctx);
      case 'look-all':
        state.looking.beat();
        for (const map of [state.terms, state.begunAtMs, state.draftedAtMs, state.proposed])
          if (map.size > rememberedMax) map.clear();
        for (const record of state.parts.board.running()) {
          state.looking.want();
          look(state, record, ctx);
        }
        return;
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') state.changes.leave();
  },
});

function lookAt(state: VerdictState, workflows: ReadonlySet<string>, ctx: Context<VerdictMessage>): void {
  for (const workflow of workflows) {
    const record = state.parts.board.get(workflow);
    if (record !== undefined) look(state, record, ctx);
    else state.graced.delete(workflow);
  }
}

/** What one workflow says must not keep this node from deciding the others. */
function look(state: VerdictState, record: WorkflowRecord, ctx: Context<VerdictMessage>): void {
  state.graced.delete(record.workflow);
  try {
    consider(state, record, ctx);
  } catch (error) {
    const fields = { workflow: record.workflow, error: String((error as Error).stack ?? error) };
    state.parts.world.log('error', 'a workflow could not be judged', fields);
  }
}

function consider(state: VerdictState, record: WorkflowRecord, ctx: Context<VerdictMessage>): void {
  const { parts } = state;
  if (record.ended !== undefined) {
    forget(state, record);
    return;
  }
  const config = parts.chain.config(record.opened?.epoch ?? -1);
  const progress = progressOf(record);
  if (config === undefined || progress.kind !== 'ready') return;
  const nowMs = parts.world.clock.monotonicMs();
  for (const { task, attempt } of progress.tasks) {
    const attemptRecord = record.tasks.get(task.id)?.attempts.get(attempt);
    const key = `${record.workflow}|${task.id}|${attempt}`;
    const terms = attemptRecord === undefined ? undefined : termsAt(state, record, task, attempt, key);
    if (attemptRecord === undefined || terms === undefined) continue;
    if (attemptRecord.assignedAtMs !== undefined && !state.begunAtMs.has(key)) state.begunAtMs.set(key, nowMs);
    const draft = draftDecision(attemptRecord, terms, config);
    if (draft === undefined) {
      expire(state, record, task, attemptRecord, key, ctx);
      continue;
    }
    const sinceMs = state.draftedAtMs.get(key) ?? nowMs;
    state.draftedAtMs.set(key, sinceMs);
    if (!isComplete(attemptRecord, config, parts) && nowMs - sinceMs < graceMs[terms.endorsement.rule]) {
      state.graced.add(record.workflow);
      state.gracing.want();
      continue;
    }
    const payload = encodeDecision(draft);
    const digest = hex.encode(parts.world.crypto.sha256(payload));
    const last = state.proposed.get(key);
    if (last?.digest === digest && nowMs - last.atMs < repeatMs) continue;
    const subject = { domain: 'verdict', key: verdictKey(terms) } as const;
    const isTaken = state.keeper.ref?.tell({ type: 'propose', epoch: terms.epoch, subject, payload }) === true;
    if (isTaken) state.proposed.set(key, { digest, atMs: nowMs });
  }
}

/** Nothing of it is put to the vote any more. */
function forget({ terms, begunAtMs, draftedAtMs, proposed }: VerdictState, { workflow, tasks }: WorkflowRecord): void {
  for (const [task, { attempts }] of tasks)
    for (const attempt of attempts.keys())
      for (const map of [terms, begunAtMs, draftedAtMs, proposed]) map.delete(`${workflow}|${task}|${attempt}`);
}

function termsAt(
  state: VerdictState,
  record: WorkflowRecord,
  task: PlanTask,
  attempt: number,
  key: string,
): TaskTerms | undefined {
  const known = state.terms.get(key);
  if (known !== undefined) return known;
  const { chain, world, manifests } = state.parts;
  const terms = termsOf(record, task.id, attempt, {
    chain,
    crypto: world.crypto,
    skillVersion: (skill) => manifests.find(({ name }) => name === skill)?.version,
  });
  if (terms !== undefined) state.terms.set(key, terms);
  return terms;
}

/** Everyone who was asked and is there has said its word on every candidate; workers have none but their own. */
function isComplete(attempt: AttemptRecord, config: EpochConfig, parts: Parts): boolean {
  const asked = [...attempt.executors, ...attempt.verifiers].filter(
    (id) => parts.view.isLive(id) && !attempt.faults.has(id),
  );
  return asked.every((id) => {
    if (attempt.executors.has(id) && !attempt.candidates.has(id)) return false;
    if (!config.members.some((member) => member.id === id)) return true;
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
  // An assignment may come long before its turn; nobody runs it until then.
  const waitedMs = world.clock.monotonicMs() - (state.begunAtMs.get(key) ?? Number.POSITIVE_INFINITY);
  const isOverdue = waitedMs > task.timeoutMs + expiryMarginMs;
  const terms = termsAt(state, record, task, attempt.attempt, key);
  if (terms === undefined) return;
  const isLost = (): boolean => isHopeless(task, attempt, record, parts) || isRefused(attempt, terms, record, parts);
  if (!isOverdue && !(waitedMs > hopelessMs && isLost())) return;
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

/**
 * All there is was refused by so many that it cannot be borne out any more, whoever is still to answer: the next attempt, by others, may find
 * something better. One liar's dissent is never enough: it takes more weight than may lie.
 */
function isRefused(attempt: AttemptRecord, terms: TaskTerms, record: WorkflowRecord, parts: Parts): boolean {
  const config = parts.chain.config(record.opened!.epoch);
  const needed = config === undefined ? undefined : endorsingWeight(config);
  if (config === undefined || needed === undefined || terms.endorsement.rule === 'site') return false;
  const isAwaited = (id: string): boolean =>
    parts.view.isLive(id) && !attempt.candidates.has(id) && !attempt.faults.has(id);
  if (attempt.candidates.size === 0 || [...attempt.executors].some(isAwaited)) return false;
  const everyone = config.members.map(({ id }) => id);
  return backings(attempt, terms, config).every(({ dissenting }) => {
    const open = everyone.filter((id) => dissenting.every(({ verifier }) => verifier !== id));
    return weightOf(config, open) < needed || open.length - 1 < terms.relation.atLeast;
  });
}

/**
 * Nobody who may run the task is there, by this node's own view; or so many of them say that they could not run it that the others are too
 * few to bear out a result, or of too few model families, should they all come back.
 */
function isHopeless(task: PlanTask, attempt: AttemptRecord, record: WorkflowRecord, parts: Parts): boolean {
  const { placement } = task;
  const config = parts.chain.config(record.opened!.epoch);
  if (config === undefined) return false;
  const able = config.members
    .filter(({ site }) => placement === undefined || site === placement.site)
    .map(({ id }) => id)
    .filter((id) => !attempt.faults.has(id));
  const needed = placement === undefined ? (endorsingWeight(config) ?? 1) : 1;
  const { atLeast = 0, families = 0 } = task.relation ?? {};
  const found = new Set(config.members.filter(({ id }) => able.includes(id)).map(({ modelFamily }) => modelFamily));
  const isShort = weightOf(config, able) < needed || able.length <= atLeast || found.size < families;
  return isShort || able.every((id) => !parts.view.isLive(id));
}
