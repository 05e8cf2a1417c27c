// Law: the real World: the machine's clock, entropy, event loop and log behind the ports. Network, storage and sandbox are given,
// because each has its own settings and its own end.
import { randomBytes } from 'node:crypto';
import type { Clock, Log, Network, Random, Sandbox, Scheduler, Storage, World } from '../../actors/system/index.ts';
import { createCrypto } from '../crypto/index.ts';

export function realClock(): Clock {
  return { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
}

/** Longest delay one timer can hold; Node fires at once beyond it. */
const timerMaxMs = 2 ** 31 - 1;

export function realScheduler(clock: Clock): Scheduler {
  return {
    defer: (drain) => queueMicrotask(drain),
    yield: (drain) => void setImmediate(drain),
    at(atMs, fire) {
      const timer = setTimeout(fire, Math.min(Math.max(0, atMs - clock.monotonicMs()), timerMaxMs));
      return () => clearTimeout(timer);
    },
  };
}

/** The operating system's entropy, drawn in blocks. Fit for secrets, so nothing a node says lets anyone guess what it says next. */
export function realRandom(): Random {
  const blockBytes = 4096;
  let block = randomBytes(blockBytes);
  let at = 0;
  const u32 = (): number => {
    if (at + 4 > blockBytes) {
      block = randomBytes(blockBytes);
      at = 0;
    }
    const value = block.readUInt32LE(at);
    block.fill(0, at, at + 4);
    at += 4;
    return value;
  };
  const random: Random = {
    u32,
    below(bound) {
      // Values from the incomplete last copy of [0, bound) would favour small numbers: draw again.
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = u32();
        if (value < limit) return value % bound;
      }
    },
    chance: (p) => u32() < p * 2 ** 32,
    bytes: (length) => new Uint8Array(randomBytes(length)),
    fork: () => random,
  };
  return random;
}

export function realWorld(ports: {
  readonly network: Network;
  readonly storage: Storage;
  readonly sandbox: Sandbox;
  readonly log: Log;
}): World {
  const clock = realClock();
  return {
    clock,
    random: realRandom(),
    scheduler: realScheduler(clock),
    crypto: createCrypto(),
    ...ports,
    buggify: () => false,
    sometimes: () => {},
  };
}
