// Law: recovery yields the state of every committed event, in order, or fails saying what is missing: never a state with a hole in it.
import { decodeValue } from '../codec/index.ts';
import type { Log } from '../world.ts';
import { JournalDamage, type Snapshot } from './journal.ts';
import type { DurableDef, DurablePorts } from './types.ts';

export interface Recovered<S> {
  readonly state: S;
  /** The last event that is in it. */
  readonly sequence: number;
  /** Of the snapshot it began with; 0 where it began with none. */
  readonly snapshotSequence: number;
}

// biome-ignore lint/suspicious/noExplicitAny: recovery sends no messages
type AnyDurable<E, S, A> = DurableDef<any, E, S, A>;

export async function recover<E, S, A>(
  def: AnyDurable<E, S, A>,
  ports: DurablePorts,
  id: string,
  args: A,
  log: Log,
): Promise<Recovered<S>> {
  const { journal } = ports;
  const highest = await journal.highest(id);
  const begin = await newestSnapshot(def, ports, id, log);
  let state = begin === undefined ? def.initial(args) : begin.state;
  let sequence = begin?.sequence ?? 0;
  if (sequence > highest)
    throw new JournalDamage(
      `journal '${id}' ends at ${highest}, and its snapshot is of ${sequence}: the journal was rolled back`,
    );
  for await (const entry of journal.replay(id, sequence + 1, highest, Number.POSITIVE_INFINITY)) {
    if (entry.sequence !== sequence + 1) throw missing(id, sequence + 1, entry.sequence - 1);
    state = def.event(state, readEvent(def, id, entry.sequence, entry.event));
    sequence = entry.sequence;
  }
  if (sequence !== highest) throw missing(id, sequence + 1, highest);
  return { state, sequence, snapshotSequence: begin?.sequence ?? 0 };
}

function missing(id: string, from: number, to: number): JournalDamage {
  return new JournalDamage(`journal '${id}' has no events ${from} to ${to}, and no snapshot that holds them`);
}

function readEvent<E, S, A>(def: AnyDurable<E, S, A>, id: string, sequence: number, bytes: Uint8Array): E {
  try {
    const event = decodeValue(bytes);
    return def.events === undefined ? (event as E) : def.events.parse(event);
  } catch (error) {
    throw new JournalDamage(`journal '${id}': event ${sequence} cannot be read`, { cause: error });
  }
}

/** The newest that can be read. */
async function newestSnapshot<E, S, A>(
  def: AnyDurable<E, S, A>,
  { snapshots }: DurablePorts,
  id: string,
  log: Log,
): Promise<{ readonly sequence: number; readonly state: S } | undefined> {
  if (snapshots === undefined || def.snapshot === undefined) return undefined;
  for (const snapshot of await snapshots.load(id)) {
    try {
      return { sequence: snapshot.sequence, state: readState(def, snapshot) };
    } catch (error) {
      log('warn', 'a snapshot cannot be read; an older one or all events are used', {
        journal: id,
        sequence: snapshot.sequence,
        error,
      });
    }
  }
  return undefined;
}

function readState<E, S, A>(def: AnyDurable<E, S, A>, snapshot: Snapshot): S {
  const state = decodeValue(snapshot.state);
  return def.snapshot?.states === undefined ? (state as S) : def.snapshot.states.parse(state);
}
