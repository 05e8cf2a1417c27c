// Law: an answer is shown in the shape of its data, exactly as certified: numbers are never reformatted, and what is left out is said.
import { list } from './progress-view.ts';
import { type Column, renderFields, renderTable } from './table.ts';
import { printable, printableLines, type Terminal } from './terminal.ts';

const maxRows = 50;
const maxTextLines = 200;

type Json = Record<string, unknown>;

/** What people look for first in the outputs of the built-in skills, by `kind`; an unknown kind is shown whole. */
const layouts: Readonly<Record<string, Layout>> = {
  triage: {
    fields: ['file', 'lines', 'firstSeen', 'lastSeen', 'templateCount', 'unclusteredLines', 'untimedLines'],
    lists: { templates: ['count', 'share', 'level', 'template'], anomalies: ['kind', 'count', 'detail', 'template'] },
  },
  search: {
    fields: ['query', 'files', 'matchingPassages', 'skippedFiles'],
    lists: { hits: ['score', 'path', 'line', 'snippet'] },
  },
  repository: {
    fields: ['files', 'lines', 'bytes', 'binaryFiles', 'foreignFiles'],
    lists: {
      languages: ['language', 'files', 'lines', 'bytes'],
      packages: ['name', 'version', 'ecosystem', 'licence', 'dependencies', 'path'],
      licences: ['path', 'spdx'],
      largestFiles: ['bytes', 'path'],
      problems: ['path', 'problem'],
    },
  },
};

interface Layout {
  readonly fields: readonly string[];
  /** Columns of each list, in order. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

export function showResult(terminal: Terminal, value: unknown): void {
  if (!isObject(value)) {
    terminal.out(typeof value === 'string' ? printableLines(value) : printable(JSON.stringify(value)));
    return;
  }
  if (Array.isArray(value.columns) && Array.isArray(value.rows)) showTable(terminal, value);
  else {
    const layout = layouts[String(value.kind)];
    if (layout === undefined) showObject(terminal, value, '');
    else showLayout(terminal, value, layout);
  }
  showParts(terminal, value);
}

function showTable(terminal: Terminal, value: Json): void {
  const columns = (value.columns as unknown[]).map((column): Column => {
    if (!isObject(column)) return { title: String(column) };
    return {
      title: String(column.name),
      align: column.type === 'integer' || column.type === 'number' ? 'right' : 'left',
    };
  });
  const rows = value.rows as readonly (readonly unknown[])[];
  const shown = rows.slice(0, maxRows).map((row) => row.map(cell));
  terminal.out(renderTable(columns, shown, { indent: '  ', width: terminal.width, paint: terminal.paint }));
  if (rows.length === 0) terminal.out(terminal.paint.dim('  (no rows)'));
  else if (rows.flat().every((value) => value === null))
    terminal.out(terminal.paint.dim('  (empty: no row has a value here)'));
  more(terminal, rows.length, maxRows, 'rows');
  const before = value.rowsBeforeLimit;
  if (typeof before === 'number' && before > rows.length)
    terminal.out(terminal.paint.dim(`  the first ${rows.length} of ${before}`));
}

/** Sites that took part, and, loudly, those that did not. */
function showParts(terminal: Terminal, value: Json): void {
  if (!Array.isArray(value.parts)) return;
  const parts = value.parts.filter(isObject);
  const present = parts.filter((part) => part.missing === undefined);
  if (present.length > 0) {
    const named = present.map((part) => {
      const held = Number(part.suppressedGroups ?? 0);
      return `${part.site} (${part.rows} rows${held > 0 ? `, ${held} small groups held back` : ''})`;
    });
    terminal.out(terminal.paint.dim(`  from ${printable(list(named))}`));
  }
  for (const part of parts) {
    if (part.missing === undefined) continue;
    terminal.out(
      terminal.paint.yellow(
        terminal.paint.bold(
          `  NOT in this answer: site ${printable(String(part.site))} (${printable(String(part.missing))})`,
        ),
      ),
    );
  }
}

function showLayout(terminal: Terminal, value: Json, layout: Layout): void {
  const { paint } = terminal;
  // A count of nothing is no news.
  const fields = layout.fields.filter((key) => value[key] !== 0 && value[key] !== null && value[key] !== undefined);
  terminal.out(
    renderFields(
      fields.map((key) => [heading(key), printable(cell(value[key]))] as const),
      { indent: '  ', paint },
    ),
  );
  for (const [key, columns] of Object.entries(layout.lists)) {
    const items = value[key];
    if (Array.isArray(items)) showList(terminal, items, heading(key), columns);
  }
}

/** Scalars as fields, lists of objects as tables, text as text, whatever the skill. */
function showObject(terminal: Terminal, value: Json, title: string): void {
  const { paint } = terminal;
  const entries = Object.entries(value).filter(([key]) => key !== 'kind' && key !== 'parts');
  const scalars = entries.filter(([, item]) => isScalar(item) && !isLongText(item));
  if (title !== '') terminal.out(`\n  ${paint.bold(title)}`);
  if (scalars.length > 0) {
    terminal.out(
      renderFields(
        scalars.map(([key, item]) => [heading(key), printable(cell(item))] as const),
        { indent: '  ', paint },
      ),
    );
  }
  for (const [key, item] of entries) {
    const name = title === '' ? heading(key) : `${title} · ${heading(key)}`;
    if (isLongText(item)) showText(terminal, item, name);
    else if (Array.isArray(item)) showList(terminal, item, name);
    else if (isObject(item)) {
      if (Array.isArray(item.columns) && Array.isArray(item.rows)) {
        terminal.out(`\n  ${paint.bold(name)}`);
        showTable(terminal, item);
      } else if (Object.keys(item).length > 0) showObject(terminal, item, name);
    }
  }
}

function showText(terminal: Terminal, text: string, name: string): void {
  terminal.out(`\n  ${terminal.paint.bold(name)}`);
  const lines = printableLines(text.replace(/\n$/, '')).split('\n');
  for (const line of lines.slice(0, maxTextLines)) terminal.out(`  ${line}`);
  more(terminal, lines.length, maxTextLines, 'lines');
}

function showList(terminal: Terminal, items: readonly unknown[], name: string, chosen?: readonly string[]): void {
  if (items.length === 0) return;
  const { paint } = terminal;
  if (!items.every(isObject)) {
    const shown = items.slice(0, maxRows).map(cell).join(', ');
    terminal.out(
      renderFields(
        [[name, printable(items.length > maxRows ? `${shown}, and ${items.length - maxRows} more` : shown)]],
        { indent: '  ', paint },
      ),
    );
    return;
  }
  const keys = chosen ?? [...new Set(items.slice(0, maxRows).flatMap((item) => Object.keys(item)))];
  const columns = keys.map((key): Column => {
    const isNumeric = items.every(
      (item) => item[key] === undefined || item[key] === null || typeof item[key] === 'number',
    );
    return { title: heading(key), align: isNumeric ? 'right' : 'left' };
  });
  terminal.out(`\n  ${paint.bold(name)}`);
  const rows = items.slice(0, maxRows).map((item) => keys.map((key) => cell(item[key])));
  terminal.out(renderTable(columns, rows, { indent: '  ', width: terminal.width, paint }));
  more(terminal, items.length, maxRows, 'rows');
}

function more(terminal: Terminal, count: number, shown: number, what: string): void {
  if (count > shown) terminal.out(terminal.paint.dim(`  … and ${count - shown} more ${what} in the result file`));
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.some(isObject) ? String(value.length) : value.map(cell).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** `firstSeen` → `first seen`: keys are for programs. */
function heading(key: string): string {
  return printable(
    key.replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`),
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}
function isLongText(value: unknown): value is string {
  return typeof value === 'string' && value.includes('\n');
}
