import { describe, expect, it } from 'vitest';
import type { Crypto, KeyValue } from '../actors/system/index.ts';
import { createMemoryStorage } from '../protocols/lanes/testing/index.ts';
import { createCrypto, realClock, realScheduler, testIdentity } from '../test/support/world.ts';
import { openVerified, type Verified } from './verified.ts';

const crypto = createCrypto();
const clock = realClock();
const identity = testIdentity(0);
const message = (text: string): Uint8Array => new TextEncoder().encode(text);
const signed = (text: string): [Uint8Array, Uint8Array, Uint8Array] => [
  identity.publicKey,
  message(text),
  crypto.sign(identity.secretKey, message(text)),
];

class Lives {
  checks = 0;
  readonly #storage = createMemoryStorage(crypto);
  keyValue!: KeyValue;

  async start(): Promise<Verified> {
    await this.keyValue?.close();
    this.keyValue = await this.#storage.keyValue('verified');
    const counting: Crypto = {
      ...crypto,
      verify: (...all) => {
        this.checks++;
        return crypto.verify(...all);
      },
    };
    return openVerified({
      crypto: counting,
      keyValue: this.keyValue,
      clock,
      scheduler: realScheduler(clock),
      log: () => {},
    });
  }
}

describe('a signature', () => {
  it('that held is not checked again in the next life, until that has read its history', async () => {
    const lives = new Lives();
    const first = await lives.start();
    expect(first.crypto.verify(...signed('a'))).toBe(true);
    await first.close();
    const second = await lives.start();
    lives.checks = 0;
    expect(second.crypto.verify(...signed('a'))).toBe(true);
    expect(lives.checks).toBe(0);
    second.started();
    expect(second.crypto.verify(...signed('a'))).toBe(true);
    expect(lives.checks).toBe(1);
    expect(second.crypto.verify(...signed('a'))).toBe(true);
    expect(lives.checks).toBe(1);
    await second.close();
  });

  it('of a vote is noted only where it became part of what is kept, and is not checked a second time for that', async () => {
    const lives = new Lives();
    const first = await lives.start();
    for (const text of ['kept', 'dropped']) expect(first.passing.verify(...signed(text))).toBe(true);
    lives.checks = 0;
    expect(first.crypto.verify(...signed('kept'))).toBe(true);
    expect(lives.checks).toBe(0);
    const [key, text, signature] = signed('kept');
    expect(first.passing.verify(key, text, signature.with(3, signature[3]! ^ 1))).toBe(false);
    await first.close();
    const second = await lives.start();
    lives.checks = 0;
    expect(second.crypto.verify(...signed('kept'))).toBe(true);
    expect(lives.checks).toBe(0);
    expect(second.crypto.verify(...signed('dropped'))).toBe(true);
    expect(lives.checks).toBe(1);
    await second.close();
  });

  it('leaves room for others: what was verified long ago in this life is checked again', async () => {
    const lives = new Lives();
    const verified = await lives.start();
    verified.passing.verify(...signed('a'));
    for (let i = 0; i < 8_192; i++) verified.passing.verify(...signed(`other ${i}`));
    lives.checks = 0;
    expect(verified.passing.verify(...signed('a'))).toBe(true);
    expect(lives.checks).toBe(1);
    await verified.close();
  });

  it('that did not hold never holds: not for another key, message or signature, nor with its fields cut elsewhere', async () => {
    const lives = new Lives();
    const first = await lives.start();
    const [key, text, signature] = signed('a');
    first.crypto.verify(key, text, signature);
    const flipped = signature.with(3, signature[3]! ^ 1);
    expect(first.crypto.verify(key, text, flipped)).toBe(false);
    await first.close();
    const second = await lives.start();
    expect(second.crypto.verify(key, text, flipped)).toBe(false);
    expect(second.crypto.verify(key, message('b'), signature)).toBe(false);
    expect(second.crypto.verify(testIdentity(1).publicKey, text, signature)).toBe(false);
    const shifted = new Uint8Array([...signature, ...text]);
    expect(second.crypto.verify(key, shifted.subarray(64 - 1), shifted.subarray(0, 63))).toBe(false);
    await second.close();
  });

  it('whose note is damaged on the disk is checked again', async () => {
    const lives = new Lives();
    const first = await lives.start();
    first.crypto.verify(...signed('a'));
    await first.close();
    for await (const { key, value } of lives.keyValue.range('', '~'))
      await lives.keyValue.write([{ key, value: value.with(0, value[0]! ^ 1) }]);
    const second = await lives.start();
    lives.checks = 0;
    expect(second.crypto.verify(...signed('a'))).toBe(true);
    expect(lives.checks).toBe(1);
    await second.close();
  });
});
