// Law: data stays data in a report: what a cell holds can't end its cell, start a heading or become HTML.

/** Text safe inside a paragraph, a heading or a table cell: one line, no markup of its own. */
export function inline(value: unknown): string {
  if (value === null || value === undefined) return '';
  return String(value)
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]#|]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;');
}

/** A code span that the text can't close. */
export function code(value: string): string {
  const text = value.replace(/\s+/g, ' ').replaceAll('|', '¦');
  const fence = '`'.repeat(Math.max(0, ...[...text.matchAll(/`+/g)].map((match) => match[0].length)) + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return text === '' ? '' : `${fence}${pad}${text}${pad}${fence}`;
}

/** A Markdown table; cells are Markdown already. */
export function table(
  headers: readonly { readonly name: string; readonly right: boolean }[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(headers.map(({ name }) => name)),
    line(headers.map(({ right }) => (right ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

export function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}
