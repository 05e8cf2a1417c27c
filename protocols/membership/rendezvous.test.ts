// Law: see rendezvous.ts.
import { expect, test } from 'vitest';
import { createCrypto } from '../../test/support/world.ts';
import { rendezvous } from './rendezvous.ts';

const crypto = createCrypto();
const ids = Array.from({ length: 10 }, (_, i) => `node-${i}`);

test('the order depends on the key and the set of ids, not on how they are given', () => {
  const order = rendezvous('workflow 1', ids, crypto);
  expect([...order].sort()).toEqual(ids);
  expect(rendezvous(new TextEncoder().encode('workflow 1'), [...ids].reverse().concat(ids), crypto)).toEqual(order);
  expect(rendezvous('workflow 2', ids, crypto)).not.toEqual(order);
  expect(rendezvous('any', [], crypto)).toEqual([]);
});

test('this order is the same on every machine and in every version', () => {
  expect(rendezvous('parley', ['a', 'b', 'c', 'd', 'e'], crypto)).toEqual(['d', 'a', 'b', 'e', 'c']);
});

test('when a node goes, the others keep their order, so only what it led moves', () => {
  for (let key = 0; key < 200; key++) {
    const order = rendezvous(`key ${key}`, ids, crypto);
    const gone = ids[key % ids.length]!;
    expect(
      rendezvous(
        `key ${key}`,
        ids.filter((id) => id !== gone),
        crypto,
      ),
    ).toEqual(order.filter((id) => id !== gone));
  }
});

test('every node leads its share of keys', () => {
  const led = new Map<string, number>();
  for (let key = 0; key < 2_000; key++) {
    const [first] = rendezvous(`key ${key}`, ids, crypto) as [string];
    led.set(first, (led.get(first) ?? 0) + 1);
  }
  // 200 each expected, standard deviation 13.4: five of them either way.
  for (const id of ids) expect(Math.abs(led.get(id)! - 200)).toBeLessThan(67);
});
