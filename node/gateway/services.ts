// Law: the gateway hands an intent to the mesh and reports on it; it drives nothing. "Accepted" means that enough other members hold the
// intent, its plan and its files for the workflow to outlive this node.
import { holdWorkflow } from '../../actors/memory/index.ts';
import type { Parts } from '../../actors/parts/index.ts';
import { decodePlan, type Plan, planBytes, planDigest, problemText, validatePlan } from '../../actors/plan/index.ts';
import type { Planning } from '../../actors/planner/index.ts';
import { buildCertificateFile } from '../../actors/proof/index.ts';
import type { BlobRef } from '../../actors/system/index.ts';
import {
  encodeWorkflowEntry,
  isCancelling,
  openedPlanMaxBytes,
  openPerGatewayMax,
  payloadsOf,
  progressOf,
  resultBlob,
  type WorkflowRecord,
  workflowId,
  workflowLane,
} from '../../actors/workflow/index.ts';
import { rendezvous } from '../../protocols/membership/index.ts';
import type { OpenReply, PlanReply, PlanRequest, WorkflowDetail, WorkflowEvent, WorkflowSummary } from './api-work.ts';
import { archivedSummaryOf, detailOf, summaryOf } from './describe.ts';
import { GatewayError, type GatewayServices } from './server.ts';
import { inWords, roleOf } from './status.ts';

export type WorkflowServices = Pick<
  GatewayServices,
  'plan' | 'storeBlob' | 'readBlob' | 'open' | 'list' | 'detail' | 'events' | 'certificate' | 'cancel'
>;

export interface WorkflowServicesOptions {
  readonly parts: Parts;
  readonly askPlanner: (words: string, files: PlanRequest['files']) => Promise<Planning>;
  readonly ensureEffects: (record: WorkflowRecord) => Promise<void>;
  readonly workflowFolder: (workflow: string) => string;
}

const profileTimeoutMs = 20_000;
/** Half of what the other members take from one gateway: they may hear of an end later than it does. */
const inHandMax = openPerGatewayMax / 2;
/** A larger result is told by its digest; GET /v1/blobs gives its bytes. */
const inlineMaxBytes = 16 << 20;
/** How long after the end of a workflow its last event may take to be told. */
const endPatienceMs = 1_000;
/** For the other members to join a cancelling. */
const cancelPatienceMs = 10_000;
/** Time for one holder to fetch the files: a base and what a slow link needs per byte. */
const holdTimeoutMs = (sizeBytes: number): number => 8_000 + sizeBytes / 2_000;

export function createWorkflowServices({
  parts,
  askPlanner,
  ensureEffects,
  workflowFolder,
}: WorkflowServicesOptions): WorkflowServices {
  const { world, board, chain, lanes, blobs, events } = parts;

  const find = async (prefix: string): Promise<WorkflowRecord> => {
    if (!/^[0-9a-f]{4,64}$/.test(prefix))
      throw new GatewayError(
        'bad_request',
        `'${prefix.slice(0, 80)}' is not the id of a workflow: that is 4 to 64 of the digits 0-9 and a-f`,
        '`parley ps` lists them.',
      );
    const found = [...board.all().filter(({ opened }) => opened !== undefined), ...board.archived()].filter(
      ({ workflow }) => workflow.startsWith(prefix),
    );
    if (found.length === 1) {
      const record = await parts.recall(found[0]!.workflow);
      if (record !== undefined) return record;
      throw new GatewayError(
        'internal',
        `the entries of workflow ${found[0]!.workflow.slice(0, 12)} cannot be read from this node's disk`,
        'Ask at another member, and restart this node: it fetches what is lost.',
      );
    }
    if (found.length > 1)
      throw new GatewayError(
        'bad_request',
        `'${prefix}' is the start of ${found.length} workflow ids`,
        'Give more of the id; `parley ps` lists them.',
      );
    throw new GatewayError(
      'not_found',
      `this node knows no workflow '${prefix}'`,
      '`parley ps` lists those it knows. A node that was away learns of the others within seconds of its return.',
    );
  };

  const check = (value: unknown): Plan => {
    let plan: Plan;
    try {
      plan = decodePlan(planBytes(value as Plan));
    } catch (error) {
      throw new GatewayError(
        'bad_request',
        (error as Error).message,
        'Send the plan as POST /v1/plans returned it, or correct the plan file.',
      );
    }
    const problems = validatePlan(plan, parts.manifests);
    if (problems.length > 0)
      throw new GatewayError(
        'bad_request',
        problems.map((problem) => problemText(problem)).join('\n'),
        '`parley run --help` shows a plan file; the skills are listed by `parley status`.',
      );
    return plan;
  };

  const openable = (plan: Plan): void => {
    const missing = plan.tasks.flatMap(({ placement }) =>
      placement !== undefined && !chain.current.members.some(({ site }) => site === placement.site)
        ? [placement.site]
        : [],
    );
    if (missing.length > 0)
      throw new GatewayError(
        'bad_request',
        `no member is at site ${missing.join(', ')}`,
        '`parley status` lists the sites.',
      );
  };

  return {
    async plan(request): Promise<PlanReply> {
      if ((request.words === undefined) === (request.plan === undefined))
        throw new GatewayError('bad_request', 'give either words or a plan');
      if (request.plan !== undefined) {
        const plan = check(request.plan);
        openable(plan);
        return {
          kind: 'plan',
          plan,
          digest: planDigest(plan, world.crypto),
          risk: plan.risk,
          explanation: [],
          warnings: [],
        };
      }
      const reply = await askPlanner(request.words!, request.files);
      if (reply.kind === 'plan')
        return {
          kind: 'plan',
          plan: reply.plan,
          digest: planDigest(reply.plan, world.crypto),
          risk: reply.plan.risk,
          explanation: [...reply.explanation],
          warnings: [],
        };
      return {
        kind: 'abstain',
        reason: reply.reason,
        message: reply.message,
        questions: [...reply.questions],
        candidates: reply.candidates.map(({ skill, title, example }) => ({ skill, title, example })),
      };
    },

    async storeBlob(name, source) {
      const blob = await world.storage.blobs.write(source).catch((error: unknown) => {
        throw error instanceof RangeError ? new GatewayError('bad_request', error.message) : error;
      });
      return { name, blob, profile: await world.sandbox.profile({ name, blob }, { timeoutMs: profileTimeoutMs }) };
    },

    async readBlob(digest) {
      if (!/^[0-9a-f]{64}$/.test(digest) || !(await blobs.has(digest)))
        throw new GatewayError('not_found', `payload ${digest} is not at this node`);
      return world.storage.blobs.read(digest);
    },

    async open(request): Promise<OpenReply> {
      const plan = check(request.plan);
      openable(plan);
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
        known?.workflow ??
        workflowId({ meshId: chain.meshId, epoch, idempotencyKey, planDigest: planned }, world.crypto);
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
        await append(encodeWorkflowEntry(entry));
      }
      return { workflow, heldBy: await replicate(parts, workflow, files), repeated: known !== undefined };
    },

    list: (): readonly WorkflowSummary[] => [
      ...board.archived().map(archivedSummaryOf),
      ...board
        .all()
        .filter(({ opened }) => opened !== undefined)
        .map((record) => summaryOf(parts, record)),
    ],

    detail: async (prefix): Promise<WorkflowDetail> => describe(await find(prefix)),

    async *events(prefix, signal): AsyncIterable<WorkflowEvent> {
      const record = await find(prefix);
      const { workflow } = record;
      let wake = (): void => {};
      const leave = events.onEvent(workflow, () => wake());
      signal.addEventListener('abort', () => wake(), { once: true });
      try {
        for (let next = 0, isLate = false; !signal.aborted; ) {
          const list = events.list(workflow);
          if (next < list.length) {
            const event = list[next++] as unknown as WorkflowEvent;
            yield event;
            if (event.type === 'ended') return;
            continue;
          }
          // Of a workflow that ended long ago, or that somebody buried in events, the end itself may no longer be among them.
          if (record.ended !== undefined && isLate) {
            const { state, message, atMs } = record.ended;
            yield { key: 'ended', atMs, type: 'ended', state, message };
            return;
          }
          isLate = record.ended !== undefined;
          await new Promise<void>((resolve) => {
            const cancel = isLate
              ? world.scheduler.at(world.clock.monotonicMs() + endPatienceMs, resolve)
              : (): void => {};
            wake = () => {
              cancel();
              resolve();
            };
          });
        }
      } finally {
        leave();
      }
    },

    async certificate(prefix) {
      const record = await find(prefix);
      const file = buildCertificateFile(record, chain);
      if (file === undefined) {
        throw new GatewayError(
          'not_ready',
          `workflow ${record.workflow.slice(0, 12)} has no certificate: it is ${summaryOf(parts, record).state}`,
          'Only a completed workflow is certified; follow it with `parley show`.',
        );
      }
      return file;
    },

    async cancel(prefix, reason) {
      const record = await find(prefix);
      if (record.ended !== undefined)
        throw new GatewayError(
          'conflict',
          `workflow ${record.workflow.slice(0, 12)} has already ended: ${record.ended.state}`,
        );
      await append(
        encodeWorkflowEntry({ kind: 'cancelled', workflow: record.workflow, reason, atMs: world.clock.wallMs() }),
      );
      await cancelled(record);
      if (board.get(record.workflow)?.ended === undefined) {
        const gateways = [...record.openedBy].map((id) => chain.nameOf(id)).join(' and ');
        throw new GatewayError(
          'denied',
          `workflow ${record.workflow.slice(0, 12)} was opened at ${gateways}; that this node cancels it is noted and not enough`,
          `Cancel it there too, or at ${chain.current.f + 1} members in all; the others then join.`,
        );
      }
      return describe(record);
    },
  };

  /** Where enough members want it cancelled, the others say so too within seconds: waits for that, and no longer. */
  function cancelled(record: WorkflowRecord): Promise<void> {
    const config = chain.config(record.opened!.epoch)!;
    return new Promise((resolve) => {
      if (record.ended !== undefined || !isCancelling(record, config)) return resolve();
      const end = (): void => {
        cancel();
        leave();
        resolve();
      };
      const cancel = world.scheduler.at(world.clock.monotonicMs() + cancelPatienceMs, end);
      const leave = board.onChange(() => void (record.ended !== undefined && end()));
    });
  }

  /** What this node's lane does not take now, it takes later or never; either way the client must know. */
  async function append(entry: Uint8Array): Promise<void> {
    try {
      await lanes.append(workflowLane, entry);
    } catch (error) {
      if ((error as Error).name !== 'LaneRefused') throw error;
      throw new GatewayError('not_ready', (error as Error).message, 'Try again in a moment, or ask at another node.');
    }
  }

  async function describe(record: WorkflowRecord): Promise<WorkflowDetail> {
    const progress = progressOf(record);
    let result: Uint8Array | undefined;
    if (progress.kind === 'done') {
      const ref = resultBlob(progress.result.decision)!;
      const { candidate } = progress.result.decision as Extract<typeof progress.result.decision, { kind: 'ACCEPT' }>;
      await blobs.obtain(ref, [candidate.executor]);
      if (ref.sizeBytes <= inlineMaxBytes) result = await collect(world.storage.blobs.read(ref.digest));
      await ensureEffects(record);
    }
    return detailOf(parts, record, result, workflowFolder(record.workflow));
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

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
