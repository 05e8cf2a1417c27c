// Law: the keeper gives the pure engine its clock, its disk and its wire, and adds no judgement. Whatever the engine wants persisted is
// durable before anything after it is carried out; inputs that come meanwhile are handled together, under one write and one signature.
import { z } from 'zod';
import {
  createEngine,
  type Engine,
  type EngineInput,
  type EngineOutput,
  InputQueue,
  type InstanceId,
  instanceOfEvidence,
  maxFrameBytes,
  type Subject,
} from '../../consensus/index.ts';
import { defineMessage, type Identity, MalformedBytes } from '../../protocols/wire/index.ts';
import { auditLane, chargeEvidence, encodeEvidenceEntry } from '../auditor/index.ts';
import { watchChanges } from '../parts/index.ts';
import { type ActorDef, type Context, defineActor, type NodeId } from '../system/index.ts';
import { openVoteLog, type VoteLog } from './log.ts';
import { checkPosition, positionSchema, signPosition } from './position.ts';
import type { Question } from './question.ts';
import type { Epoch, KeeperArgs, KeeperMessage, KeeperState } from './state.ts';

const frame = defineMessage(
  'consensus.frame',
  z.strictObject({
    epoch: z.number().int().nonnegative(),
    bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= maxFrameBytes),
    position: positionSchema.optional(),
  }),
);

/** First wait of a round: well above four one-way delays and one fsync on a busy machine. */
const timeouts = { baseMs: 300, maxMs: 5_000 };
const unjudgedMax = 4_096;
const subjectsMax = 4_096;
const heldMax = 4_096;
/** Frames of these many epochs before the current one are still answered: their workflows drain. */
const drainedEpochs = 4;

export const keeperActor: ActorDef<KeeperMessage, KeeperState, KeeperArgs> = defineActor({
  kind: 'consensus',
  mailbox: { capacity: 16_384, overflow: 'reject' },
  start(ctx, { parts, questions, place, crypto, positions }) {
    const { self } = ctx;
    place.ref = self;
    const changes = watchChanges(parts.board, () => self.tell({ type: 'changed' }));
    const state: KeeperState = {
      changes,
      parts,
      questions,
      place,
      crypto,
      epochs: new Map(),
      unjudged: new Map(),
      subjects: new Map(),
      suspected: new Set(),
      shown: new Set(),
      positions,
      opening: new Set(),
      held: new Map(),
      isOver: false,
      leave: [
        parts.office.on(frame, ({ epoch, bytes, position }, { from }) => {
          // Nothing is kept about epochs that are not in the chain: there is no end of them.
          if (parts.chain.config(epoch) === undefined) return;
          if (position !== undefined && parts.chain.member(from, epoch) !== undefined)
            positions.saw(from, epoch, position);
          self.tell({ type: 'input', epoch, input: { type: 'frame', from, bytes } });
        }),
        changes.leave,
        parts.view.onChange(() => void self.tell({ type: 'suspects' })),
        parts.chain.onAppend(() => void self.tell({ type: 'new-epoch' })),
      ],
    };
    const { epoch } = parts.chain.current;
    const epochs = new Set(parts.board.running().map(({ opened }) => opened!.epoch));
    for (let draining = Math.max(0, epoch - drainedEpochs); draining <= epoch; draining++) epochs.add(draining);
    for (const each of [...epochs].sort((a, b) => a - b)) openEpoch(state, each, ctx);
    return state;
  },
  receive(state, message, ctx) {
    if ((message.type === 'input' || message.type === 'propose') && isHeld(state, message)) return;
    switch (message.type) {
      case 'input':
        return submit(state, message.epoch, message.input, ctx);
      case 'propose': {
        const { epoch, subject, payload } = message;
        const known = state.epochs.get(epoch);
        if (known === undefined || questionOf(state, subject)?.isOver?.(epoch) === true) return;
        submit(state, epoch, { type: 'start', subject, payload }, ctx);
        submit(state, epoch, { type: 'offer', instance: known.engine.instanceId(subject), payload }, ctx);
        return;
      }
      case 'changed': {
        const changed = state.changes.take();
        return rejudge(state, ctx, (workflow) => workflow === undefined || changed.has(workflow));
      }
      case 'rejudge':
        return rejudge(state, ctx, () => true);
      case 'suspects':
        return noteSuspects(state, ctx);
      case 'new-epoch': {
        // Every one on the way: several may have been caught up with at once.
        const { epoch } = state.parts.chain.current;
        for (let next = Math.max(...state.epochs.keys(), ...state.held.keys()) + 1; next <= epoch; next++)
          openEpoch(state, next, ctx);
        // Of epochs that are closed and long past nothing is answered any more.
        for (const old of state.epochs.values()) {
          if (old.epoch >= epoch - drainedEpochs || old.isFlushing || !isOver(state, old.epoch)) continue;
          state.epochs.delete(old.epoch);
          void old.log.close().catch(() => {});
        }
        return;
      }
      case 'opened': {
        const { epoch, log, rollback } = message;
        const held = state.held.get(epoch) ?? [];
        state.held.delete(epoch);
        state.opening.delete(log);
        addEpoch(state, epoch, log, rollback, ctx);
        for (const each of held) ctx.self.tell(each);
        return;
      }
      case 'flushed': {
        const current = state.epochs.get(message.epoch)!;
        current.isFlushing = false;
        const { parts } = state;
        current.position = signPosition(
          current.log.head,
          message.epoch,
          parts.chain.meshId,
          parts.identity,
          parts.world.crypto,
        );
        perform(state, current, message.outputs, ctx);
        // Here and nowhere else: what was restored is resumed by now, and nothing waits to be written.
        if (message.outputs.length > 0 && (current.log.isLong || parts.world.buggify('consensus.rewrite')))
          rewrite(state, current, ctx);
        else pump(state, current, ctx);
        return;
      }
      case 'crashed':
        // A disk that refuses a vote: nothing after it was said. Start again from what is on the disk.
        throw message.error;
    }
  },
  signal(state, signal) {
    if (signal.type !== 'stopped' && signal.type !== 'restarting') return;
    state.isOver = true;
    for (const leave of state.leave) leave();
    for (const log of [...state.opening, ...[...state.epochs.values()].map((each) => each.log)])
      void log.close().catch(() => {});
  },
});

/** Reads the log of votes of `epoch`, and votes only once peers were asked whether it is this node's last word. */
function openEpoch(state: KeeperState, epoch: number, ctx: Context<KeeperMessage>): void {
  const { parts } = state;
  const { world, chain } = parts;
  state.held.set(epoch, []);
  ctx.pipe(
    async (signal) => {
      const log = await openVoteLog(world.storage, epoch, world.crypto);
      state.opening.add(log);
      if (state.isOver) await log.close();
      const rollback = await checkPosition(parts, chain.config(epoch)!, log.head, signal);
      return { log, rollback };
    },
    ({ log, rollback }) => ({ type: 'opened', epoch, log, rollback }),
    (error) => ({ type: 'crashed', error }),
  );
}

/** Keeps what is for an epoch that is being opened, as much as fits: peers and timers repeat themselves. */
function isHeld(state: KeeperState, message: Extract<KeeperMessage, { type: 'input' | 'propose' }>): boolean {
  const held = state.held.get(message.epoch);
  if (held === undefined) return false;
  if (held.length < heldMax) held.push(message);
  return true;
}

function addEpoch(
  state: KeeperState,
  epoch: number,
  log: VoteLog,
  rollback: string | undefined,
  ctx: Context<KeeperMessage>,
): void {
  const { parts } = state;
  const config = parts.chain.config(epoch)!;
  const { world } = parts;
  const engineOf = (self: Identity | undefined): Engine =>
    createEngine({ self, meshId: parts.chain.meshId, config, crypto: state.crypto, timeouts });
  let damage = log.damage ?? rollback;
  let engine = engineOf(damage === undefined ? parts.identity : undefined);
  try {
    for (const record of log.takeRecords()) engine.handle({ type: 'restore', record });
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    damage ??= `the log of votes of epoch ${epoch} holds what this node does not understand: ${error.message}`;
    engine = engineOf(undefined);
  }
  if (damage !== undefined) {
    world.log('error', 'this node does not vote', { epoch, reason: damage });
    parts.ledger.charge(
      parts.identity.id,
      `wal:${epoch}`,
      `does not vote: ${damage}; leave and join again with a new key`,
    );
  }
  const added: Epoch = { epoch, engine, log, inputs: new InputQueue(), isFlushing: false, position: undefined };
  state.epochs.set(epoch, added);
  added.inputs.push({ type: 'resume' });
  pump(state, added, ctx);
}

function submit(state: KeeperState, epoch: number, input: EngineInput, ctx: Context<KeeperMessage>): void {
  const target = state.epochs.get(epoch);
  // A frame of an epoch this node has not reached: its config comes with the chain, and the sender repeats itself.
  if (target === undefined) return;
  if (!target.inputs.push(input) && input.type === 'frame')
    state.parts.refusals.add(input.from, 'consensus', 'sends more than is heard');
  pump(state, target, ctx);
}

function pump(state: KeeperState, target: Epoch, ctx: Context<KeeperMessage>): void {
  while (!target.isFlushing && !target.inputs.isEmpty) {
    const outputs = target.engine.handleAll(target.inputs.take());
    const records = outputs.flatMap((output) => (output.type === 'persist' ? [output.record] : []));
    if (records.length === 0) {
      perform(state, target, outputs, ctx);
      continue;
    }
    target.isFlushing = true;
    const { epoch } = target;
    ctx.pipe(
      () => target.log.append(records),
      () => ({ type: 'flushed', epoch, outputs }),
      (error) => ({ type: 'crashed', error }),
    );
  }
}

/** Between two calls, what the engine remembers is all the log has to say. Nothing else is said meanwhile, as during any write. */
function rewrite({ parts: { world } }: KeeperState, target: Epoch, ctx: Context<KeeperMessage>): void {
  const { epoch, engine, log } = target;
  target.isFlushing = true;
  ctx.pipe(
    () =>
      log.rewrite(engine.snapshot()).catch((error: Error) => {
        // Without room for a second log there is still the first; a log that is broken says so at the next append.
        world.log('error', 'the log of votes was not rewritten', { epoch, error: error.message });
      }),
    () => ({ type: 'flushed', epoch, outputs: [] }),
    (error) => ({ type: 'crashed', error }),
  );
}

function perform(
  state: KeeperState,
  target: Epoch,
  outputs: readonly EngineOutput[],
  ctx: Context<KeeperMessage>,
): void {
  const { parts } = state;
  const { epoch } = target;
  for (const output of outputs) {
    switch (output.type) {
      case 'persist':
        break;
      case 'send':
        for (const peer of output.to === 'all' ? followersOf(parts, epoch) : [output.to])
          parts.office.send(peer, frame, {
            epoch,
            bytes: output.frame,
            ...(target.position === undefined ? {} : { position: target.position }),
          });
        break;
      case 'validate':
        judge(state, epoch, output, ctx);
        break;
      case 'timer':
        ctx.after(
          output.delayMs,
          {
            type: 'input',
            epoch,
            input: { type: 'timeout', instance: output.instance, kind: output.kind, round: output.round },
          },
          `${epoch}|${output.instance}|${output.kind}|${output.round}`,
        );
        break;
      case 'decided':
        for (const key of [...state.unjudged.keys()])
          if (key.startsWith(`${epoch}|${output.instance}|`)) state.unjudged.delete(key);
        questionOf(state, output.subject)?.decided(output);
        break;
      case 'vote':
        note(state, output.instance, output.subject);
        questionOf(state, output.subject)?.voted?.(output);
        break;
      case 'evidence': {
        const { evidence } = output;
        const subject = state.subjects.get(instanceOfEvidence(evidence));
        const workflow = subject === undefined ? undefined : questionOf(state, subject)?.workflowOf?.(subject);
        chargeEvidence(parts, evidence, workflow);
        // Outside of workflows once is enough: a member that lies about the audit log must not fill it with what it did.
        const says = `${evidence.kind} ${evidence.culprit}`;
        if (workflow === undefined && state.shown.has(says)) break;
        state.shown.add(says);
        ctx.pipe(
          () => parts.lanes.append(auditLane, encodeEvidenceEntry(evidence, workflow)),
          () => ({ type: 'suspects' }),
          (error) => {
            // The culprit is named here all the same; what was signed is on the disk.
            parts.world.log('error', 'evidence not shown to the others', { error: error.message });
            return { type: 'suspects' };
          },
        );
        break;
      }
      case 'refused':
        target.inputs.refused(output.from);
        parts.refusals.add(output.from, 'consensus', output.reason);
        break;
      case 'wanted':
      case 'joined':
        questionOf(state, output.subject)?.wanted?.(output.subject, epoch);
        break;
    }
  }
}

/**
 * Connected peers that vote in `epoch`, or now, and workers: one that leaves hears so only here, for nobody knows it any more then. Who only
 * listens hears of the outcome by the lanes, and is spared how it came about.
 */
function followersOf({ chain, world }: KeeperState['parts'], epoch: number): NodeId[] {
  return world.network.peers().filter((id) => chain.node(id) !== undefined || chain.node(id, epoch) !== undefined);
}

/** Judges again what could not be judged, where `isDue` says so of the workflow it is about. Each judgement costs signatures. */
function rejudge(
  state: KeeperState,
  ctx: Context<KeeperMessage>,
  isDue: (workflow: string | undefined) => boolean,
): void {
  // A copy: what cannot be judged yet is put back, and a Map's own iteration would come upon it again without end.
  for (const [key, waiting] of [...state.unjudged]) {
    if (!isDue(questionOf(state, waiting.subject)?.workflowOf?.(waiting.subject))) continue;
    state.unjudged.delete(key);
    judge(state, waiting.epoch, waiting, ctx);
  }
}

function judge(
  state: KeeperState,
  epoch: number,
  output: Extract<EngineOutput, { type: 'validate' }>,
  ctx: Context<KeeperMessage>,
): void {
  const verdict = questionOf(state, output.subject)?.judge(output.subject, output.payload, epoch) ?? {
    ok: false,
    reason: 'nobody here asks that',
  };
  if (verdict === 'unknown') {
    const key = `${epoch}|${output.instance}|${output.value}`;
    // The oldest makes room: a member that proposes without end what nobody can judge keeps nothing else out.
    if (state.unjudged.size >= unjudgedMax) state.unjudged.delete(state.unjudged.keys().next().value!);
    state.unjudged.set(key, { ...output, epoch });
    return;
  }
  if (!verdict.ok)
    state.parts.world.log('info', 'a proposal was refused', { instance: output.instance, reason: verdict.reason });
  submit(state, epoch, { type: 'validated', instance: output.instance, value: output.value, ok: verdict.ok }, ctx);
}

function noteSuspects(state: KeeperState, ctx: Context<KeeperMessage>): void {
  const { parts, suspected } = state;
  for (const { id } of parts.chain.current.members) {
    if (parts.view.isLive(id)) {
      suspected.delete(id);
    } else if (!suspected.has(id)) {
      suspected.add(id);
      for (const epoch of state.epochs.keys()) submit(state, epoch, { type: 'suspect', node: id }, ctx);
    }
  }
}

/** Evidence names its instance by hash; this says what the instance was about. */
function note(state: KeeperState, instance: InstanceId, subject: Subject): void {
  if (state.subjects.size >= subjectsMax) state.subjects.delete(state.subjects.keys().next().value!);
  state.subjects.set(instance, subject);
}

function questionOf(state: KeeperState, subject: Subject): Question | undefined {
  return state.questions.find(({ domain }) => domain === subject.domain);
}

function isOver({ questions }: KeeperState, epoch: number): boolean {
  return questions.some((question) => question.isOver?.(epoch) === true);
}
