import { describe, expect, it } from 'vitest';
import type { BoardChange } from '../workflow/index.ts';
import { createEventHub, createLedger, watchChanges } from './index.ts';

describe('the ledger', () => {
  it('counts each thing done once, by its key, and sums those alike', () => {
    const ledger = createLedger();
    const heard: string[] = [];
    ledger.onCharge(({ node, what, workflow }) => void heard.push(`${node} ${what} ${workflow}`));
    expect([
      ledger.charge('dune', 'a', 'lied', 'w1'),
      ledger.charge('dune', 'a', 'lied', 'w1'),
      ledger.charge('dune', 'b', 'lied', 'w2'),
    ]).toEqual([true, false, true]);
    expect(ledger.charges()).toEqual([{ node: 'dune', what: 'lied', count: 2, workflow: 'w1' }]);
    expect(heard).toEqual(['dune lied w1', 'dune lied w2']);
    expect([ledger.isNamed('dune'), ledger.isNamed('elm')]).toEqual([true, false]);
  });
  it('holds a bounded number of different things, whatever members find to do', () => {
    const ledger = createLedger();
    for (let i = 0; i < 5_000; i++) ledger.charge('dune', `${i}`, `did ${i}`);
    expect(ledger.charges().length).toBeLessThanOrEqual(1_000);
    // One that fills the book does not keep another out of it.
    ledger.charge('elm', 'x', 'lied');
    expect(ledger.isNamed('elm')).toBe(true);
  });
});

describe('the events of a workflow', () => {
  const event = (key: string, type = 'vote') => ({ key, atMs: 0, type });
  it('are told once each, in order, and live to who listens', () => {
    const hub = createEventHub();
    const heard: string[] = [];
    const leave = hub.onEvent('w', ({ key }) => void heard.push(key));
    for (const key of ['a', 'b', 'a']) hub.emit('w', event(key));
    leave();
    hub.emit('w', event('c'));
    expect([hub.list('w').map(({ key }) => key), heard]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b'],
    ]);
  });
  it('include the end, however many votes a member casts before it', () => {
    const hub = createEventHub();
    for (let i = 0; i < 20_000; i++) hub.emit('w', event(`vote ${i}`));
    hub.emit('w', event('decided', 'decided'));
    hub.emit('w', event('ended', 'ended'));
    expect(
      hub
        .list('w')
        .slice(-2)
        .map(({ type }) => type),
    ).toEqual(['decided', 'ended']);
    expect(hub.list('w').length).toBeLessThanOrEqual(10_000);
  });
  it('of workflows nobody listens to make room for others', () => {
    const hub = createEventHub();
    hub.onEvent('w0', () => {});
    for (let i = 0; i < 1_500; i++) hub.emit(`w${i}`, event('a'));
    expect(hub.list('w1499')).toHaveLength(1);
    expect(hub.list('w0')).toHaveLength(1);
    expect(
      Array.from({ length: 1_500 }, (_, i) => hub.list(`w${i}`).length).reduce((sum, each) => sum + each),
    ).toBeLessThanOrEqual(1_000);
  });
});

describe('changes', () => {
  const change = (workflow: string) => ({ record: { workflow } }) as BoardChange;
  it('wake whoever looks once, however many there are, until it has looked', () => {
    let tell: (change: BoardChange) => void = () => {};
    let woken = 0;
    const changes = watchChanges(
      {
        onChange: (handler) => {
          tell = handler;
          return () => {};
        },
      },
      () => ++woken > 0,
    );
    for (let i = 0; i < 1_000; i++) tell(change(`w${i % 3}`));
    expect([woken, [...changes.take()]]).toEqual([1, ['w0', 'w1', 'w2']]);
    tell(change('w9'));
    expect([woken, [...changes.take()], [...changes.take()]]).toEqual([2, ['w9'], []]);
  });
  it('wake again where the first message was not taken', () => {
    let tell: (change: BoardChange) => void = () => {};
    let isFull = true;
    let woken = 0;
    const changes = watchChanges(
      {
        onChange: (handler) => {
          tell = handler;
          return () => {};
        },
      },
      () => {
        if (!isFull) woken++;
        return !isFull;
      },
    );
    tell(change('w1'));
    isFull = false;
    tell(change('w2'));
    expect([woken, [...changes.take()]]).toEqual([1, ['w1', 'w2']]);
  });
});
