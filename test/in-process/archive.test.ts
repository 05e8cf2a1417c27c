// Law: what a node holds in memory does not grow with what it has done: of a workflow that is over there is always the answer, the proof and
// who did what, read from the lanes; and what comes late for it is judged as if it had never been put away.
import { afterEach, expect, it } from 'vitest';
import { buildCertificateFile, verifyCertificateFile } from '../../actors/proof/index.ts';
import { workflowLane } from '../../actors/workflow/index.ts';
import { createWorkflowServices, type WorkflowServices } from '../../node/index.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';
import { plainRecord } from '../support/scribe.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

const kept = 3;
const names = ['amber', 'birch', 'cedar', 'dune'];
const partsOf = (name: string) => mesh.node(name).composed.parts;
const at = (name: string): WorkflowServices =>
  createWorkflowServices({
    parts: partsOf(name),
    askPlanner: () => Promise.reject(new Error('it has no planner')),
    ensureEffects: async () => {},
    workflowFolder: () => '/nowhere/at/all',
  });
async function settled<T>(work: Promise<T>): Promise<T> {
  let isSettled = false;
  const done = (): void => {
    isSettled = true;
  };
  work.then(done, done);
  await mesh.until('an answer', () => isSettled, 120_000);
  return work;
}
async function carryOut(count: number): Promise<string[]> {
  const workflows: string[] = [];
  for (let i = 0; i < count; i++) {
    const plan = planOf([task('one', { input: { of: i } }), task('two', { after: ['one'] })]);
    const workflow = await mesh.open(names[i % 4]!, plan, `key-number-${i}`);
    await mesh.ended(workflow);
    await mesh.time.advance(1_000);
    workflows.push(workflow);
  }
  await mesh.time.advance(5_000);
  return workflows;
}

it('a record that was put away comes back as it was, whole, with its certificate, also after a restart', async () => {
  mesh = await InProcessMesh.start({ count: 4, finishedMax: 100 });
  const workflows = await carryOut(6);
  const before = new Map(
    names.map((name) => [name, workflows.map((workflow) => plainRecord(mesh.record(name, workflow)!))]),
  );
  await mesh.end();
  mesh = await InProcessMesh.start({ count: 4, finishedMax: kept });
  expect(await carryOut(6)).toEqual(workflows);
  for (const name of names) {
    if (name === 'cedar') {
      await mesh.stopNode(name);
      await mesh.startNode(name);
      await mesh.time.advance(5_000);
    }
    const { board, recall, chain } = partsOf(name);
    expect([name, board.all().length, board.archived().length]).toEqual([name, kept, workflows.length - kept]);
    for (const [index, workflow] of workflows.entries()) {
      const record = (await settled(recall(workflow)))!;
      expect([name, plainRecord(record)]).toEqual([name, before.get(name)![index]]);
      const file = buildCertificateFile(record, chain)!;
      expect(verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex }).ok).toBe(true);
    }
    // Having been asked for all of them it holds no more than before.
    expect([name, board.all().length]).toEqual([name, kept]);
  }
});

it('clients see no difference: lists, details, certificates, repeated requests', async () => {
  mesh = await InProcessMesh.start({ count: 4, finishedMax: kept });
  const workflows = await carryOut(5);
  const services = at('birch');
  const list = services.list();
  expect(list.map(({ workflow }) => workflow).sort()).toEqual([...workflows].sort());
  for (const summary of list) expect(summary).toMatchObject({ state: 'completed', tasks: 2, tasksDone: 2 });
  for (const workflow of workflows) {
    expect(await settled(services.detail(workflow.slice(0, 12)))).toMatchObject({
      workflow,
      state: 'completed',
      taskDetails: [{ state: 'accepted' }, { state: 'accepted' }],
    });
    expect((await settled(services.certificate(workflow))).length).toBeGreaterThan(500);
  }
  const plan = planOf([task('one', { input: { of: 0 } }), task('two', { after: ['one'] })]);
  const again = { words: plan.goal, plan, idempotencyKey: 'key-number-0', approved: true };
  expect(await settled(at('amber').open(again))).toMatchObject({ workflow: workflows[0], repeated: true, heldBy: 2 });
});

it('a second, other result that a member signs for a workflow long put away is held against it', async () => {
  mesh = await InProcessMesh.start({ count: 4, finishedMax: 100 });
  const bodies: Uint8Array[] = [];
  mesh.twist('dune', (_lane, body) => {
    bodies.push(body);
    return body;
  });
  await carryOut(1);
  await mesh.end();

  mesh = await InProcessMesh.start({
    count: 4,
    finishedMax: kept,
    outcome: { dune: (_, honest) => ({ ...honest, ...('output' in honest ? { output: new Uint8Array([49]) } : {}) }) },
  });
  const [first] = await carryOut(6);
  expect(partsOf('amber').board.archivedAt(first!)).toBeDefined();
  expect(mesh.accused('amber')).toEqual(['dune']);
  const before = partsOf('amber').ledger.charges().length;
  // What it would have said had it been honest, about attempts for which it has said something else.
  await mesh.say('dune', workflowLane, ...bodies);
  await mesh.time.advance(5_000);
  const charges = partsOf('amber').ledger.charges();
  expect(charges.length).toBeGreaterThan(before);
  expect(charges.map(({ what }) => what).join()).toMatch(/two different results|both ways/);
});
