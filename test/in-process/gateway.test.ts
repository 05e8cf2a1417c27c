// Law: what a client is told about its workflow follows from the record, at whichever node it asks, and what cannot be done is said in words.
import { afterEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../actors/plan/index.ts';
import { workflowLane } from '../../actors/workflow/index.ts';
import { createWorkflowServices, type WorkflowServices } from '../../node/index.ts';
import { crypto, InProcessMesh, type InProcessOptions, once, planOf, refOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
const start = async (options: Partial<InProcessOptions> = {}): Promise<void> => {
  mesh = await InProcessMesh.start({ count: 4, ...options });
};
afterEach(() => mesh.end());

function at(name: string): WorkflowServices {
  const { parts } = mesh.node(name).composed;
  return createWorkflowServices({
    parts,
    askPlanner: () => Promise.reject(new Error('it has no planner')),
    ensureEffects: async () => {},
    workflowFolder: () => '/nowhere/at/all',
  });
}
/** Lets time pass until `work` is settled. */
async function settled<T>(work: Promise<T>): Promise<T> {
  let isSettled = false;
  work.then(
    () => {
      isSettled = true;
    },
    () => {
      isSettled = true;
    },
  );
  await mesh.until('an answer', () => isSettled, 120_000);
  return work;
}
const opening = (plan: unknown, key = 'a-key-of-its-own', approved = false) => ({
  words: 'do it',
  plan,
  idempotencyKey: key,
  approved,
});
const failure = async (work: Promise<unknown>): Promise<{ code: string; message: string; hint?: string }> =>
  settled(work).then(
    () => ({ code: 'none', message: 'it was done' }),
    (error: { code: string; message: string }) => error,
  );
const simple = planOf([task('one')]);

describe('an intent', () => {
  it('is accepted once two others hold it, and repeated wherever it is sent again', async () => {
    await start();
    const first = await settled(at('amber').open(opening(simple)));
    expect(first).toMatchObject({ heldBy: 2, repeated: false });
    expect(await settled(at('amber').open(opening(simple)))).toMatchObject({
      workflow: first.workflow,
      repeated: true,
    });
    await mesh.time.advance(1_000);
    expect(await settled(at('cedar').open(opening(simple)))).toMatchObject({
      workflow: first.workflow,
      repeated: true,
    });
    expect(await mesh.ended(first.workflow)).toEqual(mesh.names.map(() => 'completed'));
  });

  it('under a key that names another plan at this node is a conflict; what another member did with the key is not', async () => {
    await start();
    const other = planOf([task('one', { input: { of: 'other' } })]);
    await mesh.open('dune', other, 'a-key-of-its-own');
    await mesh.time.advance(500);
    const { workflow } = await settled(at('amber').open(opening(simple)));
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
    expect(await failure(at('amber').open(opening(other, 'a-key-of-its-own')))).toMatchObject({ code: 'none' });
    expect(await failure(at('amber').open(opening(planOf([task('two')]))))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(workflow.slice(0, 12)),
    });
  });

  it.each<readonly [string, unknown, RegExp]>([
    ['no plan', 'a plan', /plan/],
    ['nothing', null, /plan/],
    ['an unknown skill', planOf([task('one', { skill: 'conjure' })]), /unknown skill "conjure"/],
    ['a circle', planOf([task('one', { after: ['two'] }), task('two', { after: ['one'] })]), /waits for itself/],
    [
      'a site nobody is at',
      planOf([task('one', { placement: { site: 'mars', dataSet: 'x' }, endorsement: 'site' })]),
      /no member is at site mars/,
    ],
    ['a number that JSON cannot hold', planOf([task('one', { input: { of: Number.NaN } })]), /JSON|NaN/],
    ['half a character', planOf([task('one', { input: { of: '\ud800' } })]), /JSON|surrogate/],
    [
      'a payload that was not sent',
      planOf([task('one', { files: { 'a.csv': { blob: { digest: 'ab'.repeat(32), sizeBytes: 1 } } } })]),
      /was not sent to this node/,
    ],
    [
      'too much of everything',
      planOf(Array.from({ length: 60 }, (_, i) => task(`t${i}`, { input: { of: 'x'.repeat(4_000) } }))),
      /over the limit of 200000/,
    ],
  ])('with %s is refused in words', async (_what, plan, message) => {
    await start();
    const refused = await failure(at('amber').open(opening(plan)));
    expect([refused.code, refused.message]).toEqual(['bad_request', expect.stringMatching(message)]);
    expect(mesh.node('amber').composed.parts.board.all()).toEqual([]);
    expect(mesh.names.flatMap((name) => mesh.node(name).composed.parts.refusals.list())).toEqual([]);
  });

  it('nested deeper than any skill takes is refused in words', async () => {
    await start();
    for (const depth of [70, 5_000, 100_000]) {
      let input: unknown = 1;
      for (let i = 0; i < depth; i++) input = [input];
      const refused = await failure(at('amber').open(opening({ ...simple, tasks: [{ ...simple.tasks[0], input }] })));
      expect([depth, refused.code]).toEqual([depth, 'bad_request']);
    }
  });

  it('that writes waits for a person', async () => {
    await start();
    const writes: Plan = planOf([task('one', { skill: 'report.write' })], { risk: 'writes' });
    expect(await failure(at('amber').open(opening(writes)))).toMatchObject({ code: 'needs_approval' });
    expect(await settled(at('amber').open(opening(writes, 'an-approved-key', true)))).toMatchObject({ heldBy: 2 });
  });

  it('is not taken by a node that has its hands full, and the others take it', async () => {
    await start();
    const slow = planOf([task('one', { skill: 'slow', input: { ms: 50_000 } })]);
    const openings: Uint8Array[] = [];
    for (let i = 0; i < 500; i++) openings.push(mesh.opening(slow, `number-${i}-of-many`).entry);
    await mesh.say('amber', workflowLane, ...openings);
    expect(await failure(at('amber').open(opening(simple)))).toMatchObject({
      code: 'not_ready',
      message: expect.stringMatching(/500 workflows in hand/),
    });
    expect(await settled(at('birch').open(opening(simple)))).toMatchObject({ heldBy: 2 });
  });
});

describe('a member that is asked to hold a workflow', () => {
  it('fetches what its plan names', async () => {
    await start();
    const bytes = new TextEncoder().encode('a,b\n1,2\n');
    const ref = refOf(bytes);
    const stored = await settled(at('amber').storeBlob('a.csv', once(bytes)));
    expect(stored.blob).toEqual(ref);
    const plan = planOf([task('one', { files: { 'a.csv': { blob: ref } } })]);
    const { workflow, heldBy } = await settled(at('amber').open(opening(plan)));
    expect(heldBy).toBe(2);
    const holders = mesh.names.slice(1).map((name) => mesh.node(name).storage.blobs.has(ref.digest));
    expect((await Promise.all(holders)).filter((has) => has).length).toBeGreaterThanOrEqual(2);
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
  });

  it('fetches nothing else, whoever asks', async () => {
    await start();
    const { holdWorkflow } = await import('../../actors/memory/index.ts');
    const junk = crypto.sha256(new Uint8Array(9));
    await mesh.node('dune').storage.blobs.write(once(junk));
    const workflow = await mesh.open('dune', simple);
    await mesh.time.advance(500);
    const { office } = mesh.node('dune').composed.parts;
    const ask = office.request(
      mesh.idOf('amber'),
      holdWorkflow,
      { workflow, blobs: [refOf(junk)] },
      { timeoutMs: 10_000 },
    );
    expect(await settled(ask)).toEqual({ held: false, reason: 'its plan names no such payload' });
    expect(await mesh.node('amber').storage.blobs.has(refOf(junk).digest)).toBe(false);
  });
});

describe('a workflow', () => {
  it('is found by a prefix of its name that is its own', async () => {
    await start();
    const { workflow } = await settled(at('amber').open(opening(simple)));
    await mesh.ended(workflow);
    expect(await settled(at('birch').detail(workflow.slice(0, 8)))).toMatchObject({
      workflow,
      state: 'completed',
      result: { json: { skill: 'echo' } },
    });
    for (const prefix of ['', 'abc', workflow.slice(0, 3), 'zzzz', '../../etc'])
      expect([prefix, (await failure(at('birch').detail(prefix))).code]).toEqual([prefix, 'bad_request']);
  });

  it('is cancelled where it was opened; elsewhere that is noted, and said', async () => {
    await start();
    const slow = planOf([task('one', { skill: 'slow', input: { ms: 60_000 } })]);
    const { workflow } = await settled(at('amber').open(opening(slow)));
    expect(await failure(at('birch').cancel(workflow, 'not mine'))).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/was opened at amber/),
    });
    expect(await settled(at('amber').cancel(workflow, 'no longer needed'))).toMatchObject({
      state: 'cancelled',
      message: 'no longer needed',
    });
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'cancelled'));
    expect(await failure(at('amber').cancel(workflow, 'again'))).toMatchObject({ code: 'conflict' });
    expect(await failure(at('amber').certificate(workflow))).toMatchObject({ code: 'not_ready' });
  });

  it('tells its story to its end, at a node that was restarted and at one that was flooded with votes', async () => {
    await start();
    const { workflow } = await settled(at('amber').open(opening(simple)));
    await mesh.ended(workflow);
    await mesh.time.advance(1_000);
    await mesh.stopNode('birch');
    await mesh.startNode('birch');
    const story = async (name: string): Promise<string[]> => {
      const types: string[] = [];
      const told = (async () => {
        for await (const { type } of at(name).events(workflow, new AbortController().signal)) types.push(type);
      })();
      await settled(told);
      return types;
    };
    expect((await story('birch')).at(-1)).toBe('ended');
    const { events } = mesh.node('cedar').composed.parts;
    const fresh = await settled(at('cedar').open(opening(planOf([task('two')]), 'another-key-of-its-own')));
    for (let i = 0; i < 12_000; i++) events.emit(fresh.workflow, { key: `vote ${i}`, atMs: 0, type: 'vote' });
    await mesh.ended(fresh.workflow);
    await mesh.time.advance(2_000);
    const types: string[] = [];
    await settled(
      (async () => {
        for await (const { type } of at('cedar').events(fresh.workflow, new AbortController().signal)) types.push(type);
      })(),
    );
    expect(types.at(-1)).toBe('ended');
  });

  it('of which nothing was kept but its record still ends for who listens', async () => {
    await start();
    const { workflow } = await settled(at('amber').open(opening(simple)));
    await mesh.ended(workflow);
    await mesh.time.advance(1_000);
    const { events } = mesh.node('amber').composed.parts;
    for (let i = 0; i < 1_001; i++) events.emit(`other ${i}`, { key: 'a', atMs: 0, type: 'vote' });
    expect(events.list(workflow)).toEqual([]);
    const types: string[] = [];
    await settled(
      (async () => {
        for await (const { type } of at('amber').events(workflow, new AbortController().signal)) types.push(type);
      })(),
    );
    expect(types).toEqual(['ended']);
  });

  it('is not followed any longer by a client that went away', async () => {
    await start();
    const slow = planOf([task('one', { skill: 'slow', input: { ms: 60_000 } })]);
    const { workflow } = await settled(at('amber').open(opening(slow)));
    const gone = new AbortController();
    let ended = false;
    const following = (async () => {
      for await (const _ of at('amber').events(workflow, gone.signal));
      ended = true;
    })();
    await mesh.time.advance(1_000);
    expect(ended).toBe(false);
    gone.abort();
    await settled(following);
    expect(ended).toBe(true);
  });
});

describe('a result on a site’s own word', () => {
  it('that is no JSON is certified all the same, and told by its digest', async () => {
    const output = new Uint8Array([0xff, 0xfe, 0x00]);
    await start({
      outcome: Object.fromEntries(
        ['amber', 'birch', 'cedar', 'dune'].map((name) => [
          name,
          () => ({ kind: 'result' as const, output, durationMs: 1 }),
        ]),
      ),
    });
    const { workflow } = await settled(at('amber').open(opening(simple)));
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'completed'));
    expect(await settled(at('amber').detail(workflow))).toMatchObject({
      result: { digest: refOf(output).digest, json: null },
    });
  });
});
