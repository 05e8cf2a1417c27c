import { expect, test } from 'vitest';
import type { WorkflowEvent } from '../client/index.ts';
import { showAbstention, showPlan } from './plan-view.ts';
import { ProgressView } from './progress-view.ts';
import { showResult } from './result-view.ts';
import { cut, renderFields, renderTable, textWidth } from './table.ts';
import { duration, painter, printable, size, wantsColour } from './terminal.ts';
import { memorySession, readOnlyPlan } from './testing/index.ts';

test('columns are aligned, numbers to the right', () => {
  const table = renderTable(
    [{ title: 'section' }, { title: 'sum', align: 'right' }],
    [
      ['libs', '1200'],
      ['web', '7'],
    ],
  );
  expect(table.split('\n')).toEqual(['section   sum', 'libs     1200', 'web         7']);
});

test('a table fits its width by cutting its widest columns, and says where it cut', () => {
  const table = renderTable([{ title: 'id' }, { title: 'words' }], [['1', 'a very long sentence indeed']], {
    width: 20,
  });
  expect(table.split('\n')).toEqual(['id  words', '1   a very long sen…']);
  for (const line of table.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(20);
});

test('without a width nothing is cut', () => {
  expect(renderTable([{ title: 'words' }], [['x'.repeat(500)]])).toContain('x'.repeat(500));
});

test('wide and combining characters take the cells they take', () => {
  expect(textWidth('日本')).toBe(4);
  expect(textWidth('e\u0301')).toBe(1);
  expect(cut('日本語', 4)).toBe('日…');
  const table = renderTable(
    [{ title: 'name' }, { title: 'n' }],
    [
      ['日本', '1'],
      ['abc', '2'],
    ],
  );
  expect(table.split('\n')).toEqual(['name  n', '日本  1', 'abc   2']);
});

test('data cannot move the cursor, change colours or hide text', () => {
  expect(printable('a\u001b[2Jb\u202ec\u0007')).toBe('a\ufffd[2Jb\ufffdc\ufffd');
  expect(printable('two\nlines')).toBe('two lines');
  expect(renderTable([{ title: 'x' }], [['\u001b[31mred']])).toBe('x\n\ufffd[31mred');
});

test('fields are aligned and empty ones left out', () => {
  expect(
    renderFields([
      ['a', '1'],
      ['long', ''],
      ['bb', '2'],
    ]),
  ).toBe('a   1\nbb  2');
});

test('colours only on a terminal, and never with NO_COLOR', () => {
  expect(wantsColour({ isTTY: true }, {})).toBe(true);
  expect(wantsColour({ isTTY: false }, {})).toBe(false);
  expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColour({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
  expect(wantsColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  expect(painter(false).red('x')).toBe('x');
  expect(painter(true).red('x')).toBe('\u001b[31mx\u001b[39m');
});

test('times and sizes are short', () => {
  expect([0.2, 84, 1_234, 61_000, 3_700_000, 90_000_000].map(duration)).toEqual([
    '<1 ms',
    '84 ms',
    '1.23 s',
    '1 min 1 s',
    '1 h 1 min',
    '1 d 1 h',
  ]);
  expect([12, 1_500, 123_456, 200_000_000].map(size)).toEqual(['12 B', '1.5 kB', '123 kB', '200 MB']);
});

test('a plan shows its tasks, files, input, risk, and which words became what', () => {
  const { terminal, lines } = memorySession();
  const task = {
    ...(readOnlyPlan.plan as { tasks: object[] }).tasks[0]!,
    input: { groupBy: ['section'], aggregates: [{ function: 'sum', column: 'size' }], limit: 5 },
    files: { 'packages.csv': { blob: { digest: 'ab'.repeat(32), sizeBytes: 2_000 } } },
  };
  showPlan(terminal, {
    ...readOnlyPlan,
    plan: { ...(readOnlyPlan.plan as object), tasks: [task] },
    warnings: ['the file has 3 empty rows'],
  });
  const text = lines.join('\n');
  expect(lines[0]).toBe('plan  1 task · risk read-only · digest cdcdcdcd');
  expect(text).toContain('table.query  reads packages.csv (2.0 kB) · recomputed by a quorum');
  expect(text).toMatch(/groupBy +section\n/);
  expect(text).toMatch(/aggregates +\{function: sum, column: size\}\n/);
  expect(text).toContain('because  "count" became the aggregate count');
  expect(text).toContain('warning  the file has 3 empty rows');
});

test('a task at a site says that its data stays there and on whose word the result rests', () => {
  const { terminal, lines } = memorySession();
  const task = {
    ...(readOnlyPlan.plan as { tasks: object[] }).tasks[0]!,
    placement: { site: 'north', dataSet: 'packages' },
    endorsement: 'site',
    optional: true,
  };
  showPlan(terminal, { ...readOnlyPlan, plan: { ...(readOnlyPlan.plan as object), tasks: [task] } });
  expect(lines.join('\n')).toContain(
    'stays at site north, on its data set packages · rests on the word of its site · optional: named in the answer if it fails',
  );
});

test('an abstention asks its questions and shows what could have been meant', () => {
  const { terminal, errors } = memorySession();
  showAbstention(terminal, {
    kind: 'abstain',
    reason: 'missing_slot',
    message: 'which column is to be summed?',
    questions: ['Which column: size or installed_size?'],
    candidates: [{ skill: 'table.query', title: 'Query a table', example: 'total size per section in packages.csv' }],
  });
  expect(errors).toContain('  ? Which column: size or installed_size?');
  expect(errors.join('\n')).toContain('for example: "total size per section in packages.csv"');
});

function shownEvents(events: readonly object[]): string[] {
  const { terminal, lines } = memorySession();
  const view = new ProgressView(terminal);
  events.forEach((event, index) => {
    view.show({ key: String(index), atMs: index, task: 'total', attempt: 0, ...event } as unknown as WorkflowEvent);
  });
  return lines;
}

const vote = (node: string, value: string | null, kind = 'prevote', round = 0): object => ({
  type: 'vote',
  node,
  value,
  kind,
  round,
});
const decided = {
  type: 'decided',
  decision: 'ACCEPT',
  path: 'FAST',
  signers: ['amber', 'birch'],
  basis: 'recomputed by amber',
};

test('votes are one line with their decision', () => {
  const lines = shownEvents([
    vote('birch', 'v1'),
    vote('amber', 'v1'),
    vote('cedar', 'v2'),
    vote('dahlia', null),
    decided,
  ]);
  expect(lines).toEqual([
    '  total  votes     amber ✓ birch ✓ cedar ✗ dahlia –  → decided ACCEPT on the fast path',
    '  total  basis     recomputed by amber; signed by amber and birch',
  ]);
});

test('of several votes of a node its precommit in the last round is the one shown, whatever order they came in', () => {
  const [line] = shownEvents([
    vote('amber', null),
    vote('amber', 'v1', 'precommit', 1),
    vote('amber', 'v2', 'prevote', 1),
    vote('birch', 'v1', 'prevote', 1),
    { ...decided, path: 'COMMIT' },
  ]);
  expect(line).toBe('  total  votes     round 1: amber ✓ birch ✓  → decided ACCEPT by commit');
});

test('votes, runs and agreement that arrive after the decision are not shown, dissent is', () => {
  const late = { type: 'attestation', node: 'cedar', of: 'amber', verdict: 1, digest: 'ff'.repeat(32), durationMs: 3 };
  const lines = shownEvents([vote('amber', 'v1'), decided, vote('dahlia', 'v1'), late, { ...late, verdict: -1 }]);
  expect(lines).toHaveLength(3);
  expect(lines[2]).toBe('  total  verified  cedar ✗ finds ffffffff, not what amber says');
});

test('who runs, who verifies, what they found', () => {
  const lines = shownEvents([
    { type: 'opened', node: 'amber', words: '', tasks: [{ task: 'total', skill: 'table.query' }] },
    { type: 'assigned', executors: ['cedar'], verifiers: ['amber', 'birch'], node: 'dahlia' },
    { type: 'candidate', node: 'cedar', outcome: 'result', digest: '9b1c'.repeat(16), durationMs: 84 },
    { type: 'attestation', node: 'amber', of: 'cedar', verdict: 1, digest: '9b1c'.repeat(16), durationMs: 80 },
    { type: 'fault', node: 'birch', message: 'timeout' },
  ]);
  expect(lines).toEqual([
    '  total  assigned  cedar runs it · amber and birch verify',
    '  total  ran       cedar in 84 ms, result 9b1c9b1c',
    "  total  verified  amber ✓ recomputed cedar's result in 80 ms",
    '  total  fault     birch: timeout',
  ]);
});

test('attempts are counted from one for people, and a new one says so', () => {
  const lines = shownEvents([
    { ...decided, decision: 'REASSIGN', message: 'nobody answered' },
    { type: 'assigned', attempt: 1, executors: ['birch'], verifiers: [], node: 'amber' },
  ]);
  expect(lines[1]).toBe('  total  again     attempt 2 follows: nobody answered');
  expect(lines[2]).toBe('  total  assigned  birch runs it (attempt 2)');
});

test('a helper that only verifies is not told as nobody running it', () => {
  const lines = shownEvents([{ type: 'assigned', executors: [], verifiers: ['elm'], node: 'amber' }]);
  expect(lines).toEqual(['  total  assigned  elm verifies']);
});

test('a node that agrees with several executors is shown once', () => {
  const ran = (node: string): object => ({
    type: 'candidate',
    node,
    outcome: 'result',
    digest: 'd'.repeat(64),
    durationMs: 5,
  });
  const agrees = (node: string, of: string): object => ({
    type: 'attestation',
    node,
    of,
    verdict: 1,
    digest: 'd'.repeat(64),
    durationMs: 5,
  });
  const lines = shownEvents([
    ran('amber'),
    ran('birch'),
    agrees('amber', 'birch'),
    agrees('birch', 'amber'),
    agrees('cedar', 'amber'),
    agrees('cedar', 'birch'),
  ]);
  expect(lines).toHaveLength(3);
  expect(lines[2]).toBe("  total  verified  cedar ✓ recomputed amber's result in 5 ms");
});

test('evidence is loud, and its text cannot take over the terminal', () => {
  const [line] = shownEvents([{ type: 'evidence', node: 'dahlia', message: 'signed two votes\u001b[2J in round 0' }]);
  expect(line).toBe('  ⚠ EVIDENCE against dahlia: signed two votes\ufffd[2J in round 0');
});

test('waiting says how many members are needed and how many live, and shows the votes so far', () => {
  const lines = shownEvents([
    { type: 'opened', node: 'amber', words: '', tasks: [{ task: 'total', skill: 'table.query' }] },
    vote('amber', 'v1'),
    { type: 'waiting', message: 'cedar and dahlia are dead', needed: 3, live: 2 },
    { type: 'resumed', message: 'cedar is back' },
  ]);
  expect(lines).toEqual([
    '  total  votes     amber ✓',
    '         waiting   for a quorum: 3 members are needed, 2 are live. cedar and dahlia are dead',
    '         resumed   cedar is back',
  ]);
});

test('a change of steward is said, the first one only named', () => {
  const lines = shownEvents([
    { type: 'steward', node: 'amber' },
    { type: 'steward', node: 'amber' },
    { type: 'steward', node: 'birch' },
  ]);
  expect(lines).toEqual([
    '        steward   amber',
    '        steward   birch carries the workflow on in place of amber',
  ]);
});

function shownResult(value: unknown, width?: number): string[] {
  const { terminal, lines } = memorySession(width === undefined ? {} : { width });
  showResult(terminal, value);
  return lines;
}

test('a table is shown with its numbers exactly as certified', () => {
  const lines = shownResult({
    kind: 'table',
    columns: [
      { name: 'section', type: 'text' },
      { name: 'avg', type: 'number' },
    ],
    rows: [
      ['libs', '1234567.100000'],
      ['web', null],
    ],
    rowCount: 2,
    rowsBeforeLimit: 9,
  });
  expect(lines).toEqual(['  section             avg', '  libs     1234567.100000', '  web', '  the first 2 of 9']);
});

test('a site that is missing from the answer is named', () => {
  const lines = shownResult({
    columns: ['a'],
    rows: [['1']],
    parts: [
      { site: 'north', rows: 10, suppressedGroups: 2 },
      { site: 'south', missing: 'its nodes are down' },
    ],
  });
  expect(lines).toContain('  from north (10 rows, 2 small groups held back)');
  expect(lines).toContain('  NOT in this answer: site south (its nodes are down)');
});

test('long tables are cut with a count of what is left out', () => {
  const lines = shownResult({ columns: ['n'], rows: Array.from({ length: 60 }, (_, index) => [index]) });
  expect(lines).toHaveLength(52);
  expect(lines.at(-1)).toBe('  … and 10 more rows in the result file');
});

test('a triage is shown by what people look for: templates and anomalies', () => {
  const lines = shownResult({
    kind: 'triage',
    file: 'auth.log',
    lines: 394,
    blankLines: 0,
    untimedLines: 0,
    templates: [
      { rank: 1, template: 'Failed for <*>', count: 9, share: '0.9', level: null, example: 'Failed for root' },
    ],
    anomalies: [],
  });
  expect(lines).toEqual([
    '  file   auth.log',
    '  lines  394',
    '',
    '  templates',
    '  count  share  level  template',
    '      9  0.9           Failed for <*>',
  ]);
});

test('any other output is shown as fields, tables and text', () => {
  const lines = shownResult({
    kind: 'novel',
    totalLines: 12,
    templates: [
      { template: 'Failed password for <*>', count: 9 },
      { template: 'Accepted key', count: 3 },
    ],
    markdown: '# Title\n\ntext',
    languages: ['TypeScript', 'C'],
    empty: [],
  });
  expect(lines).toEqual([
    '  total lines  12',
    '',
    '  templates',
    '  template                 count',
    '  Failed password for <*>      9',
    '  Accepted key                 3',
    '',
    '  markdown',
    '  # Title',
    '  ',
    '  text',
    '  languages  TypeScript, C',
  ]);
});
