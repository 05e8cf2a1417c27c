// Law: a node that has nothing to do takes work off one that has too much; nothing runs twice for it, nothing is lost, and nobody is accused.
import { afterEach, expect, it } from 'vitest';
import { InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

const count = 8;
const parts = Array.from({ length: 6 }, (_, i) => task(`part-${i}`, { skill: 'slow', input: { ms: 2_500, i } }));
const givenAway = (workflow: string): string[] =>
  [...mesh.record('amber', workflow)!.tasks.values()].flatMap(({ task: id, attempts }) =>
    [...attempts.values()].flatMap(({ faults }) => [...faults.values()].map(({ code }) => `${id}: ${code}`)),
  );

it('a member that comes late to a busy mesh is given what waits elsewhere, once per attempt, and every task comes to its end', async () => {
  mesh = await InProcessMesh.start({ count });
  // How long the skill takes is learned from runs: what is over in a moment is not worth the way.
  await mesh.ended(await mesh.open('amber', planOf([task('before', { skill: 'slow', input: { ms: 2_500 } })])));
  const late = mesh.names.at(-1)!;
  await mesh.stopNode(late);
  await mesh.time.advance(500);
  const workflow = await mesh.open('amber', planOf([...parts, task('whole', { after: parts.map(({ id }) => id) })]));
  await mesh.time.advance(1_000);
  await mesh.startNode(late);
  expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
  const gifts = givenAway(workflow);
  expect(gifts.length).toBeGreaterThan(0);
  expect(new Set(gifts).size).toBe(gifts.length);
  expect(new Set(gifts.map((gift) => gift.split(': ')[1]))).toEqual(new Set(['given-away']));
  const runsOf = (name: string): string[] => mesh.node(name).runs.map(({ input }) => JSON.stringify(input));
  expect(runsOf(late).length).toBeGreaterThan(0);
  for (const name of mesh.names) expect(new Set(runsOf(name)).size).toBe(runsOf(name).length);
  for (const name of mesh.names) expect([name, mesh.accused(name)]).toEqual([name, []]);
});

it('a mesh in which everybody computes everything gives nothing away', async () => {
  mesh = await InProcessMesh.start({ count: 4 });
  const workflow = await mesh.open('amber', planOf([...parts, task('whole', { after: parts.map(({ id }) => id) })]));
  expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
  expect(givenAway(workflow)).toEqual([]);
});
