// Law: what is dropped of a workflow that is over is what nobody needs any more: never its result or proof, never what is under way.
import { afterEach, expect, it } from 'vitest';
import { createRetention } from '../../node/files/index.ts';
import { createWorkflowServices } from '../../node/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { InProcessMesh, once, planOf, refOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

const dayMs = 86_400_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it.each([
  ['in memory', 100],
  ['archived', 1],
])(
  'with its record %s, a workflow keeps its result and loses its inputs and intermediate results',
  async (_, finishedMax) => {
    mesh = await InProcessMesh.start({ count: 4, finishedMax });
    const { parts } = mesh.node('amber').composed;
    const blobs = parts.world.storage.blobs;
    const [input, waiting, orphan] = await Promise.all(
      ['an input', 'an input of what is under way', 'sent, and never used'].map(async (text) => {
        await blobs.write(once(bytes(text)));
        return refOf(bytes(text));
      }),
    );
    const plan = planOf([
      task('one', { files: { 'in.txt': { blob: input! } } }),
      task('two', { after: ['one'], files: { 'one.json': { task: 'one' } } }),
    ]);
    const over = await mesh.open('amber', plan, 'the-one-that-ends');
    await mesh.ended(over);
    const digestOf = (name: string): string => {
      const [first] = [...mesh.record('birch', over)!.tasks.get(name)!.attempts.get(0)!.candidates.values()];
      return hex.encode(first!.candidate.resultDigest);
    };
    const [intermediate, result] = [digestOf('one'), digestOf('two')];
    await mesh.ended(await mesh.open('amber', planOf([task('three')]), 'another-that-ends'));
    const slow = task('one', { skill: 'slow', input: { ms: 50_000 }, files: { 'in.txt': { blob: waiting! } } });
    const underWay = await mesh.open('amber', planOf([slow]), 'the-one-under-way');
    await mesh.time.advance(2_000);
    expect(parts.board.archivedAt(over) !== undefined).toBe(finishedMax === 1);

    const all = [input!.digest, waiting!.digest, orphan!.digest, intermediate, result];
    const present = async (): Promise<string[]> => {
      const found = await Promise.all(all.map((digest) => blobs.has(digest)));
      return all.filter((__, i) => found[i]);
    };
    const sweep = (ageMs: number, limits: { days?: number; gigabytes?: number }) => {
      const storedAtMs = parts.world.clock.wallMs() - ageMs;
      const list = async function* () {
        for (const digest of all) if (await blobs.has(digest)) yield { digest, sizeBytes: 1_000, storedAtMs };
      };
      return createRetention({ parts, list, limits }).sweep();
    };

    expect((await sweep(2 * dayMs, { days: 3 })).dropped).toBe(0);
    // However little room there is, what came within the hour may be about to be used.
    expect((await sweep(60_000, { gigabytes: 0 })).dropped).toBe(0);
    expect((await sweep(2 * dayMs, { days: 3, gigabytes: 0.000_003 })).dropped).toBe(0);
    expect((await sweep(2 * dayMs, { days: 3, gigabytes: 0.000_002 })).dropped).toBe(1);
    expect(await sweep(4 * dayMs, { days: 3 })).toEqual({ dropped: 2, freedBytes: 2_000 });
    expect(await present()).toEqual([waiting!.digest, result]);

    const services = createWorkflowServices({
      parts,
      askPlanner: () => Promise.reject(new Error('it has no planner')),
      ensureEffects: async () => {},
      workflowFolder: () => '/nowhere/at/all',
    });
    expect(await services.detail(over)).toMatchObject({ state: 'completed', result: { digest: result } });
    expect((await services.certificate(over)).length).toBeGreaterThan(500);
    expect(await mesh.ended(underWay, mesh.names, 120_000)).toEqual(mesh.names.map(() => 'completed'));
  },
);
