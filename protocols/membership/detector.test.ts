// Law: see detector.ts. One machine alone: what it believes, what it answers, and what it keeps.
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../actors/system/index.ts';
import { createCrypto } from '../../test/support/world.ts';
import { createIdentity } from '../wire/index.ts';
import { createDetector } from './detector.ts';
import type { Detector, DetectorOutput } from './detector-contract.ts';
import { type Claim, maxClaims } from './messages.ts';
import { createRecordBook, type RecordContent } from './record.ts';

const real = createCrypto();

describe('one detector', () => {
  const meshId = new Uint8Array(32).fill(1);
  const identityOf = (index: number) => createIdentity(real, new Uint8Array(32).fill(index));
  const bookOf = (index: number, id = meshId) =>
    createRecordBook({ crypto: real, identity: identityOf(index), meshId: id });
  const content: RecordContent = {
    name: 'n',
    site: 's',
    skills: [],
    modelFamilies: [],
    addresses: [],
    capacity: 1,
    load: 0,
  };
  const make = (settings = {}): Detector =>
    createDetector({
      self: identityOf(1).id,
      random: createRandom(1),
      book: bookOf(1),
      content,
      incarnation: 10,
      accepts: (id) => id !== identityOf(9).id,
      settings,
      nowMs: 0,
    });
  const gossip = (detector: Detector, claims: Claim[], from = 2, nowMs = 1): readonly DetectorOutput[] =>
    detector.handle({ kind: 'message', from: identityOf(from).id, message: { kind: 'gossip', claims } }, nowMs);
  const alive = (index: number, incarnation = 1, name = 'n'): Claim => ({
    state: 'alive',
    record: bookOf(index).issue({ ...content, name }, incarnation, false).bytes,
  });
  const refusals = (outputs: readonly DetectorOutput[]): string[] =>
    outputs.flatMap((output) => (output.kind === 'refused' ? [output.reason] : []));

  test('keeps only records their member signed for this mesh', () => {
    const detector = make();
    const foreign: Claim = { state: 'alive', record: bookOf(3, new Uint8Array(32)).issue(content, 1, false).bytes };
    const changed: Claim = { state: 'alive', record: alive(3).record.slice() };
    changed.record[80]! ^= 1;
    const outputs = gossip(detector, [
      foreign,
      changed,
      { state: 'alive', record: new Uint8Array(10) },
      alive(9),
      alive(2),
    ]);
    expect(refusals(outputs)).toHaveLength(4);
    expect(detector.view().map(({ id }) => id)).toEqual([identityOf(2).id]);
  });

  test('believes the newer record, whatever the order', () => {
    const detector = make();
    gossip(detector, [alive(2, 5, 'new'), alive(2, 4, 'old')]);
    expect(detector.view()[0]).toMatchObject({ incarnation: 5, record: { name: 'new' } });
  });

  test('takes a suspicion of an incarnation already refuted for stale, and answers with the newer record', () => {
    const detector = make();
    gossip(detector, [alive(2, 5)]);
    const outputs = gossip(detector, [{ ...alive(2, 4), state: 'suspect', by: identityOf(3).id }], 3);
    expect(detector.view()[0]!.state).toBe('alive');
    const answers = outputs.flatMap((output) =>
      output.kind === 'send' && output.to === identityOf(3).id && output.message.kind === 'gossip'
        ? output.message.claims
        : [],
    );
    expect(answers).toContainEqual(alive(2, 5));
  });

  test('goes above what it signed in an earlier life, and cannot be driven there by anyone else', () => {
    const detector = make();
    gossip(detector, [{ ...alive(1, 500, 'before'), state: 'dead', by: identityOf(2).id }]);
    expect(detector.own).toMatchObject({ incarnation: 501, name: 'n' });
    const forged = alive(1, 9_000);
    forged.record[forged.record.length - 1]! ^= 1;
    expect(refusals(gossip(detector, [forged]))).toHaveLength(1);
    expect(detector.own.incarnation).toBe(501);
  });

  test('calls a node it is told to expect unknown until it hears of it, and one it hears of as silent never alive', () => {
    const detector = make();
    detector.handle({ kind: 'expect', nodes: [identityOf(4).id, identityOf(1).id, identityOf(9).id] }, 0);
    expect(detector.view()).toMatchObject([{ id: identityOf(4).id, state: 'unknown', incarnation: 0 }]);
    const outputs = gossip(detector, [{ ...alive(5), state: 'dead', by: identityOf(2).id }]);
    const states = outputs.flatMap((output) => (output.kind === 'changed' ? [output.to] : []));
    expect(states).toEqual(['unknown', 'suspect']);
  });

  test('keeps a bounded number of nodes, and lets the long dead go first', () => {
    const detector = make({ maxNodes: 4 });
    for (let index = 20; index < 24; index++) gossip(detector, [alive(index)]);
    expect(refusals(gossip(detector, [alive(24)]))).toHaveLength(1);
    gossip(detector, [{ state: 'alive', record: bookOf(21).issue(content, 2, true).bytes }]);
    expect(refusals(gossip(detector, [alive(24)]))).toHaveLength(0);
    expect(detector.view().map(({ id }) => id)).not.toContain(identityOf(21).id);
    expect(detector.view()).toHaveLength(4);
  });

  test('never puts more claims into a message than the schema lets in', () => {
    const detector = make();
    for (let index = 20; index < 120; index++) gossip(detector, [alive(index)]);
    let most = 0;
    for (let nowMs = 2; nowMs < 5_000; nowMs += 50) {
      for (const output of detector.handle({ kind: 'tick' }, nowMs)) {
        if (output.kind === 'send' && 'claims' in output.message) most = Math.max(most, output.message.claims.length);
      }
    }
    expect(most).toBe(maxClaims);
  });

  test('counts time in which it stood still against nobody', () => {
    const detector = make();
    gossip(detector, [alive(2)]);
    let nowMs = 0;
    const pinged = (): boolean => {
      nowMs = detector.nextMs;
      return detector
        .handle({ kind: 'tick' }, nowMs)
        .some((output) => output.kind === 'send' && output.message.kind === 'ping');
    };
    while (!pinged());
    // The ack is in its inbox, but the timer is read first.
    detector.handle({ kind: 'tick' }, nowMs + 60_000);
    expect(detector.view()[0]!.state).toBe('alive');
    expect(detector.healthScore).toBe(1);
  });
});
