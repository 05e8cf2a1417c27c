// Law: the log is kept beside the work, never in its way: what happened is gathered for a moment, one member proposes it and the others
// stand by; whoever missed a batch fetches it with its proof, and every member says under its key to the others how far its log goes. Who has
// no vote asks a member now and then.
import { z } from 'zod';
import { auditKey, encodeAuditBatch, epochViewOf, instanceIdOf, leaderOrder } from '../../consensus/index.ts';
import { pick } from '../../protocols/membership/index.ts';
import { defineMessage, defineRequest, MalformedBytes } from '../../protocols/wire/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import { type ActorDef, type Context, defineActor, type NodeId } from '../system/index.ts';
import type { AuditBook } from './book-contract.ts';

export type AuditLogMessage =
  | { readonly type: 'tick' }
  | { readonly type: 'changed' }
  | { readonly type: 'peer-up'; readonly node: NodeId }
  | { readonly type: 'fetched' };

export interface AuditLogArgs {
  readonly parts: Parts;
  readonly book: AuditBook;
  readonly keeper: Place<KeeperMessage>;
}

interface State extends AuditLogArgs {
  /** Since when there is something to log, by epoch, on the monotonic clock. */
  readonly since: Map<number, number>;
  /** When this node last proposed, and at which height. */
  readonly proposed: Map<number, { readonly height: number; readonly atMs: number }>;
  isFetching: boolean;
  isResting: boolean;
  cosignedAtMs: number;
  readonly leave: readonly (() => void)[];
}

const tickMs = 250;
/** Between ticks while there is nothing to log, to fetch or to cosign. */
const restMs = 1_000;
/** How long the leader gathers before it proposes, and the others before they suspect that it will not. */
const gatherMs = 250;
const standbyMs = 3_000;
const againMs = 5_000;
/** How long an epoch that is over waits for what was on its way in it. */
const drainMs = 10_000;
const cosignPeriodMs = 3_000;
const requestTimeoutMs = 5_000;
/** Epochs before the current one that may still log what they decided. */
const drainedEpochs = 4;

const bytes = (max: number) => z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= max);
const count = z.number().int().nonnegative();
const cosignature = defineMessage(
  'audit.cosign',
  z.strictObject({
    epoch: count,
    size: count,
    root: bytes(32),
    name: z.string().max(128),
    keyId: bytes(4),
    signature: bytes(72),
    /** The sender lacks others' cosignatures. */
    asks: z.boolean(),
  }),
);
const batches = defineRequest(
  'audit.batches',
  z.strictObject({ epoch: count, fromHeight: count }),
  z.strictObject({
    batches: z.array(z.strictObject({ payload: bytes(256 * 1024), certificate: bytes(512 * 1024) })).max(4_096),
    /** The latest note that a quorum cosigned. */
    checkpoint: z
      .string()
      .max(64 * 1024)
      .optional(),
  }),
);

export const auditLogActor: ActorDef<AuditLogMessage, State, AuditLogArgs> = defineActor({
  kind: 'audit-log',
  mailbox: { capacity: 4_096, overflow: 'dropOldest' },
  start(ctx, args) {
    const { parts, book } = args;
    const state: State = {
      ...args,
      since: new Map(),
      proposed: new Map(),
      isFetching: false,
      isResting: false,
      cosignedAtMs: Number.NEGATIVE_INFINITY,
      leave: [
        book.onChange(() => void ctx.self.tell({ type: 'changed' })),
        parts.office.answer(batches, ({ epoch, fromHeight }) => {
          const checkpoint = book.checkpoint(epoch);
          return { batches: book.batches(epoch, fromHeight), ...(checkpoint === undefined ? {} : { checkpoint }) };
        }),
        parts.office.on(cosignature, ({ asks, name, keyId, signature, ...about }, { from }) => {
          try {
            const holds = book.hear(from, { ...about, signature: { name, keyId, signature } });
            if (!holds) parts.ledger.charge(from, `audit:${about.epoch}:${about.size}`, 'signed another audit log');
            else if (asks) say(state, about.epoch, [from], false);
          } catch (error) {
            // What a peer says may be anything; whatever else fails here is a fault of this program.
            if (!(error instanceof MalformedBytes)) throw error;
            parts.refusals.add(from, 'audit', error.message);
          }
        }),
        parts.world.network.onPeer(({ node, up }) => void (up && ctx.self.tell({ type: 'peer-up', node }))),
      ],
    };
    ctx.after(tickMs, { type: 'tick' }, 'tick');
    return state;
  },
  receive(state, message, ctx) {
    const { parts, book, keeper } = state;
    const { epoch } = parts.chain.current;
    switch (message.type) {
      case 'changed':
        // Payloads that waited for this node to see what they speak of are judged again.
        keeper.ref?.tell({ type: 'rejudge' });
        if (state.isResting) tickAgain(state, false, ctx);
        for (const each of epochsOf(epoch)) if (book.next(each) === undefined) state.since.delete(each);
        return;
      case 'peer-up':
        return fetchBatches(state, [epoch], [message.node], ctx);
      case 'fetched':
        state.isFetching = false;
        return;
      case 'tick':
        for (const each of epochsOf(epoch)) propose(state, each);
        fetchBatches(
          state,
          epochsOf(epoch).filter((each) => book.isBehind(each)),
          parts.world.network.peers(),
          ctx,
        );
        keepUp(state, epoch, ctx);
        tickAgain(state, epochsOf(epoch).every(isQuiet(book)), ctx);
        return;
    }
  },
  signal(state, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const leave of state.leave) leave();
  },
});

function tickAgain(state: State, isResting: boolean, ctx: Context<AuditLogMessage>): void {
  state.isResting = isResting;
  ctx.after(isResting ? restMs : tickMs, { type: 'tick' }, 'tick');
}

const isQuiet =
  (book: AuditBook) =>
  (epoch: number): boolean =>
    book.next(epoch) === undefined && !book.isBehind(epoch);

function epochsOf(current: number): number[] {
  const first = Math.max(0, current - drainedEpochs);
  return Array.from({ length: current - first + 1 }, (_, i) => first + i);
}

function propose(state: State, epoch: number): void {
  const { parts, book, keeper, since, proposed } = state;
  const config = parts.chain.config(epoch)!;
  if (!config.members.some(({ id }) => id === parts.identity.id)) return;
  const nowMs = parts.world.clock.monotonicMs();
  const batch = book.next(epoch);
  if (batch === undefined) return;
  const sinceMs = since.get(epoch) ?? nowMs;
  since.set(epoch, sinceMs);
  const before = proposed.get(epoch);
  if (before?.height === batch.height && nowMs - before.atMs < againMs) return;
  const { crypto } = parts.world;
  const view = epochViewOf(config, parts.chain.meshId, crypto);
  const subject = { domain: 'log', key: auditKey(batch.height) } as const;
  const [leader] = leaderOrder(instanceIdOf(view.scope, subject, crypto), view.weights.keys());
  const isClosing = batch.entries.some(({ kind }) => kind === 'close');
  if (nowMs - sinceMs < (leader === parts.identity.id ? gatherMs : standbyMs) + (isClosing ? drainMs : 0)) return;
  proposed.set(epoch, { height: batch.height, atMs: nowMs });
  since.set(epoch, nowMs);
  keeper.ref?.tell({ type: 'propose', epoch, subject, payload: encodeAuditBatch(batch) });
}

/** A member makes sure that enough cosigned, anyone else asks what they cosigned. */
function keepUp(state: State, current: number, ctx: Context<AuditLogMessage>): void {
  const { parts, book } = state;
  const { chain, world, identity } = parts;
  const nowMs = world.clock.monotonicMs();
  if (nowMs - state.cosignedAtMs < cosignPeriodMs) return;
  state.cosignedAtMs = nowMs;
  const peers = world.network.peers();
  const watched: number[] = [];
  for (const epoch of epochsOf(current)) {
    const votes = (id: NodeId): boolean => chain.member(id, epoch) !== undefined;
    if (!votes(identity.id)) watched.push(epoch);
    else if (!book.isCosigned(epoch)) say(state, epoch, peers.filter(votes), true);
  }
  const isWhole = (epoch: number): boolean => book.log(epoch).isClosed && book.isCosigned(epoch);
  fetchBatches(
    state,
    watched.filter((epoch) => !isWhole(epoch)),
    pick(
      peers.filter((id) => chain.isMember(id)),
      1,
      world.random,
    ),
    ctx,
  );
}

function say({ parts, book }: AuditLogArgs, epoch: number, to: readonly NodeId[], asks: boolean): void {
  const said = book.cosigned(epoch);
  if (said === undefined) return;
  const { size, root, signature } = said;
  for (const node of to) parts.office.send(node, cosignature, { epoch, size, root, ...signature, asks });
}

/** Fetches from the first member among `from` that has what is missing. */
function fetchBatches(
  state: State,
  epochs: readonly number[],
  from: readonly NodeId[],
  ctx: Context<AuditLogMessage>,
): void {
  const { parts, book } = state;
  const { chain, office, world } = parts;
  if (state.isFetching || epochs.length === 0) return;
  state.isFetching = true;
  // Any of them first: where a thousand are behind, they must not all ask one.
  const members = from.filter((id) => chain.isMember(id));
  const asked = pick(members, members.length, world.random);
  const catchUpOn = async (epoch: number): Promise<void> => {
    for (const node of asked) {
      const reply = await office
        .request(node, batches, { epoch, fromHeight: book.log(epoch).height }, { timeoutMs: requestTimeoutMs })
        .catch(() => undefined);
      for (const batch of reply?.batches ?? []) book.adopt(batch);
      if (reply?.checkpoint !== undefined) book.adoptCheckpoint(epoch, reply.checkpoint);
      if ((reply?.batches.length ?? 0) > 0) return;
    }
  };
  ctx.pipe(
    async () => {
      for (const epoch of epochs) await catchUpOn(epoch);
    },
    () => ({ type: 'fetched' }),
    (error) => {
      world.log('warn', 'audit batches not taken', { epochs, error: error.message });
      return { type: 'fetched' };
    },
  );
}
