// Law: newcomers that come at once share what they can: while one config is being decided the others wait, and all workers among them are in
// the next one together, since they change no quorum; a member comes by itself. What is written of observers is one entry for all that
// came meanwhile. Nobody waits behind more than a bounded number of others.
import { configKey, workersPerConfigMax } from '../../consensus/index.ts';
import { type EpochConfig, encodeConfig, type Worker, workersOf } from '../../protocols/mesh/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import type { NodeId } from '../system/index.ts';
import { judgeJoin } from './config-question.ts';
import { nextConfig } from './next-config.ts';

export type Joined = 'in' | 'undecided' | { readonly refused: string };

export interface Joiner {
  /** Resolves once the members decided, or did not in time. Asked again meanwhile it is the same question. */
  letIn(newcomer: Worker, role: 'member' | 'worker'): Promise<Joined>;
  /** Resolves once it is written that this node may listen; rejects where it cannot be. */
  note(observer: NodeId): Promise<void>;
}

export interface JoinerOptions {
  readonly parts: Parts;
  readonly keeper: Place<KeeperMessage>;
  /** Writes that these may listen, at most `observersPerEntryMax` of them. */
  readonly write: (observers: readonly NodeId[]) => Promise<void>;
}

export const decidePatienceMs = 8_000;
export const observersPerEntryMax = 64;
const attemptsMax = 3;
const waitingMax = 256;

interface Waiting {
  readonly newcomer: Worker;
  readonly role: 'member' | 'worker';
  readonly joined: Promise<Joined>;
  readonly settle: (outcome: Joined) => void;
  attempts: number;
}

/** The node besides `id` that has that name. */
export function holderOf(current: EpochConfig, name: string, id: NodeId): Worker | undefined {
  return [...current.members, ...workersOf(current)].find((each) => each.name === name && each.id !== id);
}

export const nameTaken = (name: string): string => `a member is already named '${name}'; join with another --name`;

export function createJoiner({ parts, keeper, write }: JoinerOptions): Joiner {
  const { chain, world } = parts;
  const waiting = new Map<NodeId, Waiting>();
  let isDeciding = false;

  const finish = (each: Waiting, outcome: Joined): void => {
    waiting.delete(each.newcomer.id);
    each.settle(outcome);
  };

  /** Why it cannot come, whatever the members say. */
  const obstacle = ({ newcomer: { id, name }, role }: Waiting): string | undefined => {
    if (chain.node(id) !== undefined)
      return `this node is a ${chain.isMember(id) ? 'member' : 'worker'} already; to become a ${role} it leaves first: parley down --leave`;
    return holderOf(chain.current, name, id) === undefined ? undefined : nameTaken(name);
  };

  const after = (newcomers: readonly Waiting[]): EpochConfig => {
    const { current } = chain;
    const [first] = newcomers;
    return first?.role === 'member'
      ? nextConfig(current, [...current.members, { ...first.newcomer, weight: 1 }], world.crypto)
      : nextConfig(current, current.members, world.crypto, [
          ...workersOf(current),
          ...newcomers.map(({ newcomer }) => newcomer),
        ]);
  };

  /** Those that come next, together. Whoever would be refused is told so, and is not proposed: an engine holds on to what it was offered. */
  const nextBatch = (): readonly Waiting[] => {
    const batch: Waiting[] = [];
    for (const each of [...waiting.values()]) {
      const { id, name } = each.newcomer;
      const isIn = each.role === 'member' ? chain.member(id) !== undefined : chain.worker(id) !== undefined;
      const refused = isIn ? undefined : obstacle(each);
      const verdict = isIn || refused !== undefined ? undefined : judgeJoin(after([each]), chain.current, world.crypto);
      if (isIn) finish(each, 'in');
      else if (refused !== undefined) finish(each, { refused });
      else if (verdict?.ok === false) finish(each, { refused: verdict.reason.slice(0, 400) });
      else if (batch.length === 0) batch.push(each);
      else if (
        batch[0]!.role === 'worker' &&
        each.role === 'worker' &&
        batch.length < workersPerConfigMax &&
        batch.every(({ newcomer }) => newcomer.name !== name)
      )
        batch.push(each);
    }
    return batch;
  };

  /** Whether a config was decided in time, this one or another. */
  const decide = (batch: readonly Waiting[]): Promise<boolean> => {
    const next = after(batch);
    keeper.ref?.tell({
      type: 'propose',
      epoch: chain.current.epoch,
      subject: { domain: 'config', key: configKey(next.epoch) },
      payload: encodeConfig(next),
    });
    return new Promise((resolve) => {
      const cancel = world.scheduler.at(world.clock.monotonicMs() + decidePatienceMs, () => {
        leave();
        resolve(false);
      });
      const leave = chain.onAppend(() => {
        cancel();
        leave();
        resolve(true);
      });
    });
  };

  const work = async (): Promise<void> => {
    if (isDeciding) return;
    isDeciding = true;
    try {
      for (let batch = nextBatch(); batch.length > 0; batch = nextBatch()) {
        const isDecided = await decide(batch);
        // Who is in after all is told so by the next look. Where nothing is decided, nothing is soon: nobody waits for that one by one.
        for (const each of isDecided ? batch : [...waiting.values()])
          if (chain.node(each.newcomer.id) === undefined && (!isDecided || ++each.attempts >= attemptsMax))
            finish(each, 'undecided');
      }
    } catch (error) {
      world.log('error', 'newcomers not let in', { error: String(error) });
      for (const each of [...waiting.values()]) finish(each, 'undecided');
    } finally {
      isDeciding = false;
    }
  };

  let unwritten: { readonly observer: NodeId; readonly done: () => void; readonly failed: (error: unknown) => void }[] =
    [];
  let isWriting = false;
  const writeAll = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    while (unwritten.length > 0) {
      const some = unwritten.slice(0, observersPerEntryMax);
      unwritten = unwritten.slice(observersPerEntryMax);
      try {
        await write([...new Set(some.map(({ observer }) => observer))]);
        for (const { done } of some) done();
      } catch (error) {
        for (const { failed } of some) failed(error);
      }
    }
    isWriting = false;
  };

  return {
    letIn(newcomer, role) {
      const known = waiting.get(newcomer.id);
      if (known !== undefined) return known.joined;
      if (waiting.size >= waitingMax) return Promise.resolve('undecided');
      const { promise, resolve } = Promise.withResolvers<Joined>();
      waiting.set(newcomer.id, { newcomer, role, joined: promise, settle: resolve, attempts: 0 });
      void work();
      return promise;
    },
    note: (observer) =>
      new Promise((done, failed) => {
        unwritten.push({ observer, done, failed });
        void writeAll();
      }),
  };
}
