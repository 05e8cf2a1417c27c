// Law: a mesh with nothing to do is nearly silent: its roles wake when there is work, and its nodes for their peers.
import { afterEach, expect, it } from 'vitest';
import { loadBetween } from '../../actors/system/index.ts';
import { InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

const watchedMs = 60_000;

it('a node of a mesh at rest handles few messages, before its first workflow and after it, and still takes the next', async () => {
  mesh = await InProcessMesh.start({ count: 4 });
  for (const key of ['first-of-all', 'the-second-one']) {
    await mesh.time.advance(10_000);
    const before = mesh.live.map(({ composed }) => composed.system.inspect());
    await mesh.time.advance(watchedMs);
    for (const [index, { name, composed }] of mesh.live.entries()) {
      const loads = loadBetween(before[index]!, composed.system.inspect(), watchedMs);
      const perSecond = (of: (path: string) => boolean): number =>
        loads.filter(({ path }) => of(path)).reduce((sum, load) => sum + load.messagesPerSecond, 0);
      expect([name, 'roles', perSecond((path) => path.startsWith('/node/roles')) < 0.2]).toEqual([name, 'roles', true]);
      expect([name, 'auditor', perSecond((path) => path === '/node/auditor') < 0.2]).toEqual([name, 'auditor', true]);
      expect([name, perSecond(() => true) < 20]).toEqual([name, true]);
    }
    const workflow = await mesh.open('amber', planOf([task('one')]), key);
    expect(await mesh.ended(workflow)).toEqual(['completed', 'completed', 'completed', 'completed']);
  }
});
