// Law: what comes for a type that was handled here and is not now waits for its handler, whose actor is being restarted: in order, within
// bounds. What comes for a type that was never handled here does not.

/** Messages that wait, of all types, and their bytes together. */
const earlyMax = 256;
const earlyMaxBytes = 4 << 20;

export interface EarlyMessages {
  /** False: nothing of this type was ever handled here, or too much waits. `again` is called once somebody takes the type. */
  keep(type: string, sizeBytes: number, again: () => void): boolean;
  /** The type has a handler now: it is handed what waited. */
  resume(type: string): void;
  clear(): void;
}

export function createEarlyMessages(): EarlyMessages {
  const known = new Set<string>();
  let early: { readonly type: string; readonly sizeBytes: number; readonly again: () => void }[] = [];
  let earlyBytes = 0;
  return {
    keep(type, sizeBytes, again) {
      if (!known.has(type) || early.length >= earlyMax || earlyBytes + sizeBytes > earlyMaxBytes) return false;
      early.push({ type, sizeBytes, again });
      earlyBytes += sizeBytes;
      return true;
    },
    resume(type) {
      known.add(type);
      const ready = early.filter((message) => message.type === type);
      if (ready.length === 0) return;
      early = early.filter((message) => message.type !== type);
      for (const { sizeBytes } of ready) earlyBytes -= sizeBytes;
      // Once whoever registers has finished starting.
      void Promise.resolve().then(() => {
        for (const { again } of ready) again();
      });
    },
    clear() {
      early = [];
      earlyBytes = 0;
    },
  };
}
