// Law: whose data is asked, and of which table, is said once.
import { sitesPhrases, sourcePhrases } from './lexicon.ts';
import type { Reader } from './reader.ts';
import { noted, type TableQuery } from './table-query.ts';
import type { Step } from './table-words.ts';

/** "across all sites", "in packages.csv", "from the packages table". */
export function* sitesAndSource(reader: Reader, query: TableQuery, at: number): Step {
  if (!query.acrossSites) {
    for (const end of reader.phrase(at, sitesPhrases)) {
      const names = reader.context.sites;
      const meaning = names === undefined ? 'every site' : `each of the sites ${names.join(', ')} on its own data`;
      yield [noted(query, { acrossSites: true }, { from: at, to: end, meaning }), end];
    }
  }
  if (query.sourceNamed) return;
  // "how many rows does orders.csv have"
  for (const start of reader.phrase(at, ['does', 'do'])) {
    for (const after of reader.source(reader.skipArticles(start))) {
      if (reader.is(after, 'have', 'contain', 'hold'))
        yield [
          noted(
            query,
            { sourceNamed: true },
            { from: at, to: after + 1, meaning: `the table ${reader.context.source}` },
          ),
          after + 1,
        ];
    }
  }
  // At the start a file may stand alone: "packages.csv: …".
  for (const end of at === 0 ? reader.optional(at, sourcePhrases) : reader.phrase(at, sourcePhrases)) {
    const isBare = end === at;
    for (const start of reader.optional(reader.skipArticles(end), [
      'file',
      'table',
      'data set',
      'dataset',
      'data in',
      'data of',
      'file named',
      'rows of',
      'rows in',
    ])) {
      for (const after of reader.source(start)) {
        if (isBare && !reader.is(after, ':', ',')) continue;
        for (const tail of reader.optional(after, ['file', 'table', 'data set', 'dataset', 'data'])) {
          yield [
            noted(query, { sourceNamed: true }, { from: at, to: tail, meaning: `the table ${reader.context.source}` }),
            tail,
          ];
        }
      }
    }
    // "in this file" is whichever table it turns out to be.
    const vague = isBare
      ? undefined
      : reader.longest(reader.skipArticles(end), ['file', 'table', 'data', 'data set', 'dataset']);
    if (vague !== undefined) yield [query, vague];
  }
}
