// Law: a signature that this node has verified once holds for ever, so a start reads that from the node's own disk instead of verifying its
// whole history again. Only what held is remembered, by the hash of everything the check reads: a lost or damaged note costs one more check.
import type { Clock, Crypto, KeyValue, Log, Scheduler } from '../actors/system/index.ts';

export interface Verified {
  /** The crypto given, with a memory for signatures that held. */
  readonly crypto: Crypto;
  /**
   * The crypto given, for signatures that are of no use after a restart, such as those of votes: what held is known to `crypto` for a while,
   * and what is signed with it holds.
   */
  readonly passing: Crypto;
  /** The history is read: what was remembered from the last life is let go of, what is verified from here on is noted for the next. */
  started(): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

const hashBytes = 32;
/** About ten signatures make a workflow: the latest 25,000 workflows start without a check. */
const rememberedMax = 250_000;
/** Signatures of this life that are not checked a second time: what a decision rests on is verified when it comes, and again with its certificate. */
const recentMax = 8_192;
const writeAfterMs = 1_000;
const rowPrefix = 'row/';
const numberDigits = 10;

const rowKey = (number: number): string => `${rowPrefix}${String(number).padStart(numberDigits, '0')}`;
const nameOf = (hash: Uint8Array): string =>
  Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');

export async function openVerified(options: {
  readonly crypto: Crypto;
  readonly keyValue: KeyValue;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
}): Promise<Verified> {
  const { crypto, keyValue, clock, scheduler, log } = options;
  const rows: { readonly key: string; readonly value: Uint8Array }[] = [];
  for await (const row of keyValue.range(rowPrefix, `${rowPrefix}~`)) rows.push(row);
  let next = rows.length === 0 ? 0 : Number(rows.at(-1)!.key.slice(rowPrefix.length)) + 1;
  const remembered = new Set<string>();
  const outdated: string[] = [];
  for (const { key, value } of rows.reverse()) {
    if (remembered.size >= rememberedMax) outdated.push(key);
    else
      for (let at = 0; at + hashBytes <= value.length; at += hashBytes)
        remembered.add(nameOf(value.subarray(at, at + hashBytes)));
  }
  if (outdated.length > 0) await keyValue.write(outdated.map((key) => ({ key, value: undefined })));

  /** By name: whether it is noted for the next life. */
  const recent = new Map<string, boolean>();
  const keep = (name: string, isNoted: boolean): void => {
    recent.delete(name);
    recent.set(name, isNoted);
    if (recent.size > recentMax) for (const oldest of recent.keys()) return void recent.delete(oldest);
  };

  /** A node signs with one key. */
  let own: { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array } | undefined;
  let unwritten: Uint8Array[] = [];
  let cancel: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  function write(): void {
    cancel?.();
    cancel = undefined;
    if (unwritten.length === 0) return;
    const value = new Uint8Array(unwritten.length * hashBytes);
    for (const [index, hash] of unwritten.entries()) value.set(hash, index * hashBytes);
    unwritten = [];
    const key = rowKey(next++);
    writing = writing
      .then(() => keyValue.write([{ key, value }]))
      .catch((error: Error) => log('warn', 'verified signatures not noted', { error: error.message }));
  }

  /** Fields of fixed length first: no two checks have one hash. */
  const hashOf = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Uint8Array | undefined =>
    publicKey.length === 32 && signature.length === 64 ? crypto.sha256(publicKey, signature, message) : undefined;

  return {
    crypto: {
      ...crypto,
      verify(publicKey, message, signature) {
        const hash = hashOf(publicKey, message, signature);
        if (hash === undefined) return false;
        const name = nameOf(hash);
        const isNoted = remembered.has(name) || recent.get(name);
        if (isNoted === true) return true;
        if (isNoted === undefined && !crypto.verify(publicKey, message, signature)) return false;
        keep(name, true);
        unwritten.push(hash);
        cancel ??= scheduler.at(clock.monotonicMs() + writeAfterMs, write);
        return true;
      },
    },
    passing: {
      ...crypto,
      sign(secretKey, message) {
        const signature = crypto.sign(secretKey, message);
        if (own?.secretKey !== secretKey) own = { secretKey, publicKey: crypto.publicKey(secretKey) };
        const hash = hashOf(own.publicKey, message, signature);
        if (hash !== undefined) keep(nameOf(hash), false);
        return signature;
      },
      verify(publicKey, message, signature) {
        const hash = hashOf(publicKey, message, signature);
        if (hash === undefined) return false;
        const name = nameOf(hash);
        if (recent.has(name)) return true;
        if (!crypto.verify(publicKey, message, signature)) return false;
        keep(name, false);
        return true;
      },
    },
    started() {
      remembered.clear();
      recent.clear();
    },
    async close() {
      write();
      await writing;
    },
  };
}
