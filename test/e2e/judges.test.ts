// Law: members of different model families judge work over real processes, each by asking its own model; what they refuse is rejected with
// their names, and the proof of it is checked offline by the command that checks every other.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestMesh } from '../support/mesh.ts';
import { type ModelServer, says, startModelServer } from '../support/model-server.ts';
import { parley, repository } from '../support/process.ts';

let mesh: TestMesh;
const servers: ModelServer[] = [];
/** The models, one of each family. */
const models = ['llama3.2', 'qwen3'];

beforeAll(async () => {
  for (const name of models)
    servers.push(
      await startModelServer(name, ({ messages }) =>
        says(/roses|Installed size/.test(messages[1]!.content), `what ${name} thinks`),
      ),
    );
  const [llama, qwen] = servers;
  const judging = (modelFamily: string, name: string, { url }: ModelServer) => ({
    modelFamily,
    settings: { model: { name, url } },
  });
  mesh = await TestMesh.start([
    { name: 'amber', ...judging('llama', 'llama3.2', llama!) },
    { name: 'birch', ...judging('qwen', 'qwen3', qwen!) },
    { name: 'cedar', ...judging('qwen', 'qwen3', qwen!) },
    { name: 'dahlia', modelFamily: 'rules' },
  ]);
});
afterAll(async () => {
  await mesh?.end();
  for (const server of servers) await server.close();
});

const judge = (file: string, ...more: readonly string[]) =>
  parley(
    [
      'judge',
      file,
      '--question',
      'Is it a poem?',
      '--lacks',
      'TODO',
      '--folder',
      mesh.folder('dahlia'),
      '-o',
      'json',
      ...more,
    ],
    { cwd: mesh.root },
  );
function work(name: string, text: string): string {
  writeFileSync(join(mesh.root, name), text);
  return name;
}

describe('files that are put before judges', () => {
  it('are accepted by members of as many model families as asked for, who asked their own models', async () => {
    const asked = await judge(work('poem.txt', 'roses are red, violets are blue'), '--judges', '2', '--families', '2');
    expect([asked.code, asked.err]).toEqual([0, '']);
    const { result, tasks, certificate } = JSON.parse(asked.out) as {
      result: { files: { name: string }[] };
      tasks: { state: string; judgements: { node: string; modelFamily: string; accepts: boolean }[] }[];
      certificate: string;
    };
    expect(result.files.map(({ name }) => name)).toEqual(['poem.txt']);
    const [task] = tasks;
    expect(task!.state).toBe('accepted');
    const yes = task!.judgements.filter(({ accepts }) => accepts);
    expect(yes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(yes.map(({ modelFamily }) => modelFamily)).size).toBeGreaterThanOrEqual(2);
    for (const server of servers) expect(server.asked.length).toBeGreaterThan(0);
    const verified = await parley(['verify', certificate, '--mesh', (await mesh.status('birch')).mesh.id]);
    expect([verified.code, verified.err]).toEqual([0, '']);
    expect(verified.out).toMatch(/accepted by the judges of [\w, ]+, of [23] model families/);
  });

  it('are rejected where the models say no, by a decision that names who said it, and a file that proves it', async () => {
    const refused = await judge(work('prose.txt', 'the quarterly numbers'), '--judges', '2', '--families', '1');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/judged \(judge\): its judges refused it/);
    const file = /verify (\S+\.no-result\.json)/.exec(refused.err)![1]!;
    const path = join(mesh.root, file);
    const { id } = (await mesh.status('cedar')).mesh;
    const verified = await parley(['verify', path, '--mesh', id]);
    expect([verified.code, verified.err]).toEqual([0, '']);
    expect(verified.out).toMatch(/proves that there is no result/);
    expect(verified.out).toMatch(/result {3}NONE: judged \(judge\): its judges refused it/);
    expect(verified.out).toMatch(/refused by the judges [\s\S]*\((llama|qwen)\)/);
    expect((await parley(['verify', path, '--mesh', '0'.repeat(64)])).code).toBe(1);
    const changed = readFileSync(path, 'utf8').replace('"atLeast": 2', '"atLeast": 1');
    expect(changed).not.toBe(readFileSync(path, 'utf8'));
    expect((await parley(['verify', work('changed.json', changed)], { cwd: mesh.root })).code).toBe(1);

    const workflow = /show ([0-9a-f]+)/.exec(refused.err)![1]!;
    const shown = await parley(['show', workflow, '--folder', mesh.folder('amber')]);
    expect(shown.out).toMatch(/judge \w+ \((llama|qwen)\) on \w+'s result: no what (llama3\.2|qwen3) thinks/);
    expect(shown.out).toMatch(/rejected/);
  });

  it('are judged by rules before any model is asked', async () => {
    const before = servers.map(({ asked }) => asked.length);
    const refused = await judge(
      work('todo.txt', 'roses are red, violets are blue, TODO'),
      '--judges',
      '2',
      '--families',
      '2',
    );
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/its judges refused it/)]);
    expect(servers.map(({ asked }) => asked.length)).toEqual(before);
  });

  it('may be what the plan’s other tasks made: the plan that ships runs, and its judges read the report', async () => {
    const plan = join(repository, 'examples/plans/judged.yaml');
    const asked = await parley(['run', plan, '--yes', '--folder', mesh.folder('cedar'), '-o', 'json'], {
      cwd: mesh.root,
    });
    expect([asked.code, asked.err]).toEqual([0, '']);
    const { tasks } = JSON.parse(asked.out) as { tasks: { task: string; state: string; basis: string }[] };
    expect(tasks.map(({ task, state }) => [task, state])).toEqual([
      ['sizes', 'accepted'],
      ['report', 'accepted'],
      ['verdict', 'accepted'],
    ]);
    expect(tasks[2]!.basis).toMatch(/accepted by the judges of/);
  });

  it('are judged though one of the models is gone', async () => {
    await servers[0]!.close();
    const asked = await judge(work('poem.txt', 'roses are red, violets are blue'), '--judges', '2', '--families', '2');
    expect([asked.code, asked.err]).toEqual([0, '']);
  });

  it('by more families than the mesh has are refused at once, with what there is', async () => {
    const refused = await judge('poem.txt', '--judges', '4', '--families', '4');
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/this mesh has 4 members of 3 \(llama, qwen, rules\)/);
  });
});
