// Law: what the Journal and Snapshots ports promise, every implementation keeps. The replay table is that of Pekko's JournalSpec.
import { describe, expect, it } from 'vitest';
import { type Journal, JournalConflict, type Snapshots } from '../../index.ts';

const all = Number.POSITIVE_INFINITY;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

async function sequences(journal: Journal, id: string, from: number, to: number, max: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence, event } of journal.replay(id, from, to, max)) {
    expect(text(event)).toBe(`${id}-${sequence}`);
    found.push(sequence);
  }
  return found;
}

/** `open` gives a fresh, empty journal, and the same one again after `reopen`, as after a restart. */
export interface JournalHarness {
  open(): Promise<{ readonly journal: Journal; reopen(): Promise<Journal>; close(): Promise<void> }>;
}

export function journalContract(name: string, harness: JournalHarness): void {
  describe(`${name} keeps the Journal contract`, () => {
    const withFive = async (
      run: (journal: Journal, reopen: () => Promise<Journal>) => Promise<void>,
    ): Promise<void> => {
      const { journal, reopen, close } = await harness.open();
      try {
        expect(await journal.append('a', 0, [bytes('a-1'), bytes('a-2')])).toBe(2);
        expect(await journal.append('a', 2, [bytes('a-3'), bytes('a-4'), bytes('a-5')])).toBe(5);
        expect(await journal.append('b', 0, [bytes('b-1')])).toBe(1);
        await run(journal, reopen);
      } finally {
        await close();
      }
    };

    const table: readonly (readonly [
      from: number,
      to: number,
      max: number,
      expected: readonly number[],
      what: string,
    ])[] = [
      [1, all, all, [1, 2, 3, 4, 5], 'all'],
      [3, all, all, [3, 4, 5], 'a lower bound'],
      [1, 3, all, [1, 2, 3], 'an upper bound'],
      [1, all, 3, [1, 2, 3], 'a count'],
      [2, 5, 2, [2, 3], 'both bounds and a count'],
      [2, 2, all, [2], 'bounds that meet'],
      [2, 4, 0, [], 'a count of none'],
      [3, 2, all, [], 'a lower bound above the upper'],
      [6, all, all, [], 'a lower bound above the highest'],
      [0, all, all, [1, 2, 3, 4, 5], 'a lower bound below the first'],
    ];
    for (const [from, to, max, expected, what] of table) {
      it(`pekko JournalSpec: replays (${from}, ${to}, ${max}) → ${expected.join(',') || 'nothing'}: ${what}`, () =>
        withFive(async (journal) => expect(await sequences(journal, 'a', from, to, max)).toEqual(expected)));
    }

    it('pekko JournalSpec: what was deleted is not replayed, and the highest sequence survives it', () =>
      withFive(async (journal) => {
        await journal.deleteTo('a', 3);
        expect(await sequences(journal, 'a', 1, all, all)).toEqual([4, 5]);
        expect(await journal.highest('a')).toBe(5);
        await journal.deleteTo('a', all);
        expect(await sequences(journal, 'a', 1, all, all)).toEqual([]);
        expect(await journal.highest('a')).toBe(5);
        expect(await journal.append('a', 5, [bytes('a-6')])).toBe(6);
        expect(await sequences(journal, 'a', 1, all, all)).toEqual([6]);
      }));

    it('pekko JournalSpec: ids are worlds of their own, whatever they look like', () =>
      withFive(async (journal) => {
        await journal.deleteTo('a', 5);
        expect(await sequences(journal, 'b', 1, all, all)).toEqual([1]);
        const strange = ['a/1', 'a/', '/', '', 'é', 'a%2F1', '..', 'A'];
        for (const id of strange) await journal.append(id, 0, [bytes(`${id}-1`)]);
        for (const id of strange) expect(await sequences(journal, id, 1, all, all)).toEqual([1]);
        expect(await journal.highest('a')).toBe(5);
      }));

    it('knows nothing of an id nobody appended to', () =>
      withFive(async (journal) => {
        expect(await journal.highest('c')).toBe(0);
        expect(await sequences(journal, 'c', 1, all, all)).toEqual([]);
        await journal.deleteTo('c', all);
      }));

    it('refuses an append after anything but the highest sequence, and keeps nothing of it', () =>
      withFive(async (journal) => {
        for (const after of [0, 4, 6]) {
          const refused = journal.append('a', after, [bytes('x')]);
          await expect(refused).rejects.toBeInstanceOf(JournalConflict);
          await expect(refused).rejects.toMatchObject({ id: 'a', afterSequence: after, highestSequence: 5 });
        }
        expect(await sequences(journal, 'a', 1, all, all)).toEqual([1, 2, 3, 4, 5]);
      }));

    it('lets one of many appends at once win, and the losers know', () =>
      withFive(async (journal) => {
        const outcomes = await Promise.allSettled(
          Array.from({ length: 8 }, () => journal.append('a', 5, [bytes('a-6')])),
        );
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await sequences(journal, 'a', 1, all, all)).toEqual([1, 2, 3, 4, 5, 6]);
      }));

    it('numbers across every power of sixteen in order', () =>
      withFive(async (journal) => {
        await journal.append(
          'b',
          1,
          Array.from({ length: 299 }, (_, index) => bytes(`b-${index + 2}`)),
        );
        expect(await sequences(journal, 'b', 254, 258, all)).toEqual([254, 255, 256, 257, 258]);
        expect(await journal.highest('b')).toBe(300);
      }));

    it('keeps what it was given, even if the giver writes over it afterwards', () =>
      withFive(async (journal) => {
        const event = bytes('b-2');
        await journal.append('b', 1, [event]);
        event.fill(0);
        expect(await sequences(journal, 'b', 2, 2, all)).toEqual([2]);
      }));

    it('holds after a restart what it held before', () =>
      withFive(async (journal, reopen) => {
        await journal.deleteTo('a', 2);
        const again = await reopen();
        expect(await sequences(again, 'a', 1, all, all)).toEqual([3, 4, 5]);
        expect(await again.highest('a')).toBe(5);
        await expect(again.append('a', 3, [bytes('x')])).rejects.toBeInstanceOf(JournalConflict);
        expect(await again.append('a', 5, [bytes('a-6')])).toBe(6);
      }));
  });
}

export interface SnapshotsHarness {
  open(): Promise<{ readonly snapshots: Snapshots; reopen(): Promise<Snapshots>; close(): Promise<void> }>;
}

export function snapshotsContract(name: string, harness: SnapshotsHarness): void {
  describe(`${name} keeps the Snapshots contract`, () => {
    it('pekko SnapshotStoreSpec: loads newest first, per id, and nothing for an id without snapshots', async () => {
      const { snapshots, reopen, close } = await harness.open();
      try {
        for (const sequence of [10, 300, 20]) await snapshots.save('a', { sequence, state: bytes(`a${sequence}`) });
        await snapshots.save('a/1', { sequence: 5, state: bytes('other') });
        const texts = async (from: Snapshots, id: string) =>
          (await from.load(id)).map(({ sequence, state }) => [sequence, text(state)]);
        expect(await texts(snapshots, 'a')).toEqual([
          [300, 'a300'],
          [20, 'a20'],
          [10, 'a10'],
        ]);
        expect(await texts(snapshots, 'none')).toEqual([]);
        await snapshots.save('a', { sequence: 20, state: bytes('again') });
        await snapshots.deleteTo('a', 10);
        const again = await reopen();
        expect(await texts(again, 'a')).toEqual([
          [300, 'a300'],
          [20, 'again'],
        ]);
        await again.deleteTo('a', 300);
        expect(await texts(again, 'a')).toEqual([]);
        expect(await texts(again, 'a/1')).toEqual([[5, 'other']]);
      } finally {
        await close();
      }
    });
  });
}
