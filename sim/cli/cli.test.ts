// Law: what is typed is run or refused in words, with the exit code that is written down; what a failure saves shows it again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseParameter, settings, withParameters } from './sweep.ts';

const launcher = fileURLToPath(new URL('../../bin/parley.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'parley-sim-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Generous: a command takes a second or two of a processor. */
const timeout = 240_000;

function sim(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, 'sim', ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout,
  });
  return { status, stdout, stderr };
}

const tooMuch = `name: too-much
nodes: 3
workload: [{ at: 1500ms, count: 3, work: one }]
faults:
  - { at: 1s, weather: { slower: 2 }, for: 1s }
phases: { faults: 3s }
expect: { p50: 1ms }
`;

describe('parley sim', () => {
  it('lists its commands and scenarios, and each command explains itself and its exit codes', { timeout }, () => {
    const help = sim('--help');
    expect(help.status).toBe(0);
    for (const name of ['run', 'fuzz', 'replay', 'shrink', 'diff', 'sweep', 'mutants', 'report', 'list', 'calibrate'])
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    expect(sim('fuzz', '--help').stdout).toMatch(/Examples:[\s\S]*Exit codes:/);
    const rows = JSON.parse(sim('list', '-o', 'json').stdout) as { name: string; nodes: number }[];
    expect(rows.length).toBeGreaterThanOrEqual(13);
    expect(rows.every(({ nodes }) => nodes >= 4)).toBe(true);
  });

  it('refuses what it cannot run, with exit code 2 and what to do', { timeout }, () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'name: wrong\nfaults:\n  - { at: 1s, crush: 1 }\n');
    writeFileSync(join(folder, 'escapes.json'), '\u001b[31mred');
    expect(sim('replay', 'escapes.json').stderr).not.toContain('\u001b');
    for (const [args, words] of [
      [['report', 'nothing.json'], 'there is no case file'],
      [['run', 'no-such'], 'partition-and-heal'],
      [['run', 'wrong.yaml'], 'wrong.yaml:3:5'],
      [['replay', 'nothing.json'], 'there is no case file'],
      [['run', 'quiet-day', '--seed', '-1'], 'whole number'],
      [['sweep', '--param', 'loss=1:0:1'], 'a ladder goes up'],
      [['fly'], 'unknown command'],
    ] as const) {
      const { status, stderr } = sim(...args);
      expect(stderr, args.join(' ')).toContain(words);
      expect(status, args.join(' ')).toBe(2);
    }
  });

  it('tells a failing run in one line, saves it, replays it to an event, shrinks it, and finds a run equal to itself', {
    timeout: 2 * timeout,
  }, () => {
    writeFileSync(join(folder, 'too-much.yaml'), tooMuch);
    const failed = sim('run', 'too-much.yaml', '--seed', '4');
    expect(failed.status).toBe(1);
    const line = failed.stdout.split('\n')[0]!;
    expect(line).toMatch(
      /^FAIL laws=expectation seed=4 code=[0-9a-f]{8} node=\S+ .*→ .*sim run too-much\.yaml --seed 4$/,
    );
    const cases = join(folder, '.parley', 'sim');
    const [name] = readdirSync(cases);
    const path = join(cases, name!);
    const again = JSON.parse(sim('replay', path, '-o', 'json').stdout) as { hash: string; verdict: string };
    expect(line).toContain(`hash=${again.hash}`);
    expect(again.verdict).toBe('violation');
    const there = sim('replay', path, '--until-event', '900');
    expect(there.stdout).toMatch(/^event 900 at /);
    expect(there.stdout).toContain('node-2');
    const small = join(folder, 'small.simcase.json');
    expect(sim('shrink', path, '--out', small, '--runs', '12').status).toBe(0);
    const { case: shrunk } = JSON.parse(readFileSync(small, 'utf8')) as { case: { plan: { faults: unknown[] } } };
    expect(shrunk.plan.faults).toEqual([]);
    expect(sim('diff', path, path)).toMatchObject({ status: 0, stdout: expect.stringContaining('the same run') });
    const differing = sim('diff', path, small);
    expect(differing.status).toBe(1);
    expect(differing.stdout).toMatch(/equal up to event \d+/);
  });

  it('fuzzes in threads, seed after seed, prints each failure once with its command, and counts what was reached', {
    timeout,
  }, () => {
    writeFileSync(join(folder, 'too-much.yaml'), tooMuch);
    const { status, stdout } = sim(
      'fuzz',
      'too-much.yaml',
      '--seeds',
      '3',
      '--jobs',
      '2',
      '-o',
      'json',
      '--out',
      join(folder, 'found'),
    );
    expect(status).toBe(1);
    const lines = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(
      lines
        .slice(0, -1)
        .map(({ seed }) => seed)
        .sort(),
    ).toEqual([1, 2, 3]);
    for (const { caseFile, laws } of lines.slice(0, -1)) {
      expect(laws).toEqual(['expectation']);
      expect(existsSync(String(caseFile))).toBe(true);
    }
    expect(lines.at(-1)).toMatchObject({ runs: 3, failures: 3, reached: { 'a workflow completed': 3 } });
  });

  it('sweeps a parameter, a row for each value, and writes a page about a run', { timeout }, () => {
    writeFileSync(join(folder, 'calm.yaml'), tooMuch.replace('expect: { p50: 1ms }\n', ''));
    const { rows } = JSON.parse(
      sim('sweep', 'calm.yaml', '--param', 'latency=1ms:41ms:40ms', '--seeds', '1', '-o', 'json').stdout,
    ) as {
      rows: { settings: object; ok: number; figures: { p50Ms: number } }[];
    };
    expect(rows.map(({ settings: setting, ok }) => [setting, ok])).toEqual([
      [{ 'network.latency': '1ms' }, 1],
      [{ 'network.latency': '41ms' }, 1],
    ]);
    expect(rows[1]!.figures.p50Ms).toBeGreaterThan(rows[0]!.figures.p50Ms + 41);
    const out = join(folder, 'page.html');
    expect(sim('report', 'calm.yaml', '--seed', '2', '--out', out, '--shiviz', join(folder, 'run.log')).status).toBe(0);
    expect(readFileSync(out, 'utf8')).toContain('every law held');
    expect(readFileSync(join(folder, 'run.log'), 'utf8').split('\n')[0]).toMatch(/^node-\d "start life 1/);
  });
});

describe('a parameter', () => {
  it('is a list or a ladder, as written and with its unit', () => {
    expect(parseParameter('loss=0:0.3:0.05').values).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(parseParameter('latency=10ms:100ms:30ms')).toEqual({
      path: 'network.latency',
      values: ['10ms', '40ms', '70ms', '100ms'],
    });
    expect(parseParameter('nodes=4,7')).toEqual({ path: 'nodes', values: [4, 7] });
    for (const wrong of ['loss', 'loss=0:1', 'loss=0:1:0', 'latency=1ms:1s:1ms', 'a=1:1000:1'])
      expect(() => parseParameter(wrong)).toThrow(/--param/);
  });

  it('comes in every combination with the others, and is set where its path says', () => {
    expect([
      ...settings([
        { path: 'a', values: [1, 2] },
        { path: 'b.c', values: ['x', 'y'] },
      ]),
    ]).toHaveLength(4);
    const raw = { name: 'n', network: { loss: 0.5 } };
    withParameters(raw, { 'network.latency': '5ms', nodes: 7 });
    expect(raw).toEqual({ name: 'n', nodes: 7, network: { loss: 0.5, latency: '5ms' } });
  });
});
