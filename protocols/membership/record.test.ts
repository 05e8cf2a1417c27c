// Law: see record.ts.
import { expect, test } from 'vitest';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { createRecordBook, maxRecordBytes, type RecordContent } from './record.ts';

const crypto = createCrypto();
const meshId = new Uint8Array(32).fill(1);
const [alice, bob] = [0, 1].map((index) => createRecordBook({ crypto, identity: testIdentity(index, crypto), meshId }));
const content: RecordContent = {
  name: 'alice',
  site: 'north',
  skills: ['table.query', 'text.search'],
  modelFamilies: ['none'],
  addresses: ['/ip4/127.0.0.1/tcp/4001'],
  capacity: 4,
  load: 250,
};

test('a record says what its member said, and anyone of the mesh can check it', () => {
  const { record, bytes } = alice!.issue(content, 7, false);
  expect(bob!.peek(bytes)).toEqual(record);
  expect(record).toEqual({ ...content, id: testIdentity(0, crypto).id, incarnation: 7, leaving: false });
  expect(bob!.verify(bytes)).toBe(true);
  const elsewhere = createRecordBook({ crypto, identity: testIdentity(1, crypto), meshId: new Uint8Array(32) });
  expect(elsewhere.verify(bytes)).toBe(false);
});

test('no flipped bit of a record passes', () => {
  const { bytes } = alice!.issue(content, 7, false);
  for (let i = 0; i < bytes.length; i++) {
    const flipped = bytes.slice();
    flipped[i]! ^= 1 << (i % 8);
    let passes = false;
    try {
      passes = bob!.verify(flipped);
    } catch (error) {
      expect((error as Error).name).toBe('MalformedBytes');
    }
    expect(passes, `byte ${i}`).toBe(false);
  }
});

test('a record out of bounds is refused where it is made', () => {
  const long = Array.from({ length: 64 }, (_, i) => `skill-${i}-${'x'.repeat(60)}`);
  expect(() => alice!.issue({ ...content, skills: long }, 1, false)).toThrow(new RegExp(`${maxRecordBytes} bytes`));
  expect(() => alice!.issue({ ...content, load: 1001 }, 1, false)).toThrow(RangeError);
  expect(() => alice!.issue({ ...content, name: 'x'.repeat(257) }, 1, false)).toThrow(RangeError);
});
