// Law: each epoch has its own engine and its own log of votes, and votes only once peers were asked whether that log is this node's last
// word. Epochs that are being left are answered for a while, closed ones long past are not.
import { createEngine, type Engine, InputQueue } from '../../consensus/index.ts';
import { type Identity, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Context } from '../system/index.ts';
import { isOver } from './judging.ts';
import { openVoteLog, type VoteLog } from './log.ts';
import { checkPosition } from './position.ts';
import type { Epoch, KeeperMessage, KeeperState } from './state.ts';

/** First wait of a round: well above four one-way delays and one fsync on a busy machine. */
const timeouts = { baseMs: 300, maxMs: 5_000 };
const heldMax = 4_096;
/** Frames of these many epochs before the current one are still answered: their workflows drain. */
const drainedEpochs = 4;

/** Those that a node that starts takes part in, oldest first. */
export function openingEpochs({ parts: { chain, board } }: KeeperState): number[] {
  const { epoch } = chain.current;
  const epochs = new Set(board.running().map(({ opened }) => opened!.epoch));
  for (let draining = Math.max(0, epoch - drainedEpochs); draining <= epoch; draining++) epochs.add(draining);
  return [...epochs].sort((a, b) => a - b);
}

/** Reads the log of votes of `epoch`, and answers with it once it is known to be this node's last word or not to be. */
export function openEpoch(state: KeeperState, epoch: number, ctx: Context<KeeperMessage>): void {
  const { parts } = state;
  const { world, chain } = parts;
  state.held.set(epoch, []);
  // What peers say meanwhile waits as it always does.
  state.queues.set(epoch, new InputQueue());
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

/** Keeps what this node itself wants in an epoch that is being opened, as much as fits: it is wanted again. */
export function isHeld(state: KeeperState, message: Extract<KeeperMessage, { type: 'input' | 'propose' }>): boolean {
  const held = state.held.get(message.epoch);
  if (held === undefined) return false;
  if (held.length < heldMax) held.push(message);
  return true;
}

/** An engine that remembers what `log` holds; one that only follows where the log is not to be trusted. */
export function addEpoch(state: KeeperState, epoch: number, log: VoteLog, rollback: string | undefined): Epoch {
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
  const inputs = state.queues.get(epoch)!;
  const added: Epoch = { epoch, engine, log, inputs, isFlushing: false, position: undefined };
  state.epochs.set(epoch, added);
  inputs.push({ type: 'resume' });
  return added;
}

/** Every epoch on the way: several may have been caught up with at once. */
export function followChain(state: KeeperState, ctx: Context<KeeperMessage>): void {
  const { epoch } = state.parts.chain.current;
  for (let next = Math.max(...state.queues.keys()) + 1; next <= epoch; next++) openEpoch(state, next, ctx);
  // Of epochs that are closed and long past nothing is answered any more.
  for (const old of state.epochs.values()) {
    if (old.epoch >= epoch - drainedEpochs || old.isFlushing || !isOver(state, old.epoch)) continue;
    state.epochs.delete(old.epoch);
    state.queues.delete(old.epoch);
    void old.log.close().catch(() => {});
  }
}
