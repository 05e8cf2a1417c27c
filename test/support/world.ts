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

/** For what has to come: a machine under load may be late, and proves nothing by it. */
export const patientMs = 60_000;

/** What is due in this process without a timer (immediates, and what they set off in turn) has happened when it resolves, on any machine. */
export async function turnsOfTheLoop(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** Resolves once `condition` holds; throws, naming it, after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = patientMs): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
