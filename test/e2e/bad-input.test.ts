// Law: what cannot be done is said, with the reason, by everyone alike, and soon: refused where it can be seen beforehand, else found by the
// executors and certified as a rejection. What does more than read waits for a person.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { type Asked, eventually, localFile, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';
import { createCrypto } from '../support/world.ts';

const good = readFileSync(packagesPath, 'utf8');
const lines = good.trimEnd().split('\n');
const question = (file: string): string => `total installed_size per section in ${file}, top 5`;

let mesh: TestMesh;
let folder: string;
beforeAll(async () => {
  mesh = await TestMesh.start(['amber', 'birch', 'cedar', 'dahlia']);
  folder = join(mesh.root, 'client');
  mkdirSync(folder);
});
afterAll(() => mesh?.end());

const blobOf = (content: string | Uint8Array) => ({
  digest: createHash('sha256').update(content).digest('hex'),
  sizeBytes: Buffer.byteLength(content),
});

/** A plan of one query over `content`, which no planner looked at. */
function planOver(name: string, content: string | Uint8Array, input: object = {}, timeoutMs = 30_000) {
  const query = {
    id: 'query',
    skill: 'table.query',
    input: { groupBy: ['section'], aggregates: [{ function: 'sum', column: 'installed_size' }], ...input },
    files: { [name]: { blob: blobOf(content) } },
    after: [],
    endorsement: 'quorum',
    optional: false,
    timeoutMs,
  };
  return { plan: { version: 1, goal: `a query of ${name}`, tasks: [query], result: 'query', risk: 'read-only' } };
}

const askOver = (name: string, content: string | Uint8Array, input: object = {}, timeoutMs?: number): Promise<Asked> =>
  mesh.ask(planOver(name, content, input, timeoutMs), [localFile(name, content)], { node: 'birch' });

const bad: readonly (readonly [what: string, content: string | Uint8Array, reason: RegExp])[] = [
  [
    'a ragged row',
    [...lines.slice(0, 300), 'only,two', ...lines.slice(300)].join('\n'),
    /line 301 of .* has 2 fields, the header has 5/,
  ],
  ['a NUL byte', `${good}a\u0000b,libs,3,1,all\n`, /NUL|binary/i],
  ['another encoding', Buffer.from(`${good}caf\u00e9,libs,3,1,all\n`, 'latin1'), /not UTF-8/],
  ['nothing in it', '', /empty/],
  ['no such column', good.replace('installed_size', 'size_installed'), /installed_size/],
  ['text where numbers are added', good.replace(',686,', ',many,'), /many|number/],
];

describe('a file with', () => {
  it.each(bad)(
    '%s fails the workflow with the reason, certified as a rejection by a quorum',
    async (what, content, reason) => {
      const name = `${what.replace(/[^a-z]+/gi, '-')}.csv`;
      const asked = await askOver(name, content);
      expect(asked.detail).toMatchObject({ state: 'failed', message: expect.stringMatching(reason) });
      expect(asked.detail.result).toBeUndefined();
      const decided = asked.events.filter((event) => event.type === 'decided');
      expect(decided).toMatchObject([{ decision: 'REJECT', message: expect.stringMatching(reason) }]);
      expect(decided[0]?.type === 'decided' && decided[0].signers.length).toBeGreaterThanOrEqual(3);
      console.log(`${what}: ${asked.detail.message} (${asked.elapsedMs.toFixed(0)} ms)`);
      for (const node of mesh.names) {
        const detail = await eventually(`${node} to say so`, async () => {
          const found = await mesh.detail(node, asked.workflow);
          return found?.state === 'failed' ? found : undefined;
        });
        expect(detail.message).toBe(asked.detail.message);
        expect(detail.taskDetails[0]).toMatchObject({ state: 'rejected', dissent: [] });
        const proof = new Uint8Array(await mesh.clientOf(node).certificate(asked.workflow));
        const verdict = verifyCertificateFile(proof, {
          crypto: createCrypto(),
          meshId: (await mesh.status(node)).mesh.id,
        });
        expect(verdict).toMatchObject({ ok: true, about: { failed: asked.detail.message } });
      }
    },
  );

  it.each(bad)('%s, asked for in words, ends with an exit code and the reason', async (what, content, reason) => {
    const path = join(folder, `${what.replace(/[^a-z]+/gi, '-')}.csv`);
    writeFileSync(path, content);
    const asked = await parley([
      'ask',
      question(path.split('/').at(-1)!),
      '--data',
      path,
      '--folder',
      mesh.folder('cedar'),
    ]);
    expect([1, 2]).toContain(asked.code);
    expect(`${asked.out}${asked.err}`).toMatch(reason);
    expect(asked.err).toMatch(/→/);
  });
});

describe('a plan that cannot be', () => {
  it('is refused before anything runs, with the line it is wrong in', async () => {
    const path = join(folder, 'plan.yaml');
    writeFileSync(
      path,
      'version: 1\ngoal: nonsense\ntasks:\n  - id: a\n    skill: table.guess\n    input: {}\n    files: {}\n    after: [b]\n  - id: b\n    skill: table.query\n    input: {}\n    files: {}\n    after: [a]\nresult: a\n',
    );
    const run = await parley(['run', path, '--folder', mesh.folder('amber')]);
    expect(run.code).toBe(2);
    expect(run.err).toMatch(/plan\.yaml:\d+/);
    expect(run.err).toMatch(/table\.guess/);
    expect(run.err).toMatch(/waits for itself: a → b → a/);
  });

  it('is refused by the node too, whoever sends it', async () => {
    const { plan } = planOver('a.csv', good);
    for (const change of [
      { skill: 'no.such.skill' },
      { files: { '../../etc/passwd': { blob: blobOf(good) } } },
      { timeoutMs: -1 },
      { after: ['query'] },
    ]) {
      const broken = { ...plan, tasks: [{ ...plan.tasks[0], ...change }] };
      await expect(
        mesh.clientOf('amber').open({ words: 'x', plan: broken, idempotencyKey: 'some-key-1', approved: true }, {
          at: async () => [],
        } as never),
      ).rejects.toMatchObject({ code: 'bad_request' });
    }
    expect((await mesh.clientOf('amber').workflows()).some(({ words }) => words === 'x')).toBe(false);
  });

  it('over a file that was never sent is refused at once', async () => {
    const { plan } = planOver('a.csv', 'never sent');
    await expect(
      mesh
        .clientOf('amber')
        .open({ words: 'y', plan, idempotencyKey: 'some-key-2', approved: false }, { at: async () => [] } as never),
    ).rejects.toMatchObject({ code: 'bad_request', message: expect.stringContaining('was not sent to this node') });
  });

  it('of words it does not understand is a question with its own exit code, and nothing runs', async () => {
    const misunderstood = [
      'make everything better',
      'which packages are not in section libs and grew since last week',
      'average installed_size per colour in packages.csv',
    ];
    for (const words of misunderstood) {
      const asked = await parley(['ask', words, '--data', packagesPath, '--folder', mesh.folder('amber')]);
      expect([words, asked.code]).toEqual([words, 2]);
      expect(asked.err).toMatch(/nothing was run/);
    }
    expect((await mesh.clientOf('amber').workflows()).filter(({ words }) => misunderstood.includes(words))).toEqual([]);
  });

  it('allows a task less time than its skill asks for is refused, with what it needs', async () => {
    await expect(askOver('packages.csv', good, {}, 100)).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringContaining('is less than the 30000 ms that table.query needs'),
    });
  });
});

describe('work that writes', () => {
  const words = `${question('packages.csv')}, then write it to sizes.md`;

  it('is not run without a yes where nobody can be asked: exit code 6', async () => {
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', mesh.folder('dahlia')]);
    expect([asked.code, asked.err]).toEqual([
      6,
      expect.stringMatching(/writes files in the workflow's folder.*nothing was run/),
    ]);
    expect(asked.out).toContain('report.write');
    expect((await mesh.clientOf('dahlia').workflows()).filter((known) => known.words === words)).toEqual([]);
  });

  it('is not opened by the node without one either', async () => {
    const client = mesh.clientOf('dahlia');
    const { StoredFiles } = await import('../../node/client/index.ts');
    const stored = new StoredFiles([localFile('packages.csv', good)]);
    const reply = await client.plan({ words }, stored);
    if (reply.kind !== 'plan') throw new Error(reply.message);
    expect(reply.risk).toBe('writes');
    await expect(
      client.open({ words, plan: reply.plan, idempotencyKey: 'some-key-3', approved: false }, stored),
    ).rejects.toMatchObject({ code: 'needs_approval' });
    const harmless = { ...(reply.plan as object), risk: 'read-only' };
    await expect(
      client.open({ words, plan: harmless, idempotencyKey: 'some-key-4', approved: false }, stored),
    ).rejects.toMatchObject({ code: expect.stringMatching(/bad_request|needs_approval/) });
  });

  it('writes its file into the workflow’s folder once it is certified, and nowhere else', async () => {
    const asked = await parley(
      ['ask', words, '--data', packagesPath, '--folder', mesh.folder('dahlia'), '--yes', '-o', 'json'],
      { cwd: folder },
    );
    expect([asked.code, asked.err]).toEqual([0, '']);
    const { workflow, files, certificate } = JSON.parse(asked.out) as {
      workflow: string;
      files: { name: string; path: string }[];
      certificate: string;
    };
    expect(files.map(({ name }) => name)).toEqual(['sizes.md']);
    expect(files[0]!.path).toBe(join(mesh.folder('dahlia'), 'workflows', workflow, 'sizes.md'));
    const text = readFileSync(files[0]!.path, 'utf8');
    for (const [section, sum] of largestSums(readPackages(packagesPath), 5))
      expect(text).toMatch(new RegExp(`\\| ${section} +\\| +${sum} \\|`));
    expect(verifyCertificateFile(new Uint8Array(readFileSync(certificate)), { crypto: createCrypto() }).ok).toBe(true);
    expect(existsSync(join(folder, 'sizes.md'))).toBe(false);
    // Every node carries the effect out for itself, in its own folder, to the same bytes.
    for (const name of mesh.names) {
      const path = join(mesh.folder(name), 'workflows', workflow, 'sizes.md');
      await eventually(`${name} to have written it`, async () => existsSync(path));
      expect(readFileSync(path, 'utf8')).toBe(text);
      expect(readdirSync(join(mesh.folder(name), 'workflows', workflow))).toEqual(['sizes.md']);
    }
  });

  it('whose file was removed has it again when its workflow is looked at', async () => {
    const [latest] = (await mesh.clientOf('cedar').workflows()).filter(
      (known) => known.words === words && known.state === 'completed',
    );
    const path = join(mesh.folder('cedar'), 'workflows', latest!.workflow, 'sizes.md');
    rmSync(path);
    await mesh.detail('cedar', latest!.workflow);
    expect(existsSync(path)).toBe(true);
  });
});
