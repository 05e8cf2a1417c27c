// Law: of four members one may lie in any way its key allows: the others still come to a certified result, none of their actors falls over,
// and none of them is accused of anything.
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkflowEntry } from '../../actors/workflow/index.ts';
import { decodeWorkflowEntry, encodeWorkflowEntry, workflowLane } from '../../actors/workflow/index.ts';
import { type Attestation, attestations, type Candidate, candidates, expiries } from '../../consensus/index.ts';
import { encodeBody, hex } from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, type InProcessOptions, planOf, task } from '../support/in-process-mesh.ts';

const honest = ['amber', 'birch', 'cedar'];
const liar = 'dune';
let mesh: InProcessMesh;
const start = async (options: Partial<InProcessOptions> = {}): Promise<void> => {
  mesh = await InProcessMesh.start({ count: 4, ...options });
};
afterEach(() => mesh.end());

/** Nobody honest fell over, and whoever is accused is the liar. */
function expectUnharmed(): void {
  expect(mesh.crashes.filter((crash) => !crash.startsWith(liar))).toEqual([]);
  for (const name of honest)
    expect([name, mesh.accused(name).filter((accused) => accused !== liar)]).toEqual([name, []]);
}

async function expectCompleted(workflow: string, timeoutMs = 30_000): Promise<void> {
  expect(await mesh.ended(workflow, honest, timeoutMs)).toEqual(honest.map(() => 'completed'));
  await mesh.time.advance(1_000);
  expectUnharmed();
}

/** Passes the liar's candidates and attestations through `lie`, signed again. */
function restate(lie: {
  candidate?: (candidate: Candidate) => Candidate;
  attestation?: (attestation: Attestation) => Attestation;
  entry?: (entry: WorkflowEntry) => WorkflowEntry;
}): void {
  const { secretKey } = mesh.identityOf(liar);
  mesh.twist(liar, (lane, body) => {
    if (lane !== workflowLane) return body;
    let entry = decodeWorkflowEntry(body);
    if (entry.kind === 'candidate' && lie.candidate !== undefined) {
      const { signature: _old, ...claim } = lie.candidate(candidates.decode(entry.candidate));
      entry = { ...entry, candidate: candidates.encode(candidates.sign(claim, secretKey, crypto)) };
    }
    if (entry.kind === 'attestation' && lie.attestation !== undefined) {
      const { signature: _old, ...claim } = lie.attestation(attestations.decode(entry.attestation));
      entry = { ...entry, attestation: attestations.encode(attestations.sign(claim, secretKey, crypto)) };
    }
    return encodeWorkflowEntry(lie.entry?.(entry) ?? entry);
  });
}

/** One that the liar is an executor of, whatever the order: it bids first in some of them. */
const openSeveral = async (count: number, plan = () => planOf([task('one')])): Promise<string[]> => {
  const workflows: string[] = [];
  for (let i = 0; i < count; i++) workflows.push(await mesh.open('amber', plan(), `several-${i}`));
  return workflows;
};

describe('a lying executor', () => {
  it('signs the right digest with a wrong size: nobody certifies that size, and no honest node is accused of disputing it', async () => {
    await start();
    restate({ candidate: (candidate) => ({ ...candidate, sizeBytes: candidate.sizeBytes + 1 }) });
    for (const workflow of await openSeveral(6)) {
      await expectCompleted(workflow);
      const { decision } = mesh.record('amber', workflow)!.tasks.get('one')!.attempts.get(0)!.certified!;
      const output =
        decision.kind === 'ACCEPT'
          ? await mesh.node('amber').storage.blobs.sizeBytes(hex.encode(decision.resultDigest))
          : undefined;
      expect(decision).toMatchObject({ kind: 'ACCEPT', sizeBytes: output });
    }
  });

  it('attaches a failure to a result: the verdict is drafted all the same', async () => {
    await start();
    restate({
      entry: (entry) => (entry.kind === 'candidate' ? { ...entry, failure: { code: 'x', message: 'y' } } : entry),
    });
    for (const workflow of await openSeveral(6)) await expectCompleted(workflow);
  });

  it('calls a result what the others call a failure, under the same digest: the failure is certified and no honest node accused', async () => {
    await start();
    restate({
      candidate: (candidate) => ({ ...candidate, outcome: 'result' }),
      entry: (entry) => (entry.kind === 'candidate' ? { ...entry, failure: undefined } : entry),
    });
    for (const workflow of await openSeveral(6, () => planOf([task('one', { skill: 'fail' })]))) {
      expect(await mesh.ended(workflow, honest)).toEqual(honest.map(() => 'failed'));
    }
    await mesh.time.advance(1_000);
    expectUnharmed();
  });

  it('answers another call, under another plan, by another skill version', async () => {
    await start();
    restate({ candidate: (candidate) => ({ ...candidate, skillVersion: '9.9.9' }) });
    for (const workflow of await openSeveral(3)) await expectCompleted(workflow);
    restate({ candidate: (candidate) => ({ ...candidate, planDigest: new Uint8Array(32) }) });
    for (let i = 0; i < 3; i++)
      await expectCompleted(await mesh.open('amber', planOf([task('one')]), `plan-digest-${i}`));
  });

  it('never says anything, on any workflow it is asked for', async () => {
    await start();
    mesh.twist(liar, (lane, body) =>
      lane === workflowLane && decodeWorkflowEntry(body).kind === 'assigned' ? body : undefined,
    );
    for (const workflow of await openSeveral(6)) await expectCompleted(workflow);
  });
});

describe('a lying steward', () => {
  const openedFor = async (plan = () => planOf([task('one')])): Promise<string> => {
    // Ids are hashes: some of them fall to the liar.
    for (let i = 0; ; i++) {
      const key = `steward-${i}-key`;
      const { workflow } = mesh.opening(plan(), key);
      const order = mesh.node('amber').composed.parts;
      const { stewardOf } = await import('../../actors/steward/index.ts');
      const opened = { opened: { epoch: 0 }, workflow } as Parameters<typeof stewardOf>[1];
      if (stewardOf(order, opened) === mesh.idOf(liar)) return mesh.open('amber', plan(), key);
    }
  };

  it('assigns nobody: another member takes over', async () => {
    await start();
    mesh.twist(liar, () => undefined);
    await expectCompleted(await openedFor(), 10_000);
  });

  it('makes itself the only executor and stays silent', async () => {
    await start();
    mesh.twist(liar, (lane, body) => {
      if (lane !== workflowLane) return undefined;
      const entry = decodeWorkflowEntry(body);
      if (entry.kind !== 'assigned') return undefined;
      return encodeWorkflowEntry({
        ...entry,
        executors: [mesh.idOf(liar)],
        verifiers: honest.map((name) => mesh.idOf(name)),
      });
    });
    await expectCompleted(await openedFor(), 15_000);
  });

  it('assigns later tasks and attempts long before their turn: their time has not begun', async () => {
    await start();
    const plan = planOf([
      task('first', { skill: 'slow', input: { ms: 9_000 } }),
      task('second', { after: ['first'], skill: 'slow', input: { ms: 2_000 }, timeoutMs: 3_000 }),
    ]);
    const workflow = await mesh.open('amber', plan);
    const everyone = mesh.names.map((name) => mesh.idOf(name));
    for (const attempt of [0, 1, 2]) {
      const about = { workflow, task: 'second', attempt, atMs: 0 };
      const entry = encodeWorkflowEntry({ kind: 'assigned', ...about, executors: everyone, verifiers: [] });
      await mesh.say(liar, workflowLane, entry);
    }
    await expectCompleted(workflow, 40_000);
  });
});

describe('a member that writes what no honest one would', () => {
  it('speaks of a thousand workflows that nobody opened: what is opened afterwards runs', async () => {
    await start();
    const bodies: Uint8Array[] = [];
    for (let i = 0; i < 3_000; i++) {
      const workflow = hex.encode(crypto.sha256(new TextEncoder().encode(`nothing ${i}`)));
      bodies.push(encodeWorkflowEntry({ kind: 'cancelled', workflow, reason: 'spam', atMs: 0 }));
    }
    await mesh.say(liar, workflowLane, ...bodies.slice(0, 1_000));
    await mesh.say(liar, workflowLane, ...bodies.slice(1_000, 2_000));
    await mesh.say(liar, workflowLane, ...bodies.slice(2_000));
    await mesh.time.advance(2_000);
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
  });

  it('fills a workflow with tasks of its own invention before its opening arrives', async () => {
    await start();
    const { workflow, entry: opening } = mesh.opening(planOf([task('one')]), 'invented-tasks');
    for (let i = 0; i < 70; i++) {
      const about = { workflow, task: `t${i}`, attempt: 0, atMs: 0 };
      const entry = encodeWorkflowEntry({ kind: 'assigned', ...about, executors: [], verifiers: [] });
      await mesh.say(liar, workflowLane, entry);
    }
    await mesh.time.advance(500);
    await mesh.say('amber', workflowLane, opening);
    await expectCompleted(workflow);
  });

  it('writes bytes that are no entry into every lane: nodes still start', async () => {
    await start();
    for (const lane of ['workflow', 'mesh', 'audit']) {
      for (const body of [
        new Uint8Array(0),
        Uint8Array.of(0xc1),
        encodeBody(null, 10),
        encodeBody([1, 2], 10),
        encodeBody({ kind: 'observer', node: 7 }, 100),
        encodeBody({ kind: 'candidate' }, 100),
      ]) {
        await mesh.say(liar, lane, body);
      }
    }
    await mesh.time.advance(1_000);
    await mesh.stopNode('birch');
    await mesh.startNode('birch');
    await mesh.time.advance(3_000);
    await expectCompleted(await mesh.open('birch', planOf([task('one')])));
  });

  it('opens a plan that nests deeper than any program can follow', async () => {
    await start();
    for (const depth of [500, 3_000, 5_000, 7_000, 7_500, 8_000, 9_000, 12_000, 90_000]) {
      let input: unknown = 1;
      for (let i = 0; i < Math.min(depth, 400); i++) input = [input];
      const plan = planOf([task('one', { input: input as never })]);
      const text = JSON.stringify(plan)
        .replace('['.repeat(Math.min(depth, 400)), '['.repeat(depth))
        .replace(']'.repeat(Math.min(depth, 400)), ']'.repeat(depth));
      const key = `deep-${depth}`;
      const planBytes = new TextEncoder().encode(text);
      const { workflowId } = await import('../../actors/workflow/index.ts');
      const { chain } = mesh.node('amber').composed.parts;
      const workflow = workflowId(
        { meshId: chain.meshId, epoch: 0, idempotencyKey: key, planDigest: hex.encode(crypto.sha256(planBytes)) },
        crypto,
      );
      await mesh.say(
        liar,
        workflowLane,
        encodeBody(
          {
            kind: 'opened',
            workflow,
            idempotencyKey: key,
            words: 'deep',
            plan: planBytes,
            epoch: 0,
            approved: true,
            atMs: 0,
          },
          250_000,
        ),
      );
    }
    await mesh.time.advance(2_000);
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
  });

  it('opens plans that can never end: other workflows do not notice', async () => {
    await start();
    const impossible = [
      planOf([task('one', { after: ['two'] }), task('two', { after: ['one'] })]),
      planOf([task('one')], { result: 'two' }),
      planOf([task('one', { skill: 'nobody-has-this' })]),
      planOf([task('one'), task('one')]),
    ];
    for (const [i, plan] of impossible.entries()) await mesh.open(liar, plan, `impossible-${i}`);
    await mesh.time.advance(1_000);
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
    expect(mesh.node('amber').composed.parts.board.running()).toEqual([]);
  });

  it('opens the workflow of another gateway as its own and cancels it', async () => {
    await start();
    const plan = planOf([task('one', { skill: 'slow', input: { ms: 3_000 } })]);
    const { workflow, entry } = mesh.opening(plan, 'copied-opening');
    await mesh.say(liar, workflowLane, entry);
    await mesh.say(liar, workflowLane, encodeWorkflowEntry({ kind: 'cancelled', workflow, reason: 'mine', atMs: 0 }));
    await mesh.time.advance(200);
    await mesh.say('amber', workflowLane, entry);
    await expectCompleted(workflow);
  });

  it('signs expiries and attestations of other plans, epochs and calls', async () => {
    await start();
    const { identityOf } = mesh;
    const { chain } = mesh.node('amber').composed.parts;
    const plan = planOf([task('one', { skill: 'slow', input: { ms: 1_000 } })]);
    const workflow = await mesh.open('amber', plan);
    const { id, secretKey } = identityOf.call(mesh, liar);
    for (const [epoch, digest] of [
      [0, new Uint8Array(32)],
      [7, crypto.sha256(new Uint8Array(1))],
    ] as const) {
      const expired = expiries.sign(
        {
          meshId: chain.meshId,
          epoch,
          workflow: hex.decode(workflow),
          planDigest: digest,
          task: 'one',
          attempt: 0,
          member: id,
        },
        secretKey,
        crypto,
      );
      await mesh.say(
        liar,
        workflowLane,
        encodeWorkflowEntry({
          kind: 'expired',
          workflow,
          task: 'one',
          attempt: 0,
          expired: expiries.encode(expired),
          atMs: 0,
        }),
      );
    }
    await expectCompleted(workflow);
  });

  it('forks its lane: each honest node keeps one branch, names it, and goes on', async () => {
    await start();
    const plan = planOf([task('one')]);
    const a = mesh.opening(plan, 'branch-a-key');
    const b = mesh.opening(plan, 'branch-b-key');
    const [left] = mesh.forge(liar, 'workflow', [a.entry]);
    const [right] = mesh.forge(liar, 'workflow', [b.entry]);
    mesh.push(liar, ['amber'], [left!]);
    mesh.push(liar, ['birch', 'cedar'], [right!]);
    await mesh.time.advance(5_000);
    const workflow = await mesh.open('amber', plan, 'after-the-fork');
    await expectCompleted(workflow);
    for (const name of honest) expect([name, mesh.accused(name)]).toEqual([name, [liar]]);
  });

  it('writes twenty thousand entries about workflows of its invention', async () => {
    await start();
    const bodies: Uint8Array[] = [];
    for (let i = 0; i < 20_000; i++) {
      const workflow = hex.encode(crypto.sha256(new TextEncoder().encode(`flood ${i % 5_000}`)));
      bodies.push(
        encodeWorkflowEntry({
          kind: 'fault',
          workflow,
          task: `t${i % 97}`,
          attempt: i % 3,
          code: 'x',
          message: 'y',
          atMs: 0,
        }),
      );
    }
    mesh.push(liar, honest, mesh.forge(liar, 'workflow', bodies));
    await mesh.time.advance(100);
    await expectCompleted(await mesh.open('amber', planOf([task('one')])));
  });
});
