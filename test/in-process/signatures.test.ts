// Law: what members say to each other in consensus is signed once per write, whoever hears it, and checked at most once by each who does:
// nothing is signed a second time for the way, and nothing besides.
import { afterEach, expect, it } from 'vitest';
import type { Crypto } from '../../actors/system/index.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

/** What is signed says in its first bytes what it is. */
const purposes = ['parley/batch/1', 'parley/envelope/1', 'parley/lane-header/1', 'parley/log-position/1'] as const;
const purposeOf = (message: Uint8Array): string => {
  const text = Buffer.from(message.buffer, message.byteOffset, Math.min(32, message.length)).toString('latin1');
  return purposes.find((purpose) => text.slice(0, 4 + purpose.length).includes(purpose)) ?? 'statements';
};

it('a frame of votes has one signature, made once and checked once by each member who hears it', async () => {
  const signed = new Map<string, number>();
  const checked = new Map<string, number>();
  const count = (table: Map<string, number>, message: Uint8Array): void => {
    const purpose = purposeOf(message);
    table.set(purpose, (table.get(purpose) ?? 0) + 1);
  };
  const counting: Crypto = {
    ...crypto,
    sign(key, message) {
      count(signed, message);
      return crypto.sign(key, message);
    },
    verify(key, message, signature) {
      count(checked, message);
      return crypto.verify(key, message, signature);
    },
  };
  mesh = await InProcessMesh.start({ count: 4, crypto: counting });
  const plan = planOf([task('one'), task('two', { after: ['one'] }), task('three', { after: ['two'] })]);
  const sent = (wanted: (type: string) => boolean): number =>
    mesh.live
      .flatMap(({ composed }) => composed.parts.office.sent())
      .reduce((sum, { type, count: times }) => sum + (wanted(type) ? times : 0), 0);
  // The first one reads what the others found out from their disks; then what is under way ends.
  await mesh.ended(await mesh.open('amber', plan));
  await mesh.time.advance(5_000);
  signed.clear();
  checked.clear();
  const isFrame = (type: string): boolean => type === 'consensus.frame';
  const framesBefore = sent(isFrame);
  const envelopesBefore = sent((type) => !isFrame(type));
  const workflows = 8;
  for (let i = 0; i < workflows; i++) await mesh.ended(await mesh.open(mesh.names[i % 4]!, plan));
  await mesh.time.advance(5_000);
  const frames = sent(isFrame) - framesBefore;
  const envelopes = sent((type) => !isFrame(type)) - envelopesBefore;

  const decisions = 3 * workflows;
  const table = (counts: Map<string, number>): string => {
    const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
    const parts = [...counts].map(([purpose, times]) => `${purpose} ${(times / decisions).toFixed(1)}`);
    return `${(total / decisions).toFixed(1)} (${parts.join(', ')})`;
  };
  console.log(`of four members, per decision: signed ${table(signed)}; checked ${table(checked)}; ${frames} frames`);

  expect(frames).toBeGreaterThan(decisions * 8);
  // Each frame of votes goes to three peers. None is in an envelope, and how far the log goes is not signed but sealed.
  expect(signed.get('parley/batch/1')).toBeLessThanOrEqual(frames / 3);
  expect(checked.get('parley/batch/1')).toBeLessThanOrEqual(frames);
  expect(signed.get('parley/envelope/1')).toBe(envelopes);
  expect(checked.get('parley/envelope/1')).toBe(envelopes);
  expect(signed.get('parley/log-position/1')).toBeUndefined();
});
