import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../test/support/world.ts';
import { MeshClient, type PlanReply, StoredFiles, type WorkflowEvent } from '../client/index.ts';
import { exitCodes, Interrupted, toFailure } from './failure.ts';
import { filesNamedIn, inputFiles } from './input-files.ts';
import { findSockets } from './locate.ts';
import { ProgressView } from './progress-view.ts';
import { endedDetail, type SubmitOptions, submit } from './submission.ts';
import {
  FakeNode,
  type FakeNodeOptions,
  type MemorySession,
  memorySession,
  newRecord,
  readOnlyPlan,
} from './testing/index.ts';

let folder: string;
const started: FakeNode[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-cli-'));
});
afterEach(() => {
  for (const node of started.splice(0)) node.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function node(options: Partial<FakeNodeOptions> = {}): Promise<FakeNode> {
  const fake = await FakeNode.start({
    name: 'amber',
    record: newRecord(),
    script: () => [ended('completed')],
    ...options,
  });
  started.push(fake);
  return fake;
}

function ended(state: 'completed' | 'failed'): WorkflowEvent {
  return { key: 'ended', atMs: 9, type: 'ended', state, message: state };
}

function submitTo(
  session: MemorySession,
  fake: FakeNode,
  options: Partial<SubmitOptions> = {},
): ReturnType<typeof submit> {
  return submit(session, new MeshClient([fake.socket]), session.json ? undefined : new ProgressView(session.terminal), {
    intent: { words: 'count rows' },
    files: new StoredFiles([]),
    yes: false,
    dryRun: false,
    wait: true,
    timeoutMs: undefined,
    ...options,
  });
}

const exitCodeOf = async (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => toFailure(error).exitCode,
  );

const writingPlan = (): PlanReply => ({ ...readOnlyPlan, risk: 'writes' });

test('the plan is shown before the workflow is opened', async () => {
  const fake = await node();
  const session = memorySession();
  await submitTo(session, fake);
  const opened = session.lines.findIndex((line) => line.startsWith('workflow'));
  const planned = session.lines.findIndex((line) => line.startsWith('plan'));
  expect(planned).toBeGreaterThanOrEqual(0);
  expect(opened).toBeGreaterThan(planned);
  expect(fake.seen.filter((request) => request.startsWith('POST'))).toEqual(['POST /v1/plans', 'POST /v1/workflows']);
});

test('a dry run plans and opens nothing', async () => {
  const fake = await node();
  expect((await submitTo(memorySession(), fake, { dryRun: true })).kind).toBe('planned');
  expect(fake.seen).not.toContain('POST /v1/workflows');
});

test('a dry run of a plan that writes needs nobody', async () => {
  const fake = await node({ plan: writingPlan });
  expect((await submitTo(memorySession(), fake, { dryRun: true })).kind).toBe('planned');
});

test('an abstention runs nothing and is exit code 2', async () => {
  const fake = await node({
    plan: () => ({ kind: 'abstain', reason: 'tie', message: 'two skills fit', questions: [], candidates: [] }),
  });
  const session = memorySession();
  expect(await exitCodeOf(submitTo(session, fake))).toBe(exitCodes.usage);
  expect(session.errors[0]).toBe('no plan  two skills fit');
  expect(fake.seen).not.toContain('POST /v1/workflows');
});

test('what does more than read is exit code 6 where nobody can be asked, and runs nothing', async () => {
  const fake = await node({ plan: writingPlan });
  expect(await exitCodeOf(submitTo(memorySession(), fake))).toBe(exitCodes.needsPerson);
  expect(fake.seen).not.toContain('POST /v1/workflows');
});

test('what does more than read runs with --yes, as approved', async () => {
  const record = newRecord();
  const fake = await node({ plan: writingPlan, record });
  expect((await submitTo(memorySession(), fake, { yes: true })).kind).toBe('ended');
  expect([...record.workflows.values()][0]?.request.approved).toBe(true);
});

test('a person who says no ends it with exit code 3, one who says yes lets it run', async () => {
  const fake = await node({ plan: writingPlan });
  expect(await exitCodeOf(submitTo(memorySession({ confirm: async () => false }), fake))).toBe(exitCodes.denied);
  expect(fake.seen).not.toContain('POST /v1/workflows');
  expect((await submitTo(memorySession({ confirm: async () => true }), fake)).kind).toBe('ended');
});

test('a workflow that failed is exit code 1, with its message', async () => {
  const fake = await node({
    script: () => [ended('failed')],
    detail: { state: 'failed', message: "table.csv has no column 'sise'" },
  });
  const error = await submitTo(memorySession(), fake).catch(toFailure);
  expect(error).toMatchObject({ exitCode: exitCodes.failed, message: "table.csv has no column 'sise'" });
});

test('without an end in time it is exit code 124, and the workflow is not cancelled', async () => {
  const fake = await node({ script: () => [], neverEnds: true });
  const error = await submitTo(memorySession(), fake, { timeoutMs: 150 }).catch(toFailure);
  expect(error).toMatchObject({ exitCode: exitCodes.timeout, code: 'timeout' });
  expect(fake.seen.some((request) => request.endsWith('/cancel'))).toBe(false);
});

test('without a quorum in time it is exit code 4, which says that the work is kept', async () => {
  const waiting: WorkflowEvent = {
    key: 'waiting',
    atMs: 1,
    type: 'waiting',
    message: 'two are down',
    needed: 3,
    live: 2,
  };
  const fake = await node({ script: () => [waiting], neverEnds: true });
  let error: unknown;
  let isTold = false;
  // Given the time to hear of it, which is longer on a busy machine.
  for (let timeoutMs = 150; !isTold && timeoutMs < 30_000; timeoutMs *= 10)
    error = await submitTo(memorySession(), fake, {
      timeoutMs,
      onEvent: ({ type }) => {
        isTold = type === 'waiting';
      },
    }).catch(toFailure);
  expect(error).toMatchObject({ exitCode: exitCodes.noQuorum, code: 'no_quorum' });
  expect((error as { hint?: string }).hint).toContain('is kept and finishes when enough nodes return');
});

test('after the quorum is back a timeout is a timeout again', async () => {
  const events: WorkflowEvent[] = [
    { key: 'waiting', atMs: 1, type: 'waiting', message: '', needed: 3, live: 2 },
    { key: 'resumed', atMs: 2, type: 'resumed', message: 'cedar is back' },
  ];
  const fake = await node({ script: () => events, neverEnds: true });
  let last: string | undefined;
  let code: number | undefined;
  for (let timeoutMs = 150; last !== 'resumed' && timeoutMs < 30_000; timeoutMs *= 10)
    code = await exitCodeOf(
      submitTo(memorySession(), fake, {
        timeoutMs,
        onEvent: ({ type }) => {
          last = type;
        },
      }),
    );
  expect([last, code]).toEqual(['resumed', exitCodes.timeout]);
});

test('Ctrl-C leaves the workflow to the mesh and says how to find it', async () => {
  const fake = await node({ script: () => [], neverEnds: true });
  const session = memorySession({ target: ' --folder ./unusual' });
  const submitted = exitCodeOf(submitTo(session, fake));
  await until('its following', () => fake.seen.some((request) => request.endsWith('/events')));
  session.stop.abort(new Interrupted('SIGINT'));
  expect(await submitted).toBe(exitCodes.interrupted);
  expect(session.errors.join('\n')).toMatch(
    /goes on without this terminal. See it: .\/parley show [0-9a-f]+ --folder .\/unusual {3}Stop it: .\/parley cancel [0-9a-f]+ --folder .\/unusual$/m,
  );
});

test('with -o json nothing is printed on the way', async () => {
  const session = memorySession({ json: true });
  await submitTo(session, await node());
  expect(session.lines).toEqual([]);
});

test("the node's refusals keep their meaning as exit codes", () => {
  const refused = (code: string): number => toFailure(Object.assign(new Error('no'), { code })).exitCode;
  expect(
    ['bad_request', 'denied', 'no_quorum', 'needs_approval', 'not_found', 'internal', 'port_in_use'].map(refused),
  ).toEqual([2, 3, 4, 6, 1, 1, 1]);
});

test('a folder stands for its files, under names that say where they were; version control and dependencies stay out', () => {
  mkdirSync(join(folder, 'docs', 'inner'), { recursive: true });
  mkdirSync(join(folder, 'docs', 'node_modules'));
  for (const name of ['docs/a.md', 'docs/inner/b.md', 'docs/node_modules/c.js', 'd.csv'])
    writeFileSync(join(folder, name), 'x');
  const files = inputFiles(['docs', './d.csv', 'd.csv'], folder);
  expect(files.map(({ name }) => name)).toEqual(['docs/a.md', 'docs/inner/b.md', 'd.csv']);
});

test('two different files of one name are refused, and so are missing files and empty folders, with exit code 2', () => {
  mkdirSync(join(folder, 'a'));
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'a', 't.csv'), '1');
  writeFileSync(join(folder, 't.csv'), '2');
  for (const [paths, message] of [
    [['t.csv', 'a/t.csv'], /two files are both named t\.csv/],
    [['nowhere.csv'], /nowhere\.csv: no such file/],
    [['empty'], /empty holds no files/],
  ] as const) {
    expect(() => inputFiles(paths, folder)).toThrow(message);
    expect(exitCodeOfThrown(() => inputFiles(paths, folder))).toBe(exitCodes.usage);
  }
});

function exitCodeOfThrown(work: () => unknown): number | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return toFailure(error).exitCode;
  }
}

test('files that the words name and that exist are found, other words are not', () => {
  writeFileSync(join(folder, 'packages.csv'), 'x');
  expect(filesNamedIn('total size in packages.csv, top 5.', folder)).toEqual(['packages.csv']);
  expect(filesNamedIn('total size in ./packages.csv? and sales.csv', folder)).toEqual(['./packages.csv']);
  expect(filesNamedIn('version 1.2 of -e.g. /etc', folder)).toEqual([]);
});

function homeOf(fake: FakeNode, path: string): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'node.json'), '{}');
  writeFileSync(join(path, 'socket'), `${fake.socket}\n`);
}

test('a node is looked for in --folder, then $PARLEY_FOLDER, then ./.parley/dev, then ~/.parley', async () => {
  const [flag, variable, dev, home] = [await node(), await node(), await node(), await node()];
  homeOf(flag, join(folder, 'flag'));
  homeOf(variable, join(folder, 'variable'));
  homeOf(dev, join(folder, '.parley', 'dev', 'amber'));
  homeOf(home, join(folder, 'home', '.parley'));
  const env = { HOME: join(folder, 'home') };
  const withVariable = { ...env, PARLEY_FOLDER: join(folder, 'variable') };
  expect(await findSockets(memorySession({ cwd: folder, env: withVariable }), 'flag')).toEqual([flag.socket]);
  expect(await findSockets(memorySession({ cwd: folder, env: withVariable }), undefined)).toEqual([variable.socket]);
  expect(await findSockets(memorySession({ cwd: folder, env }), undefined)).toEqual([dev.socket]);
  dev.die();
  expect(await findSockets(memorySession({ cwd: folder, env }), undefined)).toEqual([home.socket]);
  home.die();
  await expect(findSockets(memorySession({ cwd: folder, env }), undefined)).rejects.toMatchObject({
    code: 'no_node',
    exitCode: 1,
  });
  await expect(findSockets(memorySession({ cwd: folder, env }), 'nowhere')).rejects.toThrow(
    /no node runs in .*nowhere/,
  );
});

test("a dev mesh's live nodes stand in for the one that was named and died", async () => {
  const [amber, birch] = [await node(), await node({ name: 'birch' })];
  homeOf(amber, join(folder, 'mesh', 'amber'));
  homeOf(birch, join(folder, 'mesh', 'birch'));
  writeFileSync(join(folder, 'mesh', 'dev.json'), '{"nodes":["amber","birch"]}');
  const session = memorySession({ cwd: folder });
  expect(await findSockets(session, 'mesh')).toEqual([amber.socket, birch.socket]);
  expect(await findSockets(session, 'mesh/amber')).toEqual([amber.socket, birch.socket]);
  amber.die();
  expect(await findSockets(session, 'mesh/amber')).toEqual([birch.socket]);
});

test('an end that one node told is waited for at another, which learns of it seconds later', async () => {
  let asked = 0;
  const late = { workflow: async () => ({ state: asked++ < 45 ? 'running' : 'completed' }) } as unknown as MeshClient;
  expect(await endedDetail(late, 'ab'.repeat(32), new AbortController().signal)).toMatchObject({ state: 'completed' });
});
