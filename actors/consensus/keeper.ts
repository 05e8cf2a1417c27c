// Law: the keeper gives the pure engine its clock, its disk and its wire, and adds no judgement. What each part of it does stands in the
// file of that name: epochs, hearing, flushing, performing, judging.
import { createWaker, watchChanges } from '../parts/index.ts';
import { type ActorDef, defineActor } from '../system/index.ts';
import { addEpoch, followChain, isHeld, openEpoch, openingEpochs } from './epochs.ts';
import { hearMore, onFlushed, pump, submit } from './flushing.ts';
import { frameType } from './frame-message.ts';
import { hear } from './hearing.ts';
import { noteSuspects, questionOf, rejudge } from './judging.ts';
import type { KeeperArgs, KeeperMessage, KeeperState } from './state.ts';

export const keeperActor: ActorDef<KeeperMessage, KeeperState, KeeperArgs> = defineActor({
  kind: 'consensus',
  mailbox: { capacity: 16_384, overflow: 'reject' },
  start(ctx, { parts, questions, place, crypto, positions }) {
    const { self } = ctx;
    place.ref = self;
    const changes = watchChanges(parts.board, () => self.tell({ type: 'changed' }));
    const { scheduler } = parts.world;
    // After what else has arrived by now: the frames of all who spoke at once are handled in one call.
    const ears = createWaker(() => {
      scheduler.yield(() => {
        if (!state.isOver && !self.tell({ type: 'heard' })) ears.awake();
      });
      return true;
    });
    const state: KeeperState = {
      changes,
      ears,
      parts,
      questions,
      place,
      crypto,
      epochs: new Map(),
      queues: new Map(),
      unjudged: new Map(),
      subjects: new Map(),
      suspected: new Set(),
      shown: new Set(),
      positions,
      opening: new Set(),
      held: new Map(),
      isResting: false,
      isOver: false,
      leave: [
        parts.office.direct.on(frameType, (from, body) => hear(state, from, body)),
        changes.leave,
        parts.view.onChange(() => void self.tell({ type: 'suspects' })),
        parts.chain.onAppend(() => void self.tell({ type: 'new-epoch' })),
      ],
    };
    for (const epoch of openingEpochs(state)) openEpoch(state, epoch, ctx);
    return state;
  },
  receive(state, message, ctx) {
    if ((message.type === 'input' || message.type === 'propose') && isHeld(state, message)) return;
    switch (message.type) {
      case 'input':
        return submit(state, message.epoch, message.input, ctx);
      case 'heard':
        state.ears.awake();
        for (const epoch of state.epochs.values())
          if (epoch.inputs.isUrgent) pump(state, epoch, ctx);
          else hearMore(state, epoch, ctx);
        return;
      case 'rested':
        state.isResting = false;
        for (const epoch of state.epochs.values()) if (!epoch.inputs.isEmpty) pump(state, epoch, ctx);
        return;
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
        rejudge(state, (workflow) => workflow === undefined || changed.has(workflow));
        break;
      }
      case 'rejudge':
        rejudge(state, () => true);
        break;
      case 'suspects':
        noteSuspects(state);
        break;
      case 'new-epoch':
        return followChain(state, ctx);
      case 'opened': {
        const { epoch, log, rollback } = message;
        const held = state.held.get(epoch) ?? [];
        state.held.delete(epoch);
        state.opening.delete(log);
        pump(state, addEpoch(state, epoch, log, rollback), ctx);
        for (const each of held) ctx.self.tell(each);
        return;
      }
      case 'flushed':
        return onFlushed(state, message, ctx);
      case 'crashed':
        // A disk that refuses a vote: nothing after it was said. Start again from what is on the disk.
        throw message.error;
    }
    for (const epoch of state.epochs.values()) if (epoch.inputs.hasOwn) pump(state, epoch, ctx);
  },
  signal(state, signal) {
    if (signal.type !== 'stopped' && signal.type !== 'restarting') return;
    state.isOver = true;
    for (const leave of state.leave) leave();
    for (const log of [...state.opening, ...[...state.epochs.values()].map((each) => each.log)])
      void log.close().catch(() => {});
  },
});
