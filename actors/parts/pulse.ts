// Law: a clock beats only while there is something to wait for: a node at rest wakes for its peers and for nobody else.
import type { Context, Message } from '../system/index.ts';

export interface Pulse {
  /** Sends the message once, a period from now, unless it is on its way. */
  want(): void;
  /** Called when the message has arrived; whoever still waits wants the next one. */
  beat(): void;
}

export function createPulse<M extends Message>(
  ctx: Pick<Context<M>, 'after'>,
  periodMs: number,
  message: M,
  key: string,
): Pulse {
  let isOnItsWay = false;
  return {
    want() {
      if (isOnItsWay) return;
      isOnItsWay = true;
      ctx.after(periodMs, message, key);
    },
    beat() {
      isOnItsWay = false;
    },
  };
}
