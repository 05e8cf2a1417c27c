// Law: a log's templates, times and anomalies are what its lines say.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { exampleFile, failureOf, TestFolder } from '../test-files.ts';
import { levelOf, readLogLine } from './lines.ts';
import { maskVariables, Templates } from './templates.ts';
import { formatTime, readTimestamp } from './timestamps.ts';
import { run } from './triage.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

interface Triage {
  readonly messages: number;
  readonly continuationLines: number;
  readonly untimedLines: number;
  readonly bucketSeconds: number;
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
  readonly templates: readonly {
    template: string;
    count: number;
    share: string;
    level: string | null;
    firstSeen: string | null;
    lastSeen: string | null;
    ratePerMinute: string | null;
    exampleLine: number;
  }[];
  readonly anomalies: readonly { kind: string; template: string; count: number; detail: string }[];
}
const triage = async (content: string, input: unknown = {}): Promise<Triage> =>
  (await run(input, [folder.file('x.log', content)])) as Triage;

describe('timestamps', () => {
  test('ISO 8601, syslog, Apache and epoch times are read, and shown with no more than they said', () => {
    const shown = (line: string): string | undefined => {
      const stamp = readTimestamp(line, 2000);
      return stamp === undefined ? undefined : formatTime(stamp.ms, stamp.zone);
    };
    const cases: readonly [string, string][] = [
      ['2026-03-01T10:00:01Z started', '2026-03-01T10:00:01Z'],
      ['2026-03-01T10:00:01.123456+02:00 started', '2026-03-01T08:00:01Z'],
      ['[2026-03-01 10:00:01,123] started', '2026-03-01T10:00:01'],
      ['2026/03/01 10:00:01 [error] 12#0: x', '2026-03-01T10:00:01'],
      ['Mar  1 10:00:01 gate sshd[1]: x', '--03-01T10:00:01'],
      ['<34>Feb 29 10:00:01 gate su: x', '--02-29T10:00:01'],
      ['192.0.2.1 - - [01/Mar/2026:10:00:01 +0100] "GET / HTTP/1.1" 200 5', '2026-03-01T09:00:01Z'],
      ['[Sun Mar 01 10:00:01.123456 2026] [core:error] x', '2026-03-01T10:00:01'],
      ['1772359201 started', '2026-03-01T10:00:01Z'],
      ['1772359201.5 started', '2026-03-01T10:00:01Z'],
      ['1772359201500 started', '2026-03-01T10:00:01Z'],
    ];
    for (const [line, expected] of cases) expect(shown(line), line).toBe(expected);
    for (const line of [
      'started at 10:00',
      '2026-02-30T10:00:00Z x',
      '2026-03-01T24:00:00Z x',
      'Feb 30 10:00:01 x',
      '12345 items',
      '99999999999 x',
    ]) {
      expect(shown(line), line).toBeUndefined();
    }
  });

  test('a log without years may pass New Year', async () => {
    const result = await triage('Dec 31 23:59:30 gate a: tick\nJan  1 00:00:30 gate a: tick\n');
    expect([result.firstSeen, result.lastSeen, result.templates[0]!.ratePerMinute]).toEqual([
      '--12-31T23:59:30',
      '--01-01T00:00:30',
      '2',
    ]);
    expect((await triage('Dec 31 23:59:30 a: x\nJan  1 00:00:30 a: x\n', { year: 2025 })).lastSeen).toBe(
      '2026-01-01T00:00:30',
    );
  });
});

describe('levels', () => {
  test('a level is a marked word and never a word of the running text', () => {
    const cases: readonly [string, string | undefined][] = [
      ['ERROR could not open', 'error'],
      ['[core:error] AH00001', 'error'],
      ['gate sshd[1]: error: no route', 'error'],
      ['level=warn msg="slow"', 'warning'],
      ['main WARN slow', 'warning'],
      ['the user saw an error on the page', undefined],
      ['information desk open', undefined],
      ['fatal: Timeout before authentication', 'critical'],
    ];
    for (const [line, expected] of cases) expect(levelOf(line), line).toBe(expected);
  });

  test('JSON lines are read by their usual fields', () => {
    expect(readLogLine('{"level":50,"time":1772359201500,"msg":"broken pipe"}', 2000)).toMatchObject({
      level: 'error',
      message: 'broken pipe',
      time: { ms: 1772359201500 },
    });
    expect(readLogLine('{"@timestamp":"2026-03-01T10:00:01Z","severity":"WARN","message":"slow"}', 2000)).toMatchObject(
      { level: 'warning', message: 'slow' },
    );
  });
});

describe('templates', () => {
  test('variables are masked', () => {
    expect(
      maskVariables('from 192.0.2.1 port 22 id 6f1c2e9a-1b2c-4d5e-8f90-123456789abc took 1.5 s at 0xff by a.b@c.org'),
    ).toBe('from <ip> port <n> id <uuid> took <n> s at <hex> by <email>');
  });

  test('lines that differ in one word become one template with a wildcard', () => {
    const templates = new Templates();
    for (const [index, name] of ['ada', 'grace', 'alan'].entries())
      templates.add(`session opened for user ${name} by root`, index + 1, '');
    templates.add('disk sda1 is full', 4, '');
    expect(templates.all.map(({ tokens, count, exampleLine }) => [tokens.join(' '), count, exampleLine])).toEqual([
      ['session opened for user <*> by root', 3, 1],
      ['disk sda<n> is full', 1, 4],
    ]);
  });

  test('the number of templates is bounded, and what goes beyond is counted', () => {
    const templates = new Templates();
    for (let i = 0; i < 6000; i++)
      templates.add(
        `${'abcdefghij'[i % 10]}${'klmnopqrst'[Math.floor(i / 10) % 10]}${'uvwxyzABCD'[Math.floor(i / 100) % 10]}${'EFGHIJ'[Math.floor(i / 1000)]} ok`,
        i + 1,
        '',
      );
    expect(templates.all.length).toBe(5000);
    expect(templates.unclustered).toBe(1000);
  });
});

describe('log.triage', () => {
  test('finds the burst, the rare errors and the new message of the example log', async () => {
    const file = exampleFile('auth.log');
    const result = (await run({}, [file])) as Triage;
    const text = readFileSync(file.path, 'utf8');
    const lines = text.trimEnd().split('\n');
    const attack = result.templates.find(({ template }) => template.includes('Failed password for root from'))!;
    expect(attack.count).toBe(text.match(/Failed password for root from/g)!.length);
    expect(attack.firstSeen).toMatch(/^--03-01T13:42:/);
    expect(result.messages).toBe(lines.length);
    expect(result.templates.reduce((sum, { count }) => sum + count, 0)).toBe(lines.length);
    for (const { exampleLine, template } of result.templates) {
      const example = maskVariables(lines[exampleLine - 1]!.slice(16)).split(/\s+/);
      template.split(' ').forEach((token, index) => {
        if (token !== '<*>') expect(example[index]).toBe(token);
      });
    }
    const found = (kind: string): string[] =>
      result.anomalies.filter((one) => one.kind === kind).map(({ template }) => template);
    expect(found('burst')).toEqual([attack.template]);
    expect(found('rare')[0]).toMatch(/error: /);
    expect(found('new').some((template) => template.includes('fatal: Timeout before authentication'))).toBe(true);
    expect(found('new').some((template) => template.includes('CRON'))).toBe(false);
    expect(canonicalBytes(await run({}, [file]))).toEqual(canonicalBytes(result));
  });

  test('a steady log has no burst; one full minute among quiet ones is a burst', async () => {
    const at = (minute: number, second: number): string =>
      `2026-03-01T10:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}Z`;
    const steady = Array.from({ length: 60 }, (_, minute) => `${at(minute, 0)} tick\n${at(minute, 30)} tick\n`);
    expect((await triage(steady.join(''), { rarePerMille: 0 })).anomalies).toEqual([]);
    // 2 and 6 a minute in turn: the mean is 4, its deviation 2, and 6 is less than 10.
    const uneven = steady.map((lines, minute) => (minute % 2 === 0 ? lines : lines.repeat(3)));
    expect((await triage(uneven.join(''), { rarePerMille: 0 })).anomalies).toEqual([]);
    steady[30] += Array.from({ length: 20 }, (_, second) => `${at(30, 31 + second)} tick\n`).join('');
    const { anomalies } = await triage(steady.join(''), { rarePerMille: 0 });
    expect(anomalies).toEqual([
      {
        kind: 'burst',
        template: 'tick',
        count: 140,
        exampleLine: 1,
        detail: '22 lines in the 60 s from 2026-03-01T10:30:00Z, 2.333 on average',
      },
    ]);
  });

  test('stack traces belong to their message, and lines without a time are counted', async () => {
    const result = await triage('2026-03-01T10:00:00Z ERROR boom\n  at one\n\tat two\n\nno time here\n');
    expect(result).toMatchObject({ messages: 2, continuationLines: 2, untimedLines: 1 });
    expect(result.templates[0]).toMatchObject({ template: 'ERROR boom', level: 'error' });
  });

  test('years of lines make wider buckets instead of more memory', async () => {
    let text = '';
    for (let hour = 0; hour < 105_000; hour += 0.5)
      text += `${new Date(Date.UTC(2010, 0, 1) + hour * 3_600_000).toISOString()} tick\n`;
    expect((await triage(text)).bucketSeconds).toBe(3600);
  });

  test('empty and binary logs are refused', async () => {
    expect((await failureOf(run({}, [folder.file('e.log', '\n\n')]))).code).toBe('empty_file');
    expect((await failureOf(run({}, [folder.file('b.log', 'a\0b')]))).code).toBe('nul_byte');
  });
});
