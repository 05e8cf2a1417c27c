// Law: an intent is accepted once, under its key, and only when enough other members hold it, its plan and its files.
import { holdWorkflow } from '../../actors/memory/index.ts';
import type { Parts } from '../../actors/parts/index.ts';
import { planBytes, planDigest } from '../../actors/plan/index.ts';
import type { BlobRef } from '../../actors/system/index.ts';
import {
  encodeWorkflowEntry,
  openedPlanMaxBytes,
  openPerGatewayMax,
  payloadsOf,
  workflowId,
  workflowLane,
} from '../../actors/workflow/index.ts';
import { rendezvous } from '../../protocols/membership/index.ts';
import type { OpenReply, OpenRequest } from './api-work.ts';
import { assertOpenable, checkedPlan } from './check-plan.ts';
import { GatewayError } from './error.ts';
import { inWords, roleOf } from './status.ts';

/** Half of what the other members take from one gateway: they may hear of an end later than it does. */
const inHandMax = openPerGatewayMax / 2;
/** Time for one holder to fetch the files: a base and what a slow link needs per byte. */
const holdTimeoutMs = (sizeBytes: number): number => 8_000 + sizeBytes / 2_000;

/** Opens the workflow that the key and the plan name, or finds it opened. Resolves once enough members hold it, or none is left to ask. */
export async function openWorkflow(parts: Parts, request: OpenRequest): Promise<OpenReply> {
  const { world, board, chain, blobs } = parts;
  const plan = checkedPlan(parts, request.plan);
  assertOpenable(parts, plan);
  if (plan.risk !== 'read-only' && !request.approved) {
    throw new GatewayError(
      'needs_approval',
      `this plan is '${plan.risk}': a person has to approve it`,
      'Look at the plan and send it again with approved: true (the CLI asks, or takes --yes).',
    );
  }
  if (!chain.isMember(parts.identity.id))
    throw new GatewayError(
      'denied',
      `this node is ${inWords(roleOf(chain, parts.identity.id))}: it can follow workflows and not open them`,
      'Ask at a member.',
    );
  const { epoch } = chain.current;
  const { idempotencyKey, words, approved } = request;
  const planned = planDigest(plan, world.crypto);
  // The epoch may have changed since the first request; whose it was is told by the key and the plan alone.
  const known = board.byRequest(idempotencyKey, planned);
  const other = board.openedHere(idempotencyKey);
  if (known === undefined && other !== undefined) {
    throw new GatewayError(
      'conflict',
      `the key '${idempotencyKey}' already names workflow ${other.workflow.slice(0, 12)} with another plan`,
      'Use a new key for a new intent.',
    );
  }
  const inHand = board.running().filter(({ opened }) => opened?.gateway === parts.identity.id).length;
  if (known === undefined && inHand >= inHandMax) {
    throw new GatewayError(
      'not_ready',
      `this node has ${inHand} workflows in hand, the most it takes at a time`,
      'Wait until some have ended (`parley ps`), or send it to another node.',
    );
  }
  const workflow =
    known?.workflow ?? workflowId({ meshId: chain.meshId, epoch, idempotencyKey, planDigest: planned }, world.crypto);
  const files = payloadsOf(plan);
  for (const ref of files) {
    if (blobs.isPrivate(ref.digest))
      throw new GatewayError(
        'denied',
        `the plan reads payload ${ref.digest.slice(0, 12)}…, which is a private data set of this node`,
        'Ask across sites instead: the site computes on it under its own policy.',
      );
    if (!(await blobs.has(ref.digest)))
      throw new GatewayError(
        'bad_request',
        `the plan reads payload ${ref.digest.slice(0, 12)}…, which was not sent to this node`,
        'Send the files with PUT /v1/blobs first.',
      );
  }
  // Also where another member's opening is known already: that one may have shown it to this node alone, and the client was sent here.
  const about = known?.opened?.epoch ?? epoch;
  const isMine = known !== undefined && (known.ended !== undefined || known.openedBy.has(parts.identity.id));
  if (!isMine && chain.member(parts.identity.id, about) !== undefined) {
    const bytes = planBytes(plan);
    if (bytes.length > openedPlanMaxBytes)
      throw new GatewayError(
        'bad_request',
        `the plan takes ${bytes.length} bytes, over the limit of ${openedPlanMaxBytes}`,
        'Name fewer files or tasks: a folder of many files can be one archive.',
      );
    const atMs = world.clock.wallMs();
    const entry = {
      kind: 'opened',
      workflow,
      idempotencyKey,
      words,
      plan: bytes,
      epoch: about,
      approved,
      atMs,
    } as const;
    await appendEntry(parts, encodeWorkflowEntry(entry));
  }
  return { workflow, heldBy: await replicate(parts, workflow, files), repeated: known !== undefined };
}

/** What this node's lane does not take now, it takes later or never; either way the client must know. */
export async function appendEntry({ lanes }: Parts, entry: Uint8Array): Promise<void> {
  try {
    await lanes.append(workflowLane, entry);
  } catch (error) {
    if ((error as Error).name !== 'LaneRefused') throw error;
    throw new GatewayError('not_ready', (error as Error).message, 'Try again in a moment, or ask at another node.');
  }
}

/** Asks members to hold the workflow, in its rendezvous order, until enough do that one of them is honest and there. */
async function replicate(parts: Parts, workflow: string, files: readonly BlobRef[]): Promise<number> {
  const { chain, identity, office, view, world } = parts;
  const { members, f, c } = chain.current;
  const wanted = Math.min(members.length - 1, Math.max(f + c, 1) + f);
  const sizeBytes = files.reduce((sum, ref) => sum + ref.sizeBytes, 0);
  const order = rendezvous(
    workflow,
    members.map(({ id }) => id),
    world.crypto,
  ).filter((id) => id !== identity.id && view.isLive(id));
  let held = 0;
  let next = 0;
  let tellEnough = (): void => {};
  const enough = new Promise<void>((resolve) => {
    tellEnough = resolve;
  });
  const askNext = async (): Promise<void> => {
    while (held < wanted && next < order.length) {
      const node = order[next++]!;
      try {
        const reply = await office.request(
          node,
          holdWorkflow,
          { workflow, blobs: [...files] },
          { timeoutMs: holdTimeoutMs(sizeBytes) },
        );
        if (reply.held) held++;
        if (held >= wanted) tellEnough();
        if (!reply.held) world.log('warn', 'workflow not held', { workflow, node, reason: reply.reason });
      } catch (error) {
        world.log('warn', 'workflow not held', { workflow, node, reason: (error as Error).message });
      }
    }
  };
  // Once enough hold it, the client does not wait for one that is connected and silent.
  await Promise.race([enough, Promise.all(Array.from({ length: wanted }, askNext))]);
  return held;
}
