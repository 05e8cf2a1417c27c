// Law: nothing is answered, sent or done on the strength of an event before that event is durable, and one command is decided only when
// the one before it is committed.
import { encodeValue } from '../codec/index.ts';
import type { ActorContext } from '../context.ts';
import { type ActorDef, type Context, type Message, Stop } from '../types.ts';
import { OwedWork } from './owed.ts';
import { recover } from './recovery.ts';
import type { Decision, DurableDef, DurablePorts, Persist } from './types.ts';

/**
 * An actor definition whose state survives. It starts by replaying its journal (what it is told meanwhile waits in its mailbox), and
 * crashes, to be restarted by its supervisor, where the journal cannot be read (JournalDamage) or someone else wrote it (JournalConflict).
 */
export function durable<M extends Message, E, S, A = void>(
  def: DurableDef<M, E, S, A>,
  ports: DurablePorts,
): ActorDef<M, unknown, A> {
  if (def.snapshot !== undefined) {
    const { everyEvents, keep } = def.snapshot;
    if (!Number.isInteger(everyEvents) || everyEvents < 1 || !Number.isInteger(keep) || keep < 1)
      throw new RangeError(
        `durable '${def.kind}': snapshots every ${everyEvents} events of which ${keep} are kept; both are integers from 1`,
      );
    if (ports.snapshots === undefined)
      throw new TypeError(`durable '${def.kind}' takes snapshots and was given no place for them`);
  }
  const { signal, kind, mailbox, schema, trapExit } = def;
  const actor: ActorDef<M, Recorder<M, E, S, A>, A> = {
    kind,
    async start(ctx, args) {
      const recorder = new Recorder(def, ports, ctx as unknown as ActorContext, args);
      await recorder.recover();
      return recorder;
    },
    receive: (recorder, message, ctx) => recorder.receive(message, ctx),
    ...(signal === undefined
      ? {}
      : { signal: (recorder, heard, ctx) => signal.call(def, recorder.state, heard, ctx) ?? undefined }),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(schema === undefined ? {} : { schema }),
    ...(trapExit === undefined ? {} : { trapExit }),
  };
  return actor as ActorDef<M, unknown, A>;
}

class Recorder<M extends Message, E, S, A> {
  private readonly def: DurableDef<M, E, S, A>;
  private readonly ports: DurablePorts;
  private readonly context: ActorContext;
  private readonly args: A;
  private readonly id: string;
  private readonly owed: OwedWork<M>;
  private sequence = 0;
  private snapshotSequence = 0;
  private saving = false;
  state: S;

  constructor(def: DurableDef<M, E, S, A>, ports: DurablePorts, context: ActorContext, args: A) {
    this.def = def;
    this.ports = ports;
    this.context = context;
    this.args = args;
    this.id = def.id(args);
    this.owed = new OwedWork(context);
    this.state = def.initial(args);
  }

  async recover(): Promise<void> {
    const { state, sequence, snapshotSequence } = await recover(
      this.def,
      this.ports,
      this.id,
      this.args,
      this.context.log,
    );
    this.state = state;
    this.sequence = sequence;
    this.snapshotSequence = snapshotSequence;
    this.workOff();
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: as Next
  receive(message: M, ctx: Context<M>): Stop | void | Promise<Stop | void> {
    const told = this.owed.messageIn(message);
    const decision: Decision<S, E> = told === undefined ? undefined : this.def.command(this.state, told, ctx);
    if (decision instanceof Stop) return decision;
    if (decision !== undefined && decision.persist.length > 0) return this.commit(decision);
    const answer = decision?.after?.(this.state);
    if (told !== message) this.workOff();
    return answer;
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: as Next
  private async commit({ persist, after }: Persist<S, E>): Promise<Stop | void> {
    // Folded first: an event that cannot be folded or encoded must not get into the journal.
    let next = this.state;
    for (const event of persist) next = this.def.event(next, event);
    const encoded = persist.map((event) => encodeValue(event));
    const sequence = await this.ports.journal.append(this.id, this.sequence, encoded);
    this.state = next;
    this.sequence = sequence;
    if (!this.context.current) return undefined;
    const { cell } = this.context;
    // What is sent now is caused by the message that is being handled, though this is no longer its turn.
    cell.system.dispatcher.trace = cell.trace;
    try {
      const answer = after?.(next);
      this.workOff();
      return answer;
    } finally {
      cell.system.dispatcher.trace = undefined;
      this.takeSnapshot();
    }
  }

  private workOff(): void {
    if (this.def.owed !== undefined) this.owed.workOff(this.def.owed(this.state));
  }

  /** In the background: nobody waits for a cache. */
  private takeSnapshot(): void {
    const { snapshot } = this.def;
    if (snapshot === undefined || this.saving || this.sequence - this.snapshotSequence < snapshot.everyEvents) return;
    this.saving = true;
    this.save(this.sequence, snapshot.keep)
      .catch((error: unknown) => {
        this.context.log('error', 'a snapshot was not saved; replay gets longer', { journal: this.id, error });
      })
      .finally(() => {
        this.saving = false;
      });
  }

  private async save(sequence: number, keep: number): Promise<void> {
    const { journal } = this.ports;
    const snapshots = this.ports.snapshots!;
    const state = encodeValue(this.state, undefined, maxStateBytes);
    await snapshots.save(this.id, { sequence, state });
    this.snapshotSequence = sequence;
    const oldestKept = (await snapshots.load(this.id))[keep - 1];
    if (oldestKept === undefined) return;
    await snapshots.deleteTo(this.id, oldestKept.sequence - 1);
    await journal.deleteTo(this.id, oldestKept.sequence);
  }
}

/** A state may be larger than any one message. */
const maxStateBytes: number = 64 << 20;
