// Law: every kind of result a skill produces has one rendering; a result of no known kind is refused, not dumped.
import type { MergePart } from '../table/merge.ts';
import type { TableResult } from '../table/result.ts';
import { bullets, code, inline, table } from './markdown.ts';

type Fields = Readonly<Record<string, unknown>>;
const rows = (value: unknown): readonly Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);
const left = (name: string): { name: string; right: boolean } => ({ name, right: false });
const right = (name: string): { name: string; right: boolean } => ({ name, right: true });

function tableSection(value: Fields): string {
  const {
    columns,
    rows: data,
    rowCount,
    rowsBeforeLimit,
    parts,
  } = value as unknown as TableResult & { parts?: readonly MergePart[] };
  const numeric = (type: string): boolean => type === 'integer' || type === 'number';
  const blocks = [
    rowCount === 0
      ? 'No rows.'
      : table(
          columns.map(({ name, type }) => ({ name: inline(name), right: numeric(type) })),
          data.map((row) => row.map(inline)),
        ),
  ];
  if (rowsBeforeLimit > rowCount) blocks.push(`${rowCount} of ${rowsBeforeLimit} rows.`);
  if (parts !== undefined) {
    const lines = parts.map((part) =>
      'missing' in part
        ? `**${inline(part.site)}**: missing (${inline(part.missing)})`
        : `**${inline(part.site)}**: ${part.rows} rows, ${part.suppressedGroups} small groups held back`,
    );
    blocks.push('Sites:', bullets(lines));
  }
  return blocks.join('\n\n');
}

function triageSection(value: Fields): string {
  const seen =
    value.firstSeen === null ? 'no timestamps found' : `from ${inline(value.firstSeen)} to ${inline(value.lastSeen)}`;
  const blocks = [
    `${inline(value.messages)} messages in ${inline(value.lines)} lines of ${code(String(value.file))}, ${seen}; ${inline(value.templateCount)} templates.`,
  ];
  const anomalies = rows(value.anomalies);
  blocks.push('### What stands out');
  blocks.push(
    anomalies.length === 0
      ? 'Nothing.'
      : table(
          [left('kind'), left('template'), right('lines'), left('why'), right('example line')],
          anomalies.map((one) => [
            inline(one.kind),
            code(String(one.template)),
            inline(one.count),
            inline(one.detail),
            inline(one.exampleLine),
          ]),
        ),
  );
  blocks.push('### Templates');
  blocks.push(
    table(
      [
        right('count'),
        right('share'),
        left('level'),
        right('per minute'),
        left('first seen'),
        left('last seen'),
        left('template'),
      ],
      rows(value.templates).map((one) => [
        inline(one.count),
        inline(one.share),
        inline(one.level),
        inline(one.ratePerMinute),
        inline(one.firstSeen),
        inline(one.lastSeen),
        code(String(one.template)),
      ]),
    ),
  );
  return blocks.join('\n\n');
}

function searchSection(value: Fields): string {
  const hits = rows(value.hits);
  const summary = `${inline(value.matchingPassages)} of ${inline(value.passages)} passages in ${inline(value.files)} files match ${code(String(value.query))}.`;
  if (hits.length === 0) return summary;
  return `${summary}\n\n${table(
    [left('where'), right('score'), left('line')],
    hits.map((hit) => [code(`${hit.path}:${hit.line}`), inline(hit.score), code(String(hit.snippet))]),
  )}`;
}

function repositorySection(value: Fields): string {
  const blocks = [
    `${inline(value.files)} files, ${inline(value.lines)} lines, ${inline(value.bytes)} bytes; ${inline(value.foreignFiles)} files of other people's or built code left out.`,
  ];
  const languages = rows(value.languages);
  if (languages.length > 0) {
    blocks.push(
      '### Languages',
      table(
        [left('language'), right('files'), right('lines')],
        languages.map((one) => [inline(one.language), inline(one.files), inline(one.lines)]),
      ),
    );
  }
  const licences = rows(value.licences);
  if (licences.length > 0)
    blocks.push(
      '### Licences',
      bullets(licences.map((one) => `${code(String(one.path))}: ${inline(one.spdx ?? 'unknown')}`)),
    );
  for (const one of rows(value.packages)) {
    const dependencies = rows(one.dependencies);
    blocks.push(`### ${inline(one.path)}`);
    const described = [one.name, one.version]
      .filter((part) => part !== null)
      .map(inline)
      .join(' ');
    blocks.push(
      `${inline(one.ecosystem)}${described === '' ? '' : `: ${described}`}${one.licence === null ? '' : `, licence ${inline(one.licence)}`}, ${dependencies.length} dependencies.`,
    );
    if (dependencies.length > 0) {
      blocks.push(
        table(
          [left('dependency'), left('version'), left('scope')],
          dependencies.map((item) => [inline(item.name), inline(item.version), inline(item.scope)]),
        ),
      );
    }
  }
  const problems = rows(value.problems);
  if (problems.length > 0)
    blocks.push('### Problems', bullets(problems.map((one) => `${code(String(one.path))}: ${inline(one.problem)}`)));
  return blocks.join('\n\n');
}

const renderings: Readonly<Record<string, (value: Fields) => string>> = {
  table: tableSection,
  triage: triageSection,
  search: searchSection,
  repository: repositorySection,
};

/** Markdown for one result, without a heading. `undefined`: of no known kind. */
export function renderResult(value: unknown): string | undefined {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return typeof kind === 'string' && Object.hasOwn(renderings, kind) ? renderings[kind]!(value as Fields) : undefined;
}
