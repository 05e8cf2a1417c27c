import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDuration } from './parse.ts';
import { buildProgram } from './program.ts';

const launcher = fileURLToPath(new URL('../../bin/parley.mjs', import.meta.url));
const pinned = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-command-line-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the real program with nothing but `env` in its environment, in an empty folder. */
function parley(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(pinned, [launcher, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

const commands = [
  'dev',
  'up',
  'invite',
  'member',
  'join',
  'down',
  'status',
  'top',
  'ask',
  'run',
  'judge',
  'ps',
  'show',
  'cancel',
  'verify',
  'audit',
  'events',
  'doctor',
  'sim',
];

test('every command is listed, and has help with an example and the exit codes', () => {
  const program = buildProgram('./parley', '0.0.0', () => {});
  expect(program.commands.map((command) => command.name())).toEqual(commands);
  // The simulator is a program of its own, with its own help.
  for (const command of program.commands.filter((each) => each.name() !== 'sim')) {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    // A time is shown as it is typed, with its unit.
    expect(help).not.toMatch(/default:\s+\d{4,}/);
    expect(help).toContain(`Examples:\n  ./parley ${command.name()}`);
    expect(help).toContain('-o, --output <format>');
    expect(help).toContain('124  timeout');
  }
});

test('times are read with their unit, seconds without one, and nonsense is refused', () => {
  expect(['90', '90s', '10m', '1.5h', '2d', '250ms'].map(parseDuration)).toEqual([
    90_000, 90_000, 600_000, 5_400_000, 172_800_000, 250,
  ]);
  for (const nonsense of ['', 'soon', '-1', '0', '10y', '31d']) expect(() => parseDuration(nonsense)).toThrow();
});

test('help is exit code 0 and loads nothing but the declarations: it is there at once', async () => {
  const coverage = join(folder, 'coverage');
  const { code, out } = await parley(['--help'], { NODE_V8_COVERAGE: coverage });
  expect(code).toBe(0);
  for (const command of commands) expect(out).toContain(`  ${command} `);
  // What a process loaded, as its own engine says.
  const loaded = readdirSync(coverage)
    .flatMap((name) => (JSON.parse(readFileSync(join(coverage, name), 'utf8')) as { result: { url: string }[] }).result)
    .map(({ url }) => /^file:.*?\/(bin|node|node_modules\/[^/]+)\/(.*)$/.exec(url))
    .flatMap((found) => (found === null ? [] : [`${found[1]}/${found[2]}`]));
  const ours = loaded.filter((path) => !path.startsWith('node_modules/commander/'));
  const declarations = ['declare', ...['looks', 'nodes', 'records', 'work'].map((part) => `declare-${part}`)];
  expect(ours.sort()).toEqual(
    [
      'bin/parley.mjs',
      ...[...declarations, 'failure', 'main', 'parse', 'program', 'terminal'].map((name) => `node/cli/${name}.ts`),
    ].sort(),
  );
});

test('the version is that of package.json', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(await parley(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

test('usage mistakes are exit code 2 and name what is wrong on standard error', async () => {
  for (const [args, message] of [
    [['stats'], "unknown command 'stats' (Did you mean status?)"],
    [['ask'], "missing required argument 'words'"],
    [['ask', 'words', '--dta', 'x'], "unknown option '--dta' (Did you mean --data?)"],
    [['ask', 'total', 'size'], 'too many arguments'],
    [['dev', '--nodes', '0'], 'expected a whole number from 1 to 16'],
    [['status', '-o', 'yaml'], 'Allowed choices are table, json'],
    [['ask', 'total size', '--data', 'nowhere.csv'], 'nowhere.csv: no such file'],
    [['dev', '--data', 'x.csv'], '--data needs words'],
  ] as const) {
    const { code, out, err } = await parley(args);
    expect([args, code, out]).toEqual([args, 2, '']);
    expect(err).toContain(message);
  }
});

test('with -o json an error is one JSON object on standard error', async () => {
  const { code, out, err } = await parley(['status', '-o', 'json']);
  expect([code, out]).toEqual([1, '']);
  const { error } = JSON.parse(err) as { error: { code: string; exitCode: number; hint: string } };
  expect(error).toMatchObject({ code: 'no_node', exitCode: 1 });
  expect(error.hint).toContain('dev --keep');
  const usage = await parley(['stats', '-o', 'json']);
  expect(JSON.parse(usage.err)).toMatchObject({ error: { code: 'usage', exitCode: 2 } });
});

test('commands that need a node say how to start one', async () => {
  for (const args of [
    ['status'],
    ['top', '--once'],
    ['ps'],
    ['show', 'abcd'],
    ['cancel', 'abcd'],
    ['invite'],
    ['ask', 'x'],
    ['down'],
  ]) {
    const { code, err } = await parley(args);
    expect([args, code]).toEqual([args, 1]);
    expect(err).toMatch(/no node is running/);
  }
});

test('what cannot be the id of a workflow, or an event, is said before any node is looked for', async () => {
  for (const id of ['', 'abc', 'a1b2/../status', 'x'.repeat(5_000), ' '])
    for (const command of ['show', 'cancel']) {
      const { code, err } = await parley([command, id]);
      expect([command, id.slice(0, 20), code]).toEqual([command, id.slice(0, 20), 2]);
      expect(err).toMatch(/is not the id of a workflow/);
      expect(err.length).toBeLessThan(300);
    }
  const key = await parley(['events', 'publish', 'orders', '{}', '--key', 'k'.repeat(300)]);
  expect([key.code, key.err.split('\n')[0]]).toEqual([2, 'error  --key has 300 bytes, and at most 256 are taken']);
  const data = await parley(['events', 'publish', 'orders', 'x'.repeat(70_000), '--key', 'k']);
  expect([data.code, data.err.split('\n')[0]]).toEqual([
    2,
    'error  the event has 70000 bytes, and at most 65536 are taken',
  ]);
});

test('doctor without a node says what to do, and fails', async () => {
  const { code, out } = await parley(['doctor', '-o', 'json']);
  expect(code).toBe(1);
  const { checks } = JSON.parse(out) as { checks: { ok: boolean; check: string; fix?: string }[] };
  expect(checks.find(({ check }) => check === 'Node')).toMatchObject({ ok: true });
  for (const check of checks) expect(check.ok || (check.fix ?? '') !== '').toBe(true);
  expect(checks.some(({ ok }) => !ok)).toBe(true);
});

test('a file that is no certificate proves nothing, and a missing one is a usage mistake', async () => {
  writeFileSync(join(folder, 'no.json'), '{}');
  const refused = await parley(['verify', 'no.json']);
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toContain('no.json proves nothing: ');
  expect((await parley(['verify', 'nowhere.json'])).code).toBe(2);
});

test('a plan file with mistakes is refused with their lines, before any node is looked for', async () => {
  writeFileSync(join(folder, 'bad.yaml'), 'goal: count rows\ntasks:\n  - id: count\n    skill: table.qery\n');
  const { code, err } = await parley(['run', 'bad.yaml']);
  expect(code).toBe(2);
  expect(err).toMatch(/bad\.yaml:4:\d+ .*table\.qery/);
  expect((await parley(['run', 'nowhere.yaml'])).code).toBe(2);
});

test('dev refuses a folder that it did not make, and leaves it as it is', async () => {
  writeFileSync(join(folder, 'table.csv'), 'a\n1\n');
  const { code, err } = await parley(['dev', 'count rows in table.csv', '--data', 'table.csv', '--folder', '.']);
  expect(code).toBe(2);
  expect(err).toContain('is not a folder that `dev` made');
  expect(readdirSync(folder)).toContain('table.csv');
});

test('what the operating system refuses is said with its place, and what cannot be printed is no success', async () => {
  writeFileSync(join(folder, 'taken'), 'a file');
  const up = await parley(['up', '--folder', 'taken']);
  expect(up.code).toBe(1);
  expect(up.err).toMatch(/taken: the folder cannot be made: there is a file of that name\n +→ Name another folder/);
  if (!existsSync('/dev/full')) {
    console.log('not run: this system has no /dev/full');
    return;
  }
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(pinned, [launcher, '--help'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect([status, stderr]).toEqual([1, expect.stringContaining('the output cannot be written')]);
});
