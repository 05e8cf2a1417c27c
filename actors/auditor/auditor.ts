// Law: what happened is told in the order it is learned, each thing once, and whoever signed what the mesh then decided against is named
// with the statement as evidence. The auditor judges nothing by itself: it compares signed statements with certified decisions.
import { attestations, endorsementInWords, isRefusal, thresholdsOf, weightOf } from '../../consensus/index.ts';
import { encodeBody, hex } from '../../protocols/wire/index.ts';
import { createPulse, liveMembers, type Parts, type Pulse } from '../parts/index.ts';
import { type ActorDef, defineActor, type NodeId } from '../system/index.ts';
import { type BoardChange, failureOf, type WorkflowRecord } from '../workflow/index.ts';
import { contradicting } from './dissent.ts';
import { auditLane } from './evidence.ts';

export type AuditorMessage = { readonly type: 'changed'; readonly change: BoardChange } | { readonly type: 'look' };

export interface AuditorArgs {
  readonly parts: Parts;
  /** What the lanes held when the node started: told again, so that a client of a restarted node sees the whole story. Emptied by the first start. */
  readonly backlog: BoardChange[];
}

interface AuditorState {
  readonly parts: Parts;
  /** Running workflows that are short of live members, with how often that happened. */
  readonly waiting: Map<string, number>;
  readonly looking: Pulse;
  readonly leave: readonly (() => void)[];
}

const lookPeriodMs = 500;
const evidenceMaxBytes = 64 * 1024;

export const auditorActor: ActorDef<AuditorMessage, AuditorState, AuditorArgs> = defineActor({
  kind: 'auditor',
  mailbox: { capacity: 16_384, overflow: 'reject' },
  start(ctx, { parts, backlog }) {
    const leave = [
      parts.board.onChange((change) => void ctx.self.tell({ type: 'changed', change })),
      parts.board.onContradiction(
        ({ author, workflow, what }) => void parts.ledger.charge(author, `${workflow}:${what}`, what, workflow),
      ),
      parts.ledger.onCharge(({ node, what, workflow }) => {
        const name = parts.chain.nameOf(node);
        parts.world.log('warn', 'member named', { node, name, what, workflow });
        if (workflow !== undefined)
          emit(parts, workflow, `evidence|${node}|${what}`, { type: 'evidence', node: name, message: what });
      }),
    ];
    for (const { record, author, entry } of backlog.splice(0)) {
      tell(parts, record, author, entry);
      dissent(parts, record);
      if (record.ended !== undefined) tellEnd(parts, record);
    }
    const looking = createPulse<AuditorMessage>(ctx, lookPeriodMs, { type: 'look' }, 'look');
    looking.want();
    return { parts, waiting: new Map(), looking, leave };
  },
  receive(state, message, ctx) {
    const { parts } = state;
    if (message.type === 'look') {
      state.looking.beat();
      for (const record of parts.board.running()) {
        state.looking.want();
        watchQuorum(state, record);
      }
      return;
    }
    state.looking.want();
    const { record, author, entry } = message.change;
    tell(parts, record, author, entry);
    const dissenters = dissent(parts, record);
    if (dissenters.length > 0) {
      ctx.pipe(
        () =>
          parts.lanes.append(
            auditLane,
            encodeBody({ kind: 'dissent', workflow: record.workflow, statements: dissenters }, evidenceMaxBytes),
          ),
        () => ({ type: 'look' }),
        (error) => {
          parts.world.log('error', 'dissent not recorded', { workflow: record.workflow, error: error.message });
          return { type: 'look' };
        },
      );
    }
    if (record.ended !== undefined) tellEnd(parts, record);
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});

function emit(
  parts: Parts,
  workflow: string,
  key: string,
  event: { readonly type: string } & Readonly<Record<string, unknown>>,
): void {
  parts.events.emit(workflow, { key, atMs: parts.world.clock.wallMs(), ...event });
}

function tellEnd(parts: Parts, { workflow, ended }: WorkflowRecord): void {
  if (ended !== undefined)
    emit(parts, workflow, 'ended', { type: 'ended', state: ended.state, message: ended.message });
}

function tell(parts: Parts, record: WorkflowRecord, author: NodeId, entry: BoardChange['entry']): void {
  const told = storyOf(parts, record, author, entry);
  if (told !== undefined) emit(parts, record.workflow, told.key, told.event);
}

interface Told {
  readonly key: string;
  readonly event: Parameters<typeof emit>[3];
}

/** What a client is told of an entry, with a key that is the same on every node; undefined for what is of no interest to it. */
function storyOf(parts: Parts, record: WorkflowRecord, author: NodeId, entry: BoardChange['entry']): Told | undefined {
  const { chain } = parts;
  const name = (id: NodeId): string => chain.nameOf(id);
  const node = name(author);
  const told = (key: string, event: Told['event']): Told => ({ key, event });
  switch (entry.kind) {
    case 'opened':
      return told('opened', {
        type: 'opened',
        node,
        words: entry.words,
        tasks: record.opened!.plan.tasks.map(({ id, skill }) => ({ task: id, skill })),
      });
    case 'assigned':
      return told(`assigned|${entry.task}|${entry.attempt}|${entry.executors.join()}|${entry.verifiers.join()}`, {
        type: 'assigned',
        task: entry.task,
        attempt: entry.attempt,
        executors: entry.executors.map(name),
        verifiers: entry.verifiers.map(name),
        node,
      });
    case 'candidate': {
      const { candidate, failure } = record.tasks.get(entry.task)!.attempts.get(entry.attempt)!.candidates.get(author)!;
      return told(`candidate|${entry.task}|${entry.attempt}|${author}`, {
        type: 'candidate',
        task: entry.task,
        attempt: entry.attempt,
        node,
        outcome: candidate.outcome,
        digest: hex.encode(candidate.resultDigest),
        durationMs: entry.durationMs,
        ...(failure === undefined ? {} : { message: failure.message }),
      });
    }
    case 'attestation': {
      const statement = attestations.decode(entry.attestation);
      const digest = hex.encode(statement.candidateDigest);
      const judged = [...record.tasks.get(entry.task)!.attempts.get(entry.attempt)!.candidates.entries()].find(
        ([, held]) => held.digest === digest,
      );
      return told(`attestation|${entry.task}|${entry.attempt}|${author}|${digest}`, {
        type: 'attestation',
        task: entry.task,
        attempt: entry.attempt,
        node,
        of: judged === undefined ? '?' : name(judged[0]),
        verdict: statement.verdict,
        digest: hex.encode(statement.ownDigest),
        durationMs: entry.durationMs,
        ...(statement.relation.id === 'judges' ? { isJudge: true, said: entry.said ?? '' } : {}),
      });
    }
    case 'fault':
      return told(`fault|${entry.task}|${entry.attempt}|${author}`, {
        type: 'fault',
        task: entry.task,
        attempt: entry.attempt,
        node,
        message: `${entry.code}: ${entry.message}`,
      });
    case 'decided': {
      const { decision, certificate } = record.tasks.get(entry.task)!.attempts.get(entry.attempt)!.certified!;
      const config = chain.config(decision.epoch)!;
      const failure = failureOf(decision);
      return told(`decided|${entry.task}|${entry.attempt}`, {
        type: 'decided',
        task: entry.task,
        attempt: entry.attempt,
        decision: decision.kind,
        path: certificate.kind,
        signers: certificate.votes.map(({ signer }) => name(signer)),
        basis: endorsementInWords(decision, config),
        ...(failure === undefined ? {} : { message: failure }),
      });
    }
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

/** Charges who signed something else than what was decided; returns their statements, encoded, where they are new. */
function dissent(parts: Parts, record: WorkflowRecord): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const { task, attempts } of record.tasks.values()) {
    for (const attempt of attempts.values()) {
      const decision = attempt.certified?.decision;
      // Work that was refused accuses nobody: judges differ, and who does poorly does not lie.
      if (decision === undefined || decision.kind === 'REASSIGN' || isRefusal(decision)) continue;
      const config = parts.chain.config(decision.epoch)!;
      for (const { node, what, statement } of contradicting(attempt, decision, parts.world.crypto, config)) {
        if (parts.ledger.charge(node, `dissent|${record.workflow}|${task}|${attempt.attempt}`, what, record.workflow))
          found.push(statement);
      }
    }
  }
  return found;
}

/** Says when a workflow waits for members to come back, and when enough of them have. */
function watchQuorum(state: AuditorState, record: WorkflowRecord): void {
  const { parts, waiting } = state;
  const config = parts.chain.config(record.opened?.epoch ?? -1);
  if (config === undefined) return;
  const live = weightOf(config, liveMembers(config, parts.view));
  const needed = thresholdsOf(config).quorum;
  const times = waiting.get(record.workflow);
  const isWaiting = times !== undefined && times > 0;
  if (live < needed && !isWaiting) {
    const next = 1 + Math.abs(times ?? 0);
    waiting.set(record.workflow, next);
    emit(parts, record.workflow, `waiting|${parts.identity.id}|${next}`, {
      type: 'waiting',
      message: `${live} of ${config.members.length} members are there and ${needed} must agree; the workflow is kept and goes on when one returns`,
      needed,
      live,
    });
  }
  if (live >= needed && isWaiting) {
    waiting.set(record.workflow, -times);
    emit(parts, record.workflow, `resumed|${parts.identity.id}|${times}`, {
      type: 'resumed',
      message: `${live} members are there again`,
    });
  }
}
