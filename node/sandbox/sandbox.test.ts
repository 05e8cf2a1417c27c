// Law: every run ends in one outcome and in time, whatever the skill does, and the node lives on.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { BlobRef, Sandbox, SkillOutcome } from '../../actors/system/index.ts';
import { patientMs } from '../../test/support/world.ts';
import { manifests } from '../skills/index.ts';
import { createSandbox, type SandboxOptions } from './index.ts';
import { skills as testSkills } from './test-skills.ts';

const data = fileURLToPath(new URL('../../examples/data/', import.meta.url));
const open: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of open.splice(0)) await sandbox.close();
  vi.restoreAllMocks();
});

/** In these tests a blob's digest is its path under examples/data. */
function sandboxOf(options: Partial<SandboxOptions> = {}): Sandbox {
  const sandbox = createSandbox({ blobPath: (digest) => `${data}${digest}`, ...options });
  open.push(sandbox);
  return sandbox;
}
const registry = {
  module: new URL('./test-skills.ts', import.meta.url),
  manifests: testSkills.map(({ manifest }) => manifest),
};
const blob = (path: string): BlobRef => ({
  digest: path,
  sizeBytes: existsSync(data + path) ? statSync(data + path).size : 1,
});
const run = (
  sandbox: Sandbox,
  skill: string,
  input: unknown = {},
  timeoutMs = patientMs,
  signal?: AbortSignal,
): Promise<SkillOutcome> =>
  sandbox.run({ skill, input, files: {}, workflow: 'w' }, { timeoutMs, ...(signal !== undefined && { signal }) });
const outputOf = (outcome: SkillOutcome): unknown => {
  expect(outcome.kind).toBe('result');
  return outcome.kind === 'result' ? JSON.parse(Buffer.from(outcome.output).toString()) : undefined;
};
const query = {
  skill: 'table.query',
  input: { aggregates: [{ function: 'count' }] },
  files: { 'packages.csv': blob('packages.csv') },
  workflow: 'w',
};

describe('the skills in their sandbox', () => {
  test('a skill answers with canonical bytes, twice the same', async () => {
    const sandbox = sandboxOf();
    const [first, second] = [
      await sandbox.run(query, { timeoutMs: patientMs }),
      await sandboxOf().run(query, { timeoutMs: patientMs }),
    ];
    expect(outputOf(first)).toMatchObject({ rows: [[693]] });
    expect(first.kind === 'result' && second.kind === 'result' && Buffer.compare(first.output, second.output)).toBe(0);
    expect(sandbox.manifests()).toBe(manifests);
  });

  test('an input that does not fit the schema is a failure that names the place', async () => {
    const outcome = await sandboxOf().run(
      { ...query, input: { filter: [{ column: 'a', op: '~', value: 1 }] } },
      { timeoutMs: patientMs },
    );
    expect(outcome).toMatchObject({
      kind: 'failure',
      code: 'bad_input',
      message:
        'the input of table.query does not fit its schema: input/filter/0/op must be equal to one of the allowed values: =, !=, <, <=, >, >=, contains, in',
    });
  });

  test('a blob that is not here is a fault, and its message holds no path', async () => {
    const outcome = await sandboxOf().run(
      { ...query, files: { 'x.csv': blob('absent.csv') } },
      { timeoutMs: patientMs },
    );
    expect(outcome).toMatchObject({ kind: 'fault', code: 'crashed', message: 'a file could not be read (ENOENT)' });
  });

  test('a file is profiled; what can not be examined says so', async () => {
    const sandbox = sandboxOf();
    const profile = await sandbox.profile(
      { name: 'packages.csv', blob: blob('packages.csv') },
      { timeoutMs: patientMs },
    );
    expect(profile).toMatchObject({ name: 'packages.csv', format: 'csv', tables: [{ name: 'packages' }] });
    const absent = await sandbox.profile({ name: 'x.csv', blob: blob('absent.csv') }, { timeoutMs: patientMs });
    expect(absent).toMatchObject({ format: 'unknown', problem: expect.stringContaining('ENOENT') });
  });
});

describe('skills that misbehave', () => {
  test('an endless loop ends at its timeout, and the sandbox goes on', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    const outcome = await run(sandbox, 'test.spin', {}, 400);
    expect(outcome).toMatchObject({ kind: 'fault', code: 'timeout', message: 'test.spin: no result within 400 ms' });
    expect(outcome.durationMs).toBeGreaterThan(300);
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(1);
  });

  test('an abort ends a run, waiting or running', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const outcomes = Promise.all([
      run(sandbox, 'test.spin', {}, patientMs, running.signal),
      run(sandbox, 'test.count', {}, patientMs, waiting.signal),
    ]);
    waiting.abort();
    setTimeout(() => running.abort(), 150);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ kind: 'fault', code: 'cancelled' });
    const aborted = await run(sandbox, 'test.count', {}, patientMs, AbortSignal.abort());
    expect(aborted).toMatchObject({ kind: 'fault', code: 'cancelled', durationMs: 0 });
  });

  test('an aborted run may end by itself unseen: its thread is there for the next, and not for longer than it may take', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(1);
    const ended = vi.spyOn(Worker.prototype, 'terminate');
    // As long as it takes: where the machine is so busy that the run is not over when the next comes, the thread gives way to that.
    await vi.waitFor(async () => {
      const abort = new AbortController();
      const outcome = run(sandbox, 'test.sleep', { ms: 100 }, patientMs, abort.signal);
      setTimeout(() => abort.abort(), 20);
      expect(await outcome).toMatchObject({ kind: 'fault', code: 'cancelled' });
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(outputOf(await run(sandbox, 'test.count'))).toBeGreaterThan(1);
    }, patientMs);

    const endless = new AbortController();
    const spinning = run(sandbox, 'test.spin', {}, patientMs, endless.signal);
    const before = ended.mock.calls.length;
    setTimeout(() => endless.abort(), 100);
    expect(await spinning).toMatchObject({ kind: 'fault', code: 'cancelled' });
    expect(ended.mock.calls.length).toBe(before);
    await vi.waitFor(() => expect(ended.mock.calls.length).toBe(before + 1), patientMs);
  });

  test('too much memory is a fault of its own', async () => {
    const outcome = await run(sandboxOf({ registry, memoryMb: 32 }), 'test.hoard');
    expect(outcome).toMatchObject({
      kind: 'fault',
      code: 'memory',
      message: 'test.hoard: the run needed more than 32 MiB of memory',
    });
  });

  test('exits, bugs and late errors are crashes; a SkillFailure is a failure', async () => {
    const sandbox = sandboxOf({ registry });
    expect(await run(sandbox, 'test.exit')).toMatchObject({
      kind: 'fault',
      code: 'crashed',
      message: 'test.exit: the worker thread ended by itself (exit code 3)',
    });
    expect(await run(sandbox, 'test.throw')).toMatchObject({
      kind: 'fault',
      code: 'crashed',
      message: 'TypeError: a bug',
    });
    expect(await run(sandbox, 'test.late')).toMatchObject({
      kind: 'fault',
      code: 'crashed',
      message: 'test.late: the worker thread failed: later',
    });
    expect(await run(sandbox, 'test.fail')).toMatchObject({
      kind: 'failure',
      code: 'on_purpose',
      message: 'the input is no good',
    });
    expect(await run(sandbox, 'test.none')).toMatchObject({ kind: 'fault', code: 'unknown_skill' });
  });

  test('a thread is used again, and replaced after a crash', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(1);
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(2);
    await run(sandbox, 'test.throw');
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(1);
    for (let i = 2; i <= 20; i++) expect(outputOf(await run(sandbox, 'test.count'))).toBe(i);
    expect(outputOf(await run(sandbox, 'test.count'))).toBe(1);
  });

  test('no more runs at a time than there are workers; the rest wait and their time runs', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 2 });
    const runs = [
      run(sandbox, 'test.spin', {}, 900),
      run(sandbox, 'test.spin', {}, 900),
      run(sandbox, 'test.count', {}, 250),
    ];
    expect(await runs[2]).toMatchObject({ kind: 'fault', code: 'timeout', durationMs: 0 });
    expect((await Promise.all(runs)).map((outcome) => outcome.kind)).toEqual(['fault', 'fault', 'fault']);
  });

  test('closing cancels what runs and waits, and later calls', async () => {
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    const runs = [run(sandbox, 'test.spin'), run(sandbox, 'test.count')];
    await sandbox.close();
    for (const outcome of await Promise.all(runs)) expect(outcome).toMatchObject({ kind: 'fault', code: 'cancelled' });
    expect(await run(sandbox, 'test.count')).toMatchObject({ kind: 'fault', code: 'cancelled' });
  });

  test('a run that was ended does nothing more', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-sandbox-'));
    const sandbox = sandboxOf({ registry, maxWorkers: 1 });
    const outcomes = [
      run(sandbox, 'test.sleep', { ms: patientMs }, 100),
      run(sandbox, 'test.mark', { path: join(folder, 'a') }, 50),
    ];
    expect((await Promise.all(outcomes)).map((outcome) => outcome.kind)).toEqual(['fault', 'fault']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(existsSync(join(folder, 'a'))).toBe(false);
    rmSync(folder, { recursive: true });
  });
});

describe('a process with a sandbox', () => {
  const script = (body: string): string[] => [
    '--input-type=module',
    '-e',
    `import { createSandbox } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
     import { skills } from ${JSON.stringify(registry.module.href)};
     const sandbox = createSandbox({ blobPath: (digest) => digest, registry: { module: new URL(${JSON.stringify(registry.module.href)}), manifests: skills.map((skill) => skill.manifest) } });
     const run = (skill) => sandbox.run({ skill, input: {}, files: {}, workflow: 'w' }, { timeoutMs: ${patientMs} });
     ${body}`,
  ];
  const node = (body: string) =>
    promisify(execFile)(process.execPath, script(body), {
      env: { ...process.env, SECRET: 'x' },
      timeout: 2 * patientMs,
    });

  test('what a skill prints goes nowhere, and it sees no environment variable', async () => {
    const { stdout, stderr } = await node(
      `const outcome = await run('test.print'); console.log(Buffer.from(outcome.output).toString());`,
    );
    expect(stdout).toBe('0\n');
    expect(stderr).toBe('');
  });

  test('an idle sandbox does not keep its process alive', async () => {
    // It is killed, and fails the test, where it does not end by itself.
    await node(`await run('test.print');`);
  });
});
