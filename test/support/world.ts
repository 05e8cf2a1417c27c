// Law: tests of the lower floors take the real clock, scheduler and cryptography from here, since the code they test may not import upwards.
import type { Crypto, Log, LogLevel } from '../../actors/system/index.ts';
import { createCrypto, realClock, realRandom, realScheduler } from '../../node/world/index.ts';
import { createIdentity, type Identity } from '../../protocols/wire/index.ts';

export { createCrypto, realClock, realRandom, realScheduler };

/** The identity of the `index`-th node of a test: the same in every run. */
export function testIdentity(index: number, crypto: Pick<Crypto, 'publicKey'> = createCrypto()): Identity {
  return createIdentity(crypto, new Uint8Array(32).fill(index + 1));
}

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines for the test to read. */
export function recordingLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { lines, log: (level, text, fields = {}) => void lines.push({ level, text, fields }) };
}

/** Resolves once `condition` holds; throws, naming it, after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
