// Law: between two events every promise that can settle has settled. The engine's own checkpoint empties its microtask queue on the spot;
// it does nothing when called from within a microtask, so a run begins in a task of the event loop.
import { setFlagsFromString } from 'node:v8';

let checkpoint: (() => void) | undefined;

/** Runs every microtask that waits, and those they cause, before it returns. Call it from a task, never from a promise's continuation. */
export function drainMicrotasks(): void {
  if (checkpoint === undefined) {
    setFlagsFromString('--allow-natives-syntax');
    checkpoint = new Function('%PerformMicrotaskCheckpoint()') as () => void;
  }
  checkpoint();
}

/** Runs `work` in a task of its own, where `drainMicrotasks` works. */
export function inTask<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
