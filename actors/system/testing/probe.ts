// Law: a probe is an actor that only remembers: what it received, which signals it heard, and when.
import { type ActorRef, type Context, defineActor, type Message, type Signal, type System } from '../index.ts';

export interface Probe {
  readonly ref: ActorRef<Message>;
  /** Oldest first, `run` messages left out. */
  readonly received: Message[];
  readonly signals: Signal[];
  /** Runs `act` inside the probe, in its next free turn: a throw crashes it. */
  run(act: (ctx: Context<Message>) => void): void;
}

interface Run extends Message {
  readonly type: 'probe.run';
  readonly act: (ctx: Context<Message>) => void;
}

/** A top-level actor that records. It traps exits unless told not to. */
export function spawnProbe(
  system: System,
  options: { readonly name?: string; readonly trapExit?: boolean } = {},
): Probe {
  const received: Message[] = [];
  const signals: Signal[] = [];
  const def = defineActor<Message, null>({
    kind: 'probe',
    trapExit: options.trapExit ?? true,
    start: () => null,
    receive(_state, message, ctx) {
      if (message.type === 'probe.run') (message as Run).act(ctx);
      else received.push(message);
    },
    signal(_state, signal) {
      signals.push(signal);
    },
  });
  const ref = system.spawn(def, undefined, options.name === undefined ? {} : { name: options.name });
  const run = (act: Run['act']): void => {
    ref.tell({ type: 'probe.run', act } as Run);
  };
  return { ref, received, signals, run };
}
