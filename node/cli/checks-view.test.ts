import { expect, test } from 'vitest';
import { type Check, showSections } from './checks-view.ts';
import { memorySession } from './testing/index.ts';

const ok = (subject: string, check: string): Check => ({ subject, check, ok: true, detail: 'well' });
const wrong = (subject: string, check: string): Check => ({
  subject,
  check,
  ok: false,
  detail: 'gone',
  fix: 'start it',
});
const note = (subject: string): Check => ({ subject, check: 'messages', ok: true, isNote: true, detail: '9 refused' });
const shown = (checks: readonly Check[], all = false): string[] => {
  const session = memorySession();
  showSections(session, [{ title: 'node-a', checks }], all);
  return session.lines.flatMap((line) => line.split('\n'));
};

test('what is well takes one line, whoever it is about', () => {
  const lines = shown([
    ok('node-a', 'disk'),
    ok('birch', 'connection'),
    ok('cedar', 'connection'),
    ok('birch', 'clock'),
  ]);
  expect(lines[0]).toBe('node-a  ✓ 4 checks: birch, cedar');
  expect(lines[2]).toMatch(/^nothing is wrong .*doctor --all/);
  expect(lines).toHaveLength(3);
});

test('what is wrong comes first, together for each peer, each with what to do', () => {
  const lines = shown([
    wrong('birch', 'clock'),
    ok('mesh', 'quorum'),
    wrong('cedar', 'version'),
    wrong('birch', 'version'),
  ]);
  expect(lines.slice(0, 8)).toEqual([
    'node-a',
    '  ✗ birch: clock: gone',
    '    → start it',
    '  ✗ birch: version: gone',
    '    → start it',
    '  ✗ cedar: version: gone',
    '    → start it',
    '  ✓ 1 check: mesh',
  ]);
  expect(lines.at(-1)).toMatch(/^3 of 4 checks failed/);
});

test('notes are no failures, and a few of them are shown; with --all each check of a peer stands under its name', () => {
  const checks = [ok('birch', 'clock'), ...['a', 'b', 'c', 'd', 'e'].map(note), ok('birch', 'version')];
  const short = shown(checks);
  expect(short.filter((line) => line.startsWith('  · '))).toHaveLength(4);
  expect(short).toContain('  · 2 more of what is worth knowing and not wrong');
  expect(short.at(-1)).toMatch(/^nothing is wrong/);
  const all = shown(checks, true);
  expect(all.filter((line) => line === '  birch')).toHaveLength(1);
  expect(all.filter((line) => /^ {4}[✓·] /.test(line))).toHaveLength(7);
});
