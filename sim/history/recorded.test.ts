import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sharedPath } from '../../test/support/shared.ts';
import { checkHistory, defaultLimits, parseHistory, smallestViolation } from './index.ts';
import { bench } from './testing/bench.ts';
import { writeHistory } from './write.ts';

const folder = sharedPath('conformance/histories');
const textOf = (path: string): string => readFileSync(join(folder!, path), 'utf8');

describe.skipIf(folder === undefined)('recorded histories (porcupine, linearizability-checker)', () => {
  it('have the verdicts they are known by: every run of etcd', () => {
    const expected = textOf('etcd/EXPECTED.txt').trim().split('\n');
    expect(expected.length).toBeGreaterThanOrEqual(70);
    const found = expected.map((line) => {
      const name = line.split(' ')[0]!;
      const { model, history } = parseHistory(textOf(`etcd/${name}.log`));
      expect(model).toBe('etcd');
      const { verdict, tableBytes } = checkHistory(history, { memoryBytes: 16 * 2 ** 20, steps: 2_000_000 });
      expect(tableBytes).toBeLessThanOrEqual(16 * 2 ** 20);
      return `${name} ${verdict === 'ok' ? 'true' : verdict === 'violation' ? 'false' : verdict}`;
    });
    expect(found).toEqual(expected);
  });

  it('have the verdicts they are known by: every run of the key-value store, also when written out and read again', () => {
    const names = readdirSync(join(folder!, 'kv'));
    expect(names.length).toBeGreaterThanOrEqual(4);
    for (const name of names) {
      const { model, history } = parseHistory(textOf(`kv/${name}`));
      expect(model).toBe('kv');
      const expected = name.includes('bad') ? 'violation' : 'ok';
      expect(checkHistory(history).verdict, name).toBe(expected);
      expect(checkHistory(parseHistory(writeHistory(history)).history).verdict, name).toBe(expected);
    }
  });

  it('are blamed where a person would blame them: the read of a text that nobody had appended yet', () => {
    const { history } = parseHistory(textOf('kv/c01-bad.txt'));
    const blame = smallestViolation(history, defaultLimits)!;
    expect(blame).toMatchObject({ places: 60, isSmallest: true, key: '7' });
    expect(history.lines[blame.places - 1]).toBe(60);
  });
});

it('the command says what it found and ends accordingly: 0, 1 with the smallest prefix, 3 for unknown, 2 for what it cannot read', () => {
  const own = mkdtempSync(join(tmpdir(), 'parley-histories-'));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url)), ...args], { encoding: 'utf8' });
  const file = (name: string, text: string): string => {
    writeFileSync(join(own, name), text);
    return join(own, name);
  };
  try {
    const good = file('good.edn', bench['late write'].text);
    const bad = file('bad.edn', bench['lost write'].text);
    const hard = file('hard.edn', bench['too hard'].text);
    const broken = file('broken.edn', '{:process 0, :type :ok, :f :read, :value 1}');
    expect(run(good)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^good\.edn {2}ok {2}\(etcd, 3 operations/),
    });
    const both = run(good, bad);
    expect(both.status).toBe(1);
    expect(both.stdout).toMatch(
      /bad\.edn {2}violation[\s\S]*first 4 events, up to line 4[\s\S]*read nil, asked in line 3/,
    );
    expect(run(hard, '--steps', '5000', '--memory-mb', '1')).toMatchObject({
      status: 3,
      stdout: expect.stringMatching(/unknown/),
    });
    expect(run(broken)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/line 1: process 0 has nothing under way/),
    });
    expect(run()).toMatchObject({ status: 2, stderr: expect.stringMatching(/no history named/) });
    expect(run(good, '--steps', 'many').status).toBe(2);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
});
