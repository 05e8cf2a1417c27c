// Law: a search ranks as the BM25 formula says, whatever the order of the files, and says what it did not read.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from './search.ts';
import { failureOf, TestFolder } from './test-files.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

interface Found {
  readonly hits: readonly { path: string; line: number; snippet: string; score: string }[];
  readonly skipped: readonly { path: string; reason: string }[];
  readonly matchingPassages: number;
  readonly passages: number;
}
const search = async (
  query: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  limit?: number,
): Promise<Found> =>
  (await run(
    { query, ...(limit !== undefined && { limit }) },
    Object.entries(files).map(([name, content]) => folder.file(name, content)),
  )) as Found;

describe('text.search', () => {
  test('scores are those of the formula', async () => {
    const { hits, passages } = await search('quorum vote', {
      'a.md': 'quorum quorum of nodes\n',
      'b.md': 'a vote and a quorum\n',
      'c.md': 'nothing here at all\n',
    });
    // Lengths 4, 5, 4; quorum in 2 of 3 passages, vote in 1 of 3.
    const idf = (count: number): number => Math.log(1 + (3 - count + 0.5) / (count + 0.5));
    const part = (weight: number, frequency: number, length: number): number =>
      (weight * frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * length) / (13 / 3)));
    expect(hits.map(({ path, score }) => [path, score])).toEqual([
      ['b.md', (part(idf(2), 1, 5) + part(idf(1), 1, 5)).toFixed(4)],
      ['a.md', part(idf(2), 2, 4).toFixed(4)],
    ]);
    expect(passages).toBe(3);
  });

  test('a hit names the line that holds most of the words', async () => {
    const text = `${'filler line\n'.repeat(20)}\nfirst line of a passage\nthe fencing token is the attempt number\nlast line\n`;
    const { hits } = await search('the fencing token', { 'docs/design.md': text, 'docs/other.md': 'a token\n' }, 1);
    expect(hits).toEqual([
      {
        path: 'docs/design.md',
        line: 23,
        snippet: 'the fencing token is the attempt number',
        score: expect.stringMatching(/^\d+\.\d{4}$/),
      },
    ]);
  });

  test('a longer word that begins with the searched one counts half; equal scores stand in path order', async () => {
    const { hits } = await search('certificate', {
      'z.md': 'one certificate\n',
      'b.md': 'one certificates\n',
      'a.md': 'one certificates\n',
    });
    expect(hits.map(({ path }) => path)).toEqual(['z.md', 'a.md', 'b.md']);
    expect(hits[1]!.score).toBe(hits[2]!.score);
    expect((await search('car', { 'a.md': 'carpet\n' })).hits).toEqual([]);
  });

  test('the order of the files does not matter', async () => {
    const files = { 'a.md': 'x token\n', 'b.md': 'token token\n', 'c.md': 'y\n' };
    const reversed = Object.fromEntries(Object.entries(files).reverse());
    expect(await search('token', reversed)).toEqual(await search('token', files));
  });

  test('a file that is no text is skipped and named, and leaves no trace in the scores', async () => {
    const texts = { 'a.md': 'token one\n', 'c.md': 'two\n' };
    const late = Buffer.concat([Buffer.from('token token\n\n'.repeat(30_000)), Buffer.from([0])]);
    const mixed = await search('token', { ...texts, 'b.bin': late });
    expect(mixed.hits).toEqual((await search('token', texts)).hits);
    expect(mixed.skipped).toEqual([{ path: 'b.bin', reason: 'nul_byte' }]);
    expect((await failureOf(search('token', { 'b.bin': late }))).code).toBe('nul_byte');
  });

  test('a query without words, and an empty file alone, are refused', async () => {
    expect((await failureOf(search('?!', { 'a.md': 'x\n' }))).code).toBe('bad_query');
    expect((await failureOf(search('x', { 'a.md': '' }))).code).toBe('empty_file');
  });
});
