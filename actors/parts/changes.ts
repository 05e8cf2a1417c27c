// Law: however many changes come between two looks, one message is enough: a burst of entries never fills the mailbox of whoever looks.
import type { Board } from '../workflow/index.ts';

export interface Waker {
  /** Sends one message, unless one is on its way. */
  wake(): void;
  /** Called when the message has arrived. */
  awake(): void;
}

/** `send` returns false where the message was not taken; then the next `wake` tries again. */
export function createWaker(send: () => boolean): Waker {
  let isOnItsWay = false;
  return {
    wake() {
      if (!isOnItsWay) isOnItsWay = send();
    },
    awake() {
      isOnItsWay = false;
    },
  };
}

export interface Changes {
  /** Workflows that changed since the last call. */
  take(): ReadonlySet<string>;
  leave(): void;
}

/** Wakes by `send` when workflows change. */
export function watchChanges(board: Pick<Board, 'onChange'>, send: () => boolean): Changes {
  let changed = new Set<string>();
  const waker = createWaker(send);
  const leave = board.onChange(({ record }) => {
    changed.add(record.workflow);
    waker.wake();
  });
  return {
    take() {
      const taken = changed;
      changed = new Set();
      waker.awake();
      return taken;
    },
    leave,
  };
}
