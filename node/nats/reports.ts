// Law: every workflow that came from NATS is told on NATS, to its end, whichever node dies: by the node that opened it while that node is
// there, and by the workflow's steward after it. What is told twice carries the same message id.
import { headers, type Msg } from '@nats-io/transport-node';
import type { Parts } from '../../actors/parts/index.ts';
import { stewardOf } from '../../actors/steward/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import { utf8 } from '../../protocols/wire/index.ts';
import type { WorkflowEvent, WorkflowServices } from '../gateway/index.ts';
import { GatewayError } from '../gateway/index.ts';
import { keyPrefix } from './intents.ts';

export type Publish = (subject: string, data: string, options?: Parameters<Msg['respond']>[1]) => void;

/** How a workflow ended. */
export interface Outcome {
  readonly workflow: string;
  readonly state: 'completed' | 'failed' | 'cancelled';
  readonly message?: string;
  /** The answer, where it completed. */
  readonly result?: unknown;
  readonly resultDigest?: string;
  /** The certificate file, base64: `parley verify` checks it offline. */
  readonly certificate?: string;
  /** Set where answer and certificate do not fit one message: get them from a node. */
  readonly omitted?: string;
}

/** A little below NATS's default limit of 1 MiB per message, for headers. */
const outcomeMaxBytes = (1 << 20) - 4_096;
/** A node that opened a workflow and then left is taken over from after this long. */
const lookMs = 1_000;
/** The record may reach this node a moment after the client got its workflow id from another. */
const findMs = 3_000;

/** On the event bus; the key is the workflow. */
const workflowTopic = 'workflows';

export const eventsSubject = (workflow: string): string => `parley.workflow.${workflow}.events`;
export const resultSubject = (workflow: string): string => `parley.workflow.${workflow}.result`;

export interface Reports {
  outcome(workflow: string): Promise<Outcome | undefined>;
  /** Events from the beginning, then live; ends with the workflow or the signal. Throws GatewayError. */
  follow(workflow: string, signal: AbortSignal): AsyncIterable<WorkflowEvent>;
  stop(): void;
}

export function createReports(options: {
  readonly parts: Parts;
  readonly services: WorkflowServices;
  readonly publish: Publish;
  /** Where workflows are told so that they can be replayed, on the topic `workflows`; undefined where there is no such bus. */
  readonly bus: (() => Promise<EventBus>) | undefined;
}): Reports {
  const { parts, services, publish } = options;
  const { world, board, identity, view } = parts;
  const stopping = new AbortController();
  /** Workflows that this node tells, or has told to the end. */
  const told = new Set<string>();

  async function outcome(workflow: string): Promise<Outcome | undefined> {
    const detail = await services.detail(workflow);
    if (detail.state === 'running' || detail.state === 'waiting-for-quorum') return undefined;
    const whole: Outcome = {
      workflow: detail.workflow,
      state: detail.state,
      ...(detail.message === undefined ? {} : { message: detail.message }),
      ...(detail.result === undefined
        ? {}
        : {
            result: detail.result.json,
            resultDigest: detail.result.digest,
            certificate: Buffer.from(await services.certificate(workflow)).toString('base64'),
          }),
    };
    if (Buffer.byteLength(JSON.stringify(whole)) <= outcomeMaxBytes) return whole;
    const { result: _, certificate: __, ...rest } = whole;
    return { ...rest, omitted: 'answer and certificate exceed one NATS message: `parley show` at a node has them' };
  }

  const withId = (id: string) => {
    const found = headers();
    found.set('Nats-Msg-Id', id);
    return { headers: found };
  };

  /** Kept, for whoever follows workflows later or as a group. A workflow does not wait for it. */
  async function keep(workflow: string, key: string, text: string): Promise<void> {
    try {
      const bus = await options.bus?.();
      await bus?.publish(workflowTopic, {
        key: workflow,
        id: `${workflow}|${key}`.slice(0, 256),
        data: utf8.encode(text),
      });
    } catch (error) {
      world.log('debug', 'an event of a workflow is not on the event bus', { workflow, error: String(error) });
    }
  }

  async function tell(workflow: string): Promise<void> {
    try {
      for await (const event of services.events(workflow, stopping.signal)) {
        const text = JSON.stringify(event);
        publish(eventsSubject(workflow), text, withId(`${workflow}|${event.key}`));
        void keep(workflow, event.key, text);
      }
      if (stopping.signal.aborted) return;
      const ended = await outcome(workflow);
      if (ended !== undefined) publish(resultSubject(workflow), JSON.stringify(ended), withId(`${workflow}|result`));
    } catch (error) {
      told.delete(workflow);
      world.log('warn', 'a workflow could not be told on NATS; will try again', { workflow, error: String(error) });
    }
  }

  const isMine = (record: WorkflowRecord): boolean => {
    const { opened } = record;
    if (opened === undefined || !opened.idempotencyKey.startsWith(keyPrefix)) return false;
    return opened.gateway === identity.id || (!view.isLive(opened.gateway) && stewardOf(parts, record) === identity.id);
  };
  const look = (): void => {
    for (const record of board.running()) {
      if (told.has(record.workflow) || !isMine(record)) continue;
      told.add(record.workflow);
      void tell(record.workflow);
    }
  };
  const stopWatching = board.onChange(({ record }) => {
    if (!told.has(record.workflow) && record.ended === undefined) look();
  });
  const looking = setInterval(look, lookMs);
  look();

  async function known(workflow: string): Promise<void> {
    if (!/^[0-9a-f]{64}$/.test(workflow))
      throw new GatewayError('bad_request', 'a workflow id is 64 hexadecimal digits');
    const endMs = performance.now() + findMs;
    await parts.recall(workflow);
    while (board.get(workflow)?.opened === undefined) {
      if (performance.now() > endMs)
        throw new GatewayError('not_found', `this node knows no workflow ${workflow.slice(0, 12)}…`, 'Ask again.');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return {
    outcome: async (workflow) => {
      await known(workflow);
      return outcome(workflow);
    },
    async *follow(workflow, signal) {
      await known(workflow);
      yield* services.events(workflow, AbortSignal.any([signal, stopping.signal]));
    },
    stop() {
      stopping.abort();
      clearInterval(looking);
      stopWatching();
    },
  };
}
