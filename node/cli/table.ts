// Law: a table is aligned whatever the script, fits the terminal it is shown on, and is never cut where it is read by a program.
import { type Paint, plainPaint, printable } from './terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export interface TableOptions {
  /** Columns available; undefined = as wide as it needs. */
  readonly width?: number | undefined;
  readonly indent?: string;
  readonly paint?: Paint;
}

const gap = '  ';
const smallestColumn = 6;

export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const paint = options.paint ?? plainPaint;
  const indent = options.indent ?? '';
  const titles = columns.map(({ title }) => printable(title));
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? '')));
  const widths = titles.map((title, index) =>
    cells.reduce((most, row) => Math.max(most, textWidth(row[index]!)), textWidth(title)),
  );
  shrink(
    widths,
    options.width === undefined ? undefined : options.width - indent.length - gap.length * (columns.length - 1),
  );
  const line = (row: readonly string[], style: (text: string) => string): string => {
    const padded = row.map((cell, index) => pad(cut(cell, widths[index]!), widths[index]!, columns[index]!.align));
    return indent + style(padded.join(gap).trimEnd());
  };
  return [line(titles, paint.bold), ...cells.map((row) => line(row, (text) => text))].join('\n');
}

/** Key and value lines, the values aligned. Empty values are left out. */
export function renderFields(fields: readonly (readonly [string, string])[], options: TableOptions = {}): string {
  const paint = options.paint ?? plainPaint;
  const indent = options.indent ?? '';
  const shown = fields.filter(([, value]) => value !== '');
  const widest = shown.reduce((most, [key]) => Math.max(most, textWidth(key)), 0);
  return shown.map(([key, value]) => `${indent}${paint.dim(pad(key, widest))}  ${value}`).join('\n');
}

/** Takes the excess from the widest columns first, and leaves each column readable. */
function shrink(widths: number[], available: number | undefined): void {
  if (available === undefined) return;
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= smallestColumn) return;
    widths[widths.indexOf(widest)] = widest - 1;
    excess--;
  }
}

export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? fill + text : text + fill;
}

export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let shown = '';
  let used = 0;
  for (const character of text) {
    const next = characterWidth(character);
    if (used + next > width - 1) break;
    shown += character;
    used += next;
  }
  return `${shown}…`;
}

/** Terminal cells that `text` takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** Wide: East Asian full-width blocks and emoji. None: combining marks and joiners. */
function characterWidth(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (/\p{Mn}|\p{Me}|\u200b|\u200c|\u200d/u.test(character)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}
