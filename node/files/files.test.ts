import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parts } from '../../actors/parts/index.ts';
import type { FileProfile, Sandbox } from '../../actors/system/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import { attemptOf } from '../../actors/workflow/index.ts';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { utf8 } from '../../protocols/wire/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { manifests, once, planOf, task } from '../../test/support/in-process-mesh.ts';
import { Scribe } from '../../test/support/scribe.ts';
import { carryOutEffects, createDataSets } from './index.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parley-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('an effect', () => {
  /** A workflow whose task wrote `output`, certified unless told otherwise. */
  async function certified(output: string, options: { skill?: string; isDecided?: boolean } = {}) {
    const scribe = new Scribe(planOf([task('one', { skill: options.skill ?? 'report.write' })], { risk: 'writes' }));
    const record: WorkflowRecord = scribe.opening();
    const right = scribe.candidate('amber', scribe.terms('one'), output);
    const board = scribe.board();
    for (const { author, body } of [
      scribe.opened('amber'),
      scribe.said('amber', right),
      scribe.attested('birch', right),
      scribe.attested('cedar', right),
    ])
      board.apply(author, body);
    const { candidates, attestations } = board.get(scribe.workflow)!.tasks.get('one')!.attempts.get(0)!;
    Object.assign(attemptOf(record, 'one', 0), { candidates, attestations });
    if (options.isDecided !== false) scribe.decided('amber', record, 'one');
    const storage = createMemoryStorage(crypto);
    await storage.blobs.write(once(utf8.encode(output)));
    const logged: string[] = [];
    const parts = {
      manifests,
      blobs: { obtain: async () => {} },
      world: { storage, log: (_level: string, text: string) => void logged.push(text) },
    } as unknown as Parts;
    return { carryOut: () => carryOutEffects(parts, record, join(root, 'workflow')), logged };
  }
  const report = (fileName: unknown, markdown: unknown = '# A report\n'): string =>
    JSON.stringify({ fileName, markdown });
  const folder = (): string => join(root, 'workflow');

  it('is a file in the workflow’s own folder, readable by its owner alone, and doing it twice is doing it once', async () => {
    const { carryOut } = await certified(report('a report.md'));
    await carryOut();
    const path = join(folder(), 'a report.md');
    expect([readFileSync(path, 'utf8'), (statSync(path).mode & 0o777).toString(8)]).toEqual(['# A report\n', '600']);
    const before = statSync(path);
    await carryOut();
    expect([statSync(path).ino, readdirSync(folder())]).toEqual([before.ino, ['a report.md']]);
    writeFileSync(path, 'torn');
    await carryOut();
    expect(readFileSync(path, 'utf8')).toBe('# A report\n');
  });

  it.each([
    '../escape.md',
    '/etc/passwd',
    'a/b.md',
    '..',
    '.hidden',
    'a\\b.md',
    'a\u0000b',
    '',
    'x'.repeat(200),
    7,
    null,
  ])('with %j for a file’s name writes nothing', async (fileName) => {
    const { carryOut, logged } = await certified(report(fileName));
    await carryOut();
    expect([existsSync(folder()), readdirSync(root), logged]).toEqual([
      false,
      [],
      ['a certified file could not be written'],
    ]);
  });

  it.each(['no JSON at all', '[]', 'null', report('a.md', 7)])(
    'of a result that names no file (%j) is none, and stops nobody',
    async (output) => {
      const { carryOut, logged } = await certified(output);
      await carryOut();
      expect([readdirSync(root), logged.length]).toEqual([[], 1]);
    },
  );

  it('is carried out for no result that is not certified, and for no skill that does not write', async () => {
    await (await certified(report('a.md'), { isDecided: false })).carryOut();
    await (await certified(report('a.md'), { skill: 'echo' })).carryOut();
    expect(readdirSync(root)).toEqual([]);
  });

  it('replaces a link that stands in its place, and does not follow it', async () => {
    const { carryOut } = await certified(report('a.md'));
    writeFileSync(join(root, 'precious'), 'precious');
    mkdirSync(folder());
    symlinkSync(join(root, 'precious'), join(folder(), 'a.md'));
    await carryOut();
    expect([readFileSync(join(root, 'precious'), 'utf8'), readFileSync(join(folder(), 'a.md'), 'utf8')]).toEqual([
      'precious',
      '# A report\n',
    ]);
  });
});

describe('a data set', () => {
  function siteOf(paths: Readonly<Record<string, string>>) {
    const storage = createMemoryStorage(crypto);
    const kept: string[] = [];
    let profiles = 0;
    const sandbox = {
      profile: async (file: { name: string }): Promise<FileProfile> => {
        profiles++;
        return {
          name: file.name,
          format: 'csv',
          sizeBytes: 1,
          tables: [{ name: 't', columns: [{ name: 'section', type: 'text' }] }],
        };
      },
    } as unknown as Sandbox;
    const policy = { minimumGroupSize: 5, allow: ['table.aggregate'] };
    const sets = Object.entries(paths).map(([name, path]) => ({ name, path, policy }));
    return {
      sets: createDataSets(sets, { storage, sandbox, keepPrivate: (digest) => void kept.push(digest) }),
      kept,
      storage,
      profiles: () => profiles,
      policy,
    };
  }

  it('is opened under its policy, and its payload is private from then on', async () => {
    const path = join(root, 'ledger.csv');
    writeFileSync(path, 'section\nadmin\n');
    const { sets, kept, policy } = siteOf({ ledger: path });
    const opened = await sets.open('ledger');
    expect(opened).toMatchObject({ fileName: 'ledger.csv', policy, blob: { sizeBytes: 14 } });
    expect(kept).toEqual([opened!.blob.digest]);
    expect(await sets.open('another')).toBeUndefined();
  });

  it('that changed is another payload, private too; one that did not is not read again', async () => {
    const path = join(root, 'ledger.csv');
    writeFileSync(path, 'one\n');
    const { sets, kept } = siteOf({ ledger: path });
    await sets.open('ledger');
    await sets.open('ledger');
    writeFileSync(path, 'two\n');
    utimesSync(path, 1_000, 1_000);
    await sets.open('ledger');
    expect(new Set(kept).size).toBe(2);
  });

  it('that cannot be read is named in the error, and costs the others nothing', async () => {
    const path = join(root, 'ledger.csv');
    writeFileSync(path, 'section\n');
    const { sets } = siteOf({ gone: join(root, 'gone.csv'), ledger: path });
    await expect(sets.open('gone')).rejects.toThrow("data set 'gone' cannot be read (ENOENT)");
    expect(await sets.describe()).toEqual([
      { name: 'gone', columns: [] },
      { name: 'ledger', columns: ['section'] },
    ]);
  });

  it('is examined once, however often it is told of, until it changes', async () => {
    const path = join(root, 'ledger.csv');
    writeFileSync(path, 'section\n');
    const { sets, profiles } = siteOf({ ledger: path });
    for (let i = 0; i < 5; i++) await sets.describe();
    expect(profiles()).toBe(1);
    writeFileSync(path, 'section,size\n');
    await sets.describe();
    expect(profiles()).toBe(2);
  });
});
