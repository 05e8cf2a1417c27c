// Law: the gateway hands an intent to the mesh and reports on it; it drives nothing. "Accepted" means that enough other members hold the
// intent, its plan and its files for the workflow to outlive this node.
import type { Parts } from '../../actors/parts/index.ts';
import { planDigest } from '../../actors/plan/index.ts';
import type { Planning } from '../../actors/planner/index.ts';
import { buildCertificateFile } from '../../actors/proof/index.ts';
import {
  encodeWorkflowEntry,
  isCancelling,
  isCancelSecret,
  progressOf,
  resultBlob,
  type WorkflowRecord,
} from '../../actors/workflow/index.ts';
import type { PlanReply, PlanRequest, WorkflowDetail, WorkflowEvent, WorkflowSummary } from './api-work.ts';
import { assertOpenable, checkedPlan } from './check-plan.ts';
import { archivedSummaryOf, detailOf, summaryOf } from './describe.ts';
import { GatewayError } from './error.ts';
import { findWorkflow } from './find-workflow.ts';
import { appendEntry, openWorkflow } from './open-workflow.ts';
import type { GatewayServices } from './services-contract.ts';

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
/** A larger result is told by its digest; GET /v1/blobs gives its bytes. */
const inlineMaxBytes = 16 << 20;
/** How long after the end of a workflow its last event may take to be told. */
const endPatienceMs = 1_000;
/** For the other members to join a cancelling. */
const cancelPatienceMs = 10_000;

export function createWorkflowServices({
  parts,
  askPlanner,
  ensureEffects,
  workflowFolder,
}: WorkflowServicesOptions): WorkflowServices {
  const { world, board, chain, blobs, events } = parts;

  const find = (prefix: string): Promise<WorkflowRecord> => findWorkflow(parts, prefix);

  return {
    async plan(request): Promise<PlanReply> {
      if ((request.words === undefined) === (request.plan === undefined))
        throw new GatewayError('bad_request', 'give either words or a plan');
      if (request.plan !== undefined) {
        const plan = checkedPlan(parts, request.plan);
        assertOpenable(parts, plan);
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

    open: (request) => openWorkflow(parts, request),

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
          'What its members decided is certified once it has ended; follow it with `parley show`.',
        );
      }
      return file;
    },

    async cancel(prefix, reason, secret) {
      const record = await find(prefix);
      if (record.ended !== undefined)
        throw new GatewayError(
          'conflict',
          `workflow ${record.workflow.slice(0, 12)} has already ended: ${record.ended.state}`,
        );
      if (secret !== undefined && !isCancelSecret(record.opened!.idempotencyKey, secret, world.crypto))
        throw new GatewayError(
          'denied',
          `that is not the secret of workflow ${record.workflow.slice(0, 12)}, whose key would end in '#' and its SHA-256`,
          'Cancel it without a secret where it was opened.',
        );
      await appendEntry(
        parts,
        encodeWorkflowEntry({
          ...{ kind: 'cancelled', workflow: record.workflow, reason, atMs: world.clock.wallMs() },
          ...(secret === undefined ? {} : { secret }),
        }),
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

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
