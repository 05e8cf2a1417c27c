import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { crc32c } from './crc32c.ts';
import { encodeRecord, type LogHead, logStart, readLog, recordPayloadMaxBytes, rewriteLog } from './index.ts';

const crypto = createCrypto();
const read = (bytes: Uint8Array) => readLog(bytes, logStart, crypto);

/** A log of these payloads: its bytes, where each record begins (and the end), and its head. */
function logOf(payloads: readonly Uint8Array[], after: LogHead = logStart) {
  let head = after;
  const parts: Uint8Array[] = [];
  const starts = [0];
  for (const payload of payloads) {
    const record = encodeRecord(payload, head, crypto);
    parts.push(record.bytes);
    starts.push(starts.at(-1)! + record.bytes.length);
    head = record.head;
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), starts, head, parts };
}

const payloads = fc.array(fc.uint8Array({ maxLength: 90 }), { minLength: 1, maxLength: 6 });
const payloadsOf = (reading: ReturnType<typeof read>): Uint8Array[] => reading.records.map((record) => record.payload);

it('CRC-32C matches RFC 3720 appendix B.4', () => {
  // Eight bytes at a time or one by one, in one part or in two: the same.
  const bytes = Uint8Array.from({ length: 61 }, (_, i) => (i * 37) & 0xff);
  const oneByOne = crc32c(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
  for (let at = 0; at <= bytes.length; at++) expect(crc32c(bytes.subarray(0, at), bytes.subarray(at))).toBe(oneByOne);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  expect(crc32c(utf8.encode('1234'), utf8.encode('56789'))).toBe(0xe3069283);
});

describe('the write-ahead log', () => {
  it('reads back what was written, and says where it ends', () => {
    fc.assert(
      fc.property(payloads, (written) => {
        const { bytes, head } = logOf(written);
        const reading = read(bytes);
        expect(reading.verdict).toBe('clean');
        expect(payloadsOf(reading)).toEqual(written);
        expect(reading.records.map((record) => record.sequence)).toEqual(written.map((_, i) => i + 1));
        expect(reading.head).toEqual(head);
        expect(reading.validBytes).toBe(bytes.length);
      }),
    );
    expect(read(new Uint8Array(0))).toEqual({ verdict: 'clean', records: [], validBytes: 0, head: logStart });
  });

  it('continues from a head: what was appended after a restart, and what a later file holds', () => {
    const first = logOf([utf8.encode('a'), utf8.encode('b')]);
    const second = logOf([utf8.encode('c')], read(first.bytes).head);
    expect(read(new Uint8Array([...first.bytes, ...second.bytes])).head).toEqual(second.head);
    expect(readLog(second.bytes, first.head, crypto)).toMatchObject({ verdict: 'clean', head: { sequence: 3 } });
    expect(read(second.bytes)).toMatchObject({
      verdict: 'damaged',
      problem: 'record 3 stands where 1 belongs, at byte 0',
    });
  });

  it('cut at any byte is clean at a record’s end and torn elsewhere, and keeps every whole record', () => {
    fc.assert(
      fc.property(payloads, (written) => {
        const { bytes, starts } = logOf(written);
        for (let length = 0; length <= bytes.length; length++) {
          const reading = read(bytes.subarray(0, length));
          const whole = starts.filter((start) => start <= length).length - 1;
          expect(reading.verdict).toBe(starts.includes(length) ? 'clean' : 'torn-tail');
          expect(payloadsOf(reading)).toEqual(written.slice(0, whole));
          expect(reading.validBytes).toBe(starts[whole]);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('with any one bit flipped is damaged, unless the bit is in the last record: then that record is torn', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 24 }), { minLength: 1, maxLength: 4 }), (written) => {
        const { bytes, starts } = logOf(written);
        const last = starts.at(-2)!;
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const bad = bytes.slice();
          bad[bit >> 3]! ^= 1 << (bit & 7);
          const reading = read(bad);
          const hit = starts.findLastIndex((start) => start <= bit >> 3);
          expect(reading.verdict, `bit ${bit}`).toBe(bit >> 3 < last ? 'damaged' : 'torn-tail');
          expect(payloadsOf(reading)).toEqual(written.slice(0, hit));
          expect(reading.validBytes).toBe(starts[hit]);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('with a stretch overwritten is damaged exactly where a whole record follows the stretch', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 120 }), (written, seed, noise) => {
        const { bytes, starts } = logOf(written);
        const from = seed % bytes.length;
        const bad = bytes.slice();
        bad.set(noise.subarray(0, bytes.length - from), from);
        fc.pre(Buffer.compare(bad, bytes) !== 0);
        const lastChanged = bad.findLastIndex((byte, i) => byte !== bytes[i]);
        expect(read(bad).verdict).toBe(lastChanged < starts.at(-2)! ? 'damaged' : 'torn-tail');
      }),
    );
  });

  it('missing, repeating or reordering a record is damaged, though each record is whole', () => {
    const { parts } = logOf(['a', 'b', 'c', 'd'].map(utf8.encode));
    const joined = (...order: readonly number[]) => read(new Uint8Array(Buffer.concat(order.map((i) => parts[i]!))));
    expect(joined(0, 1, 2, 3).verdict).toBe('clean');
    for (const order of [
      [1, 2, 3],
      [0, 2, 3],
      [0, 0, 1],
      [0, 1, 1],
      [1, 0],
      [0, 1, 3],
    ])
      expect(joined(...order).verdict).toBe('damaged');
  });

  it('with a record of another history in its place is damaged', () => {
    const mine = logOf(['a', 'b', 'c'].map(utf8.encode));
    const other = logOf(['x', 'b', 'c'].map(utf8.encode));
    const spliced = read(
      new Uint8Array([...mine.bytes.subarray(0, mine.starts[1]!), ...other.bytes.subarray(other.starts[1]!)]),
    );
    expect(spliced).toMatchObject({
      verdict: 'damaged',
      validBytes: mine.starts[1],
      problem: expect.stringMatching(/record 2 .* does not continue the record before it/),
    });
  });

  it('written on after a torn tail that nobody truncated is damaged', () => {
    const { bytes, starts, parts } = logOf(['a', 'b', 'c'].map(utf8.encode));
    const torn = bytes.subarray(0, starts[2]! + 20);
    expect(read(torn).verdict).toBe('torn-tail');
    expect(read(new Uint8Array([...torn, ...parts[2]!])).verdict).toBe('damaged');
  });

  it('with stray bytes between two records is damaged, be it a single one', () => {
    const { parts } = logOf(['a', 'b', 'c'].map(utf8.encode));
    for (const stray of [1, 2, 47, 48, 200]) {
      expect(read(new Uint8Array([...parts[0]!, ...new Uint8Array(stray), ...parts[1]!])).verdict).toBe('damaged');
    }
  });

  it('takes a tail of zeros, as a file system may leave it, for torn', () => {
    const { bytes } = logOf(['a', 'b'].map(utf8.encode));
    expect(read(new Uint8Array([...bytes, ...new Uint8Array(5000)]))).toMatchObject({
      verdict: 'torn-tail',
      validBytes: bytes.length,
    });
    expect(read(new Uint8Array(5000))).toMatchObject({ verdict: 'torn-tail', validBytes: 0 });
  });

  it('is not taken in by an old record inside a torn payload, and refuses on one from its own future', () => {
    const { bytes, head, parts } = logOf(['a', 'b'].map(utf8.encode));
    const tornAround = (payload: Uint8Array) => {
      const record = encodeRecord(payload, head, crypto).bytes;
      return read(new Uint8Array([...bytes, ...record.subarray(0, record.length - 1)])).verdict;
    };
    expect(tornAround(new Uint8Array([...parts[1]!, 0]))).toBe('torn-tail');
    const coming = encodeRecord(utf8.encode('x'), { sequence: 3, hash: head.hash }, crypto).bytes;
    expect(tornAround(new Uint8Array([...coming, 0]))).toBe('damaged');
  });

  it('reads a large torn tail in linear time', () => {
    const { bytes } = logOf([utf8.encode('a')]);
    const tail = new Uint8Array(4_000_000).map((_, i) => (i * 2654435761) >>> 24);
    const before = process.cpuUsage();
    expect(read(new Uint8Array(Buffer.concat([bytes, tail]))).verdict).toBe('torn-tail');
    const { user, system } = process.cpuUsage(before);
    // A tenth of a second of a processor; in quadratic time it would take hours.
    expect((user + system) / 1000).toBeLessThan(20_000);
  });

  it('refuses a payload beyond its limit', () => {
    expect(() => encodeRecord(new Uint8Array(recordPayloadMaxBytes + 1), logStart, crypto)).toThrow(RangeError);
  });
});

describe('a rewritten log', () => {
  /** A log of `old`, rewritten as `kept`, and written on with `later`. */
  function rewritten(old: readonly Uint8Array[], kept: readonly Uint8Array[], later: readonly Uint8Array[]) {
    const before = logOf(old);
    const { parts, head } = rewriteLog(kept, before.head, crypto);
    const after = logOf(later, head);
    const keptBytes = parts.reduce((sum, { length }) => sum + length, 0);
    return {
      before,
      baseBytes: parts[0]!.length,
      keptBytes,
      rewriteHead: head,
      head: after.head,
      starts: after.starts.map((start) => start + keptBytes),
      bytes: new Uint8Array(Buffer.concat([...parts, ...after.parts])),
    };
  }
  const some = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 4 });

  it('says what it was given and what was written since, and goes beyond every position of the log before', () => {
    fc.assert(
      fc.property(payloads, some, payloads, (old, kept, later) => {
        const log = rewritten(old, kept, later);
        const reading = read(log.bytes);
        expect(reading.verdict).toBe('clean');
        expect(payloadsOf(reading)).toEqual([...kept, ...later]);
        expect(reading.head).toEqual(log.head);
        expect(log.rewriteHead.sequence).toBe(log.before.head.sequence + 1 + kept.length);
        expect(reading.records.at(-1)!.sequence).toBe(reading.head.sequence);
      }),
    );
  });

  it('cut within what was rewritten is damaged, since that was durable before it was there; cut later it is torn', () => {
    fc.assert(
      fc.property(payloads, some, payloads, (old, kept, later) => {
        const log = rewritten(old, kept, later);
        for (let length = 1; length < log.bytes.length; length++) {
          const reading = read(log.bytes.subarray(0, length));
          if (length >= log.keptBytes)
            expect(reading.verdict).toBe(log.starts.includes(length) ? 'clean' : 'torn-tail');
          // Of a beginning that is not even one record nothing can be said; its head is below what peers saw.
          else if (length < log.baseBytes)
            expect(reading).toMatchObject({ verdict: 'torn-tail', head: { sequence: 0 } });
          else expect(reading.verdict).toBe('damaged');
        }
      }),
      { numRuns: 15 },
    );
  });

  it('with any one bit flipped is damaged, unless the bit is in the last record and was written later', () => {
    fc.assert(
      fc.property(some, some, fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 2 }), (old, kept, later) => {
        const log = rewritten(old, kept, later);
        const last = later.length === 0 ? log.bytes.length : log.starts.at(-2)!;
        for (let bit = 0; bit < log.bytes.length * 8; bit++) {
          const bad = log.bytes.slice();
          bad[bit >> 3]! ^= 1 << (bit & 7);
          expect(read(bad).verdict, `bit ${bit}`).toBe(bit >> 3 < last ? 'damaged' : 'torn-tail');
        }
      }),
      { numRuns: 8 },
    );
  });

  it('is damaged where its first page is lost, though nothing says which numbers it had', () => {
    const kept = Array.from({ length: 40 }, (_, i) => new Uint8Array(300).fill(i));
    const { bytes } = rewritten([utf8.encode('old')], kept, [utf8.encode('later')]);
    for (const fill of [0, 0xff, 1]) {
      const bad = bytes.slice();
      bad.fill(fill, 0, 4096);
      expect(read(bad).verdict).toBe('damaged');
    }
  });

  it('is not what a log is that lost its beginning, and two rewritings are not one log', () => {
    const { bytes, starts } = logOf(['a', 'b', 'c'].map(utf8.encode));
    expect(read(bytes.subarray(starts[1]!)).verdict).toBe('damaged');
    const first = rewritten([utf8.encode('a')], [utf8.encode('k')], []);
    const second = rewriteLog([utf8.encode('l')], first.head, crypto);
    expect(read(new Uint8Array(Buffer.concat(second.parts)))).toMatchObject({ verdict: 'clean', head: second.head });
    // One behind the other continues by its numbers; a base in the middle is a record like any other to the log, and none of the engine's.
    expect(read(new Uint8Array([...first.bytes, ...Buffer.concat(second.parts.slice(1))])).verdict).toBe('damaged');
  });
});
