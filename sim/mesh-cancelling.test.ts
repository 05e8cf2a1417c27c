// Law: whoever copies an opening has a word in its cancelling, and no more than one: it cannot cancel what another gateway opened, and what one
// gateway cannot cancel alone because of it, more members than may lie can.
import { describe, expect, it } from 'vitest';
import { encodeWorkflowEntry, workflowLane } from '../actors/workflow/index.ts';
import { hex, utf8 } from '../protocols/wire/index.ts';
import { Swarm } from './swarm.ts';
import { computeTask, planOf } from './workload.ts';

/** Longer than anything that is waited for here. */
const long = planOf('long', [computeTask('only', { durationMs: 300_000, timeoutMs: 600_000 })]);
/** Several exchanges of logs and the patience before a member joins a cancelling. */
const waitedMs = 20_000;

/** The last member opens for itself whatever it hears that another opened; with `cancels` it cancels that too. */
async function meshWithCopier(nodes: number, cancels: boolean): Promise<Swarm> {
  const swarm = new Swarm({ seed: 51, nodes });
  swarm.watch({
    board(node, { author, entry }) {
      if (node.index !== nodes - 1 || entry.kind !== 'opened' || author === node.id) return;
      const { lanes } = node.process!.composed.parts;
      const say = (said: Parameters<typeof encodeWorkflowEntry>[0]): void =>
        void lanes.append(workflowLane, encodeWorkflowEntry(said)).catch(() => {});
      say(entry);
      if (cancels) say({ kind: 'cancelled', workflow: entry.workflow, reason: 'not mine', atMs: entry.atMs });
    },
  });
  swarm.start();
  await swarm.run(3_000);
  return swarm;
}

const ends = (swarm: Swarm, workflow: string, honest: number): (string | undefined)[] =>
  swarm.nodes.slice(0, honest).map(({ process }) => process!.composed.parts.board.get(workflow)?.ended?.state);

describe('an opening that a liar copied', () => {
  for (const { nodes, f } of [
    { nodes: 4, f: 1 },
    { nodes: 7, f: 2 },
  ])
    it(`is cancelled everywhere by ${f + 1} members of ${nodes}, and by ${f} of them nowhere`, async () => {
      const swarm = await meshWithCopier(nodes, false);
      const submission = swarm.submit(0, long, 'a long work');
      await swarm.run(swarm.nowMs + 5_000);
      const workflow = submission.workflow!;
      const { board } = swarm.nodes[0]!.process!.composed.parts;
      expect(board.get(workflow)!.openedBy.size).toBe(2);
      for (let member = 0; member < f; member++) swarm.cancel(member, submission);
      await swarm.run(swarm.nowMs + waitedMs);
      expect(ends(swarm, workflow, nodes - 1)).toEqual(Array(nodes - 1).fill(undefined));
      swarm.cancel(f, submission);
      await swarm.run(swarm.nowMs + waitedMs);
      expect(ends(swarm, workflow, nodes - 1)).toEqual(Array(nodes - 1).fill('cancelled'));
    });

  it('is cancelled by one member that shows the secret in its key, which the liar does not know, and by no other secret', async () => {
    const swarm = await meshWithCopier(4, false);
    const secret = 'the client’s own secret';
    const key = `long-work#${hex.encode(swarm.crypto.sha256(utf8.encode(secret)))}`;
    const submission = swarm.submit(0, long, key);
    await swarm.run(swarm.nowMs + 5_000);
    swarm.cancel(1, submission, 'another secret than that');
    await swarm.run(swarm.nowMs + waitedMs);
    expect(ends(swarm, submission.workflow!, 3)).toEqual([undefined, undefined, undefined]);
    swarm.cancel(2, submission, secret);
    await swarm.run(swarm.nowMs + waitedMs);
    expect(ends(swarm, submission.workflow!, 3)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    // Each has said so itself: liars that show it to some alone change nothing.
    const { board } = swarm.nodes[0]!.process!.composed.parts;
    for (const { id } of swarm.nodes.slice(0, 3))
      expect(board.get(submission.workflow!)!.cancelledBy.has(id)).toBe(true);
  });

  it('is not cancelled by the liar, though it says that it opened it', async () => {
    const swarm = await meshWithCopier(4, true);
    const plan = planOf('short', [computeTask('only', { durationMs: 8_000, timeoutMs: 60_000 })]);
    const submission = swarm.submit(0, plan, 'a short work');
    await swarm.run(swarm.nowMs + 60_000, () =>
      ends(swarm, submission.workflow ?? '', 3).every((end) => end !== undefined),
    );
    expect(ends(swarm, submission.workflow!, 3)).toEqual(['completed', 'completed', 'completed']);
  });
});
