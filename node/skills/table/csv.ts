// Law: a CSV or TSV file is read as RFC 4180 has it, in constant memory, and its first malformed line stops the run with that line's
// number. Lenient only where files in the wild agree: \n or \r\n, a byte order mark, blank lines, and another delimiter than the comma.
import { type CsvError, Parser } from 'csv-parse';
import type { Cell } from '../cells.ts';
import { SkillFailure, type SkillFile } from '../skill.ts';
import { maxLineCharacters, utf8Chunks } from '../text-file.ts';
import { emptyFile, type TableSource } from './source.ts';

const maxColumns = 4096;

/** csv-parse driven chunk by chunk without the stream machinery: its transform is synchronous, and `push` is where records come out. */
class RecordReader extends Parser {
  records: string[][] = [];
  override push(record: string[] | null): boolean {
    if (record !== null) this.records.push(record);
    return true;
  }

  /** Parses one more chunk (`undefined`: the end). Returns the records completed by it and the error after them, if any. */
  parseChunk(chunk: Buffer | undefined): { records: string[][]; error: CsvError | undefined } {
    let error: CsvError | undefined;
    const done = (failed?: Error | null): void => {
      error = (failed as CsvError | null | undefined) ?? undefined;
    };
    if (chunk === undefined) this._flush(done);
    else this._transform(chunk, 'utf8', done);
    const records = this.records;
    this.records = [];
    return { records, error };
  }
}

/** The most frequent of , ; tab | outside quotes on the first line. */
function delimiterOf(firstChunk: Buffer): string {
  const counts = new Map([',', ';', '\t', '|'].map((delimiter) => [delimiter, 0]));
  let quoted = false;
  for (const character of firstChunk.subarray(0, 65_536).toString('utf8')) {
    if (character === '"') quoted = !quoted;
    else if (character === '\n' && !quoted) break;
    else if (!quoted && counts.has(character)) counts.set(character, counts.get(character)! + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/** `atMostBytes` reads only the file's beginning and drops a record cut by the limit: for a profile. */
export function openCsv(file: SkillFile, format: 'csv' | 'tsv', atMostBytes = Number.POSITIVE_INFINITY): TableSource {
  let line = 1;
  const records = readRecords();
  const header = records.next().value;
  if (header === undefined) throw emptyFile(file);
  let columns: string[];
  try {
    columns = columnNames(file, header);
  } catch (error) {
    records.return(undefined);
    throw error;
  }

  function* readRecords(): Generator<string[], undefined> {
    let reader: RecordReader | undefined;
    let nextLine = 1;
    let width = 0;
    const cut = file.sizeBytes > atMostBytes;
    const chunks = utf8Chunks(file, atMostBytes);
    try {
      for (;;) {
        const chunk = chunks.next();
        if (chunk.done === true && cut) return undefined;
        if (reader === undefined) {
          if (chunk.done === true) return undefined;
          reader = new RecordReader({
            delimiter: format === 'tsv' ? '\t' : delimiterOf(chunk.value),
            record_delimiter: ['\r\n', '\n'],
            relax_column_count: true,
            // Few TSV writers quote: a quote inside a TSV field is a character.
            relax_quotes: format === 'tsv',
            max_record_size: maxLineCharacters,
          });
        }
        const { records: batch, error } = reader.parseChunk(chunk.done === true ? undefined : chunk.value);
        for (const record of batch) {
          line = nextLine;
          nextLine++;
          for (const cell of record) if (cell.includes('\n')) nextLine += cell.split('\n').length - 1;
          if (record.length === 1 && record[0] === '' && width !== 1) continue;
          if (width === 0) width = record.length;
          if (record.length !== width) throw ragged(file, line, record.length, width);
          yield record;
        }
        if (error !== undefined) throw malformed(file, nextLine, error);
        if (chunk.done === true) return undefined;
      }
    } finally {
      chunks.return(undefined);
    }
  }

  return {
    columns,
    columnsComplete: true,
    *rows() {
      for (let next = records.next(); next.done !== true; next = records.next()) {
        const record: Cell[] = next.value;
        for (let i = 0; i < record.length; i++) if (record[i] === '') record[i] = null;
        yield record;
      }
    },
    place: () => `line ${line}`,
    close: () => void records.return(undefined),
  };
}

function columnNames(file: SkillFile, header: readonly string[]): string[] {
  if (header.some((name) => name.includes('\r'))) {
    throw new SkillFailure(
      'bare_carriage_returns',
      `'${file.name}' ends its lines with carriage returns only; save it with \\n or \\r\\n line ends`,
    );
  }
  if (header.length > maxColumns) {
    throw new SkillFailure(
      'too_many_columns',
      `'${file.name}' has ${header.length} columns; at most ${maxColumns} are read`,
    );
  }
  const names = header.map((name, index) => name.trim() || `column ${index + 1}`);
  const seen = new Map<string, number>();
  names.forEach((name, index) => {
    const first = seen.get(name);
    if (first !== undefined) {
      throw new SkillFailure(
        'duplicate_column',
        `'${file.name}' names two columns '${name}' (columns ${first + 1} and ${index + 1}); rename one of them in the header`,
      );
    }
    seen.set(name, index);
  });
  return names;
}

function ragged(file: SkillFile, line: number, found: number, expected: number): SkillFailure {
  return new SkillFailure(
    'ragged_row',
    `line ${line} of '${file.name}' has ${found} field${found === 1 ? '' : 's'}, the header has ${expected}; correct the line (a comma inside a field needs quotes around the field)`,
  );
}

function malformed(file: SkillFile, line: number, error: CsvError): SkillFailure {
  const where = `the record that starts on line ${line} of '${file.name}'`;
  switch (error.code) {
    case 'CSV_MAX_RECORD_SIZE':
      return new SkillFailure(
        'line_too_long',
        `${where} is longer than ${maxLineCharacters} characters (1 MiB); look for a quote that is never closed, or check that this is the right file`,
      );
    case 'CSV_QUOTE_NOT_CLOSED':
      return new SkillFailure(
        'unclosed_quote',
        `${where} opens a quote that is never closed; close it or double it ("")`,
      );
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'INVALID_OPENING_QUOTE':
      return new SkillFailure(
        'stray_quote',
        `${where} has a quote inside a field; quote the whole field and double the quote inside it ("")`,
      );
    default:
      return new SkillFailure('malformed_csv', `${where} can't be read (${error.code})`);
  }
}
