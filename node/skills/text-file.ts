// Law: text is UTF-8 or a clear failure that says which byte of which line is not. Reading is in chunks, synchronous, in bounded memory.
// (Synchronous because a skill has its thread to itself; the sandbox ends the thread to stop it.)
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { SkillFailure, type SkillFile } from './skill.ts';

const chunkBytes = 256 * 1024;
/** No line of a text and no record of a table is longer. */
export const maxLineCharacters = 1024 * 1024;

/** The first `length` bytes of a file, fewer where it is shorter. */
export function firstBytes(file: SkillFile, length: number): Buffer {
  const descriptor = openSync(file.path, 'r');
  try {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(descriptor, buffer, filled, length - filled, null);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

export function* rawChunks(file: SkillFile): Generator<Buffer> {
  const descriptor = openSync(file.path, 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(chunkBytes);
      const count = readSync(descriptor, buffer, 0, chunkBytes, null);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The bytes of a UTF-8 file without its byte order mark, cut between characters. `atMostBytes` stops early (at a character).
 * Throws SkillFailure `wrong_encoding`, `nul_byte` or `not_utf8`.
 */
export function* utf8Chunks(file: SkillFile, atMostBytes = Number.POSITIVE_INFINITY): Generator<Buffer> {
  let carry: Buffer = Buffer.alloc(0);
  let offset = 0;
  for (const raw of rawChunks(file)) {
    let chunk = carry.length === 0 ? raw : Buffer.concat([carry, raw]);
    let start = offset - carry.length;
    const last = offset + raw.length >= atMostBytes;
    if (start === 0) {
      refuseWideEncodings(file, chunk);
      if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) {
        chunk = chunk.subarray(3);
        start = 3;
      }
    }
    offset += raw.length;
    const tail = incompleteTail(chunk);
    carry = chunk.subarray(chunk.length - tail);
    chunk = chunk.subarray(0, chunk.length - tail);
    check(file, chunk, start);
    if (chunk.length > 0) yield chunk;
    if (last) return;
  }
  if (carry.length > 0) check(file, carry, offset - carry.length);
}

/** How files begin that are often given another name. */
const otherFormats: readonly (readonly [magic: string, what: string])[] = [
  ['PK\u0003\u0004', 'a ZIP archive, as an .xlsx is; unpack it, or save the sheet as CSV'],
  ['\u001f\u008b', 'compressed with gzip; unpack it with gunzip'],
  ['BZh', 'compressed with bzip2; unpack it with bunzip2'],
  ['(\u00b5/\u00fd', 'compressed with zstd; unpack it with unzstd'],
  ['\u00fd7zXZ', 'compressed with xz; unpack it with unxz'],
  ['%PDF-', 'a PDF; save its table as CSV'],
  ['PAR1', 'a Parquet file; save it as CSV'],
];

/** What a file with a NUL byte in it is, where its first bytes say so. */
function otherFormatOf(file: SkillFile): string | undefined {
  const head = firstBytes(file, 16).toString('latin1');
  return otherFormats.find(([magic]) => head.startsWith(magic))?.[1];
}

function refuseWideEncodings(file: SkillFile, head: Buffer): void {
  const [a, b] = [head[0], head[1]];
  const order = a === 0xff && b === 0xfe ? 'little' : a === 0xfe && b === 0xff ? 'big' : undefined;
  if (order === undefined) return;
  throw new SkillFailure(
    'wrong_encoding',
    `'${file.name}' is UTF-16 (its first two bytes are the ${order}-endian byte order mark); save it as UTF-8, for example with iconv -f UTF-16 -t UTF-8`,
  );
}

/** How many bytes at the end belong to a character that goes on in the next chunk. */
function incompleteTail(chunk: Buffer): number {
  for (let back = 1; back <= Math.min(3, chunk.length); back++) {
    const byte = chunk[chunk.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

function check(file: SkillFile, chunk: Buffer, start: number): void {
  const nul = chunk.indexOf(0);
  if (nul >= 0 || !isUtf8(chunk)) {
    const other = otherFormatOf(file);
    if (other !== undefined) throw new SkillFailure('wrong_format', `'${file.name}' is ${other}`);
  }
  if (nul >= 0) {
    throw new SkillFailure(
      'nul_byte',
      `'${file.name}' has a NUL byte on line ${lineOfByte(file, start + nul)} (byte ${start + nul}): it is not a text file, or it is UTF-16 without a byte order mark; save it as UTF-8`,
    );
  }
  if (isUtf8(chunk)) return;
  const bad = start + firstInvalid(chunk);
  throw new SkillFailure(
    'not_utf8',
    `'${file.name}' is not UTF-8: line ${lineOfByte(file, bad)} has an invalid byte (byte ${bad}); if it is Latin-1, save it as UTF-8, for example with iconv -f ISO-8859-1 -t UTF-8`,
  );
}

/** The first byte that is not UTF-8, by bisection over prefixes cut between characters. */
function firstInvalid(chunk: Buffer): number {
  let valid = 0;
  let invalid = chunk.length;
  // A cut takes at most 3 bytes off the middle, so each step moves one end.
  while (invalid - valid > 8) {
    const middle = (valid + invalid) >> 1;
    const cut = middle - incompleteTail(chunk.subarray(0, middle));
    if (isUtf8(chunk.subarray(valid, cut))) valid = cut;
    else invalid = middle;
  }
  for (;;) {
    const at = valid;
    const length = [1, 2, 3, 4].find((bytes) => at + bytes <= chunk.length && isUtf8(chunk.subarray(at, at + bytes)));
    if (length === undefined) return valid;
    valid += length;
  }
}

function lineOfByte(file: SkillFile, offset: number): number {
  let line = 1;
  let position = 0;
  for (const chunk of rawChunks(file)) {
    for (let at = chunk.indexOf(10); at >= 0 && position + at < offset; at = chunk.indexOf(10, at + 1)) line++;
    position += chunk.length;
    if (position >= offset) break;
  }
  return line;
}

/**
 * The lines of a UTF-8 file without their ends (\n or \r\n). With `atMostBytes`, a line cut by the limit is left out.
 * Throws SkillFailure `line_too_long` besides what utf8Chunks throws.
 */
export function* textLines(file: SkillFile, atMostBytes = Number.POSITIVE_INFINITY): Generator<string> {
  let rest = '';
  let line = 1;
  for (const chunk of utf8Chunks(file, atMostBytes)) {
    const text = rest + chunk.toString('utf8');
    let start = 0;
    for (let end = text.indexOf('\n', start); end >= 0; end = text.indexOf('\n', start)) {
      const stop = end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      if (stop - start > maxLineCharacters) throw lineTooLong(file, line);
      yield text.slice(start, stop);
      line++;
      start = end + 1;
    }
    rest = text.slice(start);
    if (rest.length > maxLineCharacters) throw lineTooLong(file, line);
  }
  if (rest !== '' && file.sizeBytes <= atMostBytes) yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

function lineTooLong(file: SkillFile, line: number): SkillFailure {
  return new SkillFailure(
    'line_too_long',
    `line ${line} of '${file.name}' is longer than ${maxLineCharacters} characters (1 MiB); split it, or check that this is the right file`,
  );
}
