// Law: a node as its clients see it: the routes of node/gateway/api.ts on a Unix socket, answers scripted by the test. No consensus here.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ActorsReply,
  BlobReply,
  NodeStatus,
  OpenReply,
  OpenRequest,
  PlanReply,
  WorkflowDetail,
  WorkflowEvent,
} from '../../client/index.ts';

/** What the fake mesh knows, shared by its nodes or not, as the test wants it. */
export interface FakeRecord {
  readonly blobs: Map<string, Buffer>;
  readonly workflows: Map<
    string,
    { readonly request: OpenRequest; readonly events: WorkflowEvent[]; detail: WorkflowDetail }
  >;
}

export function newRecord(): FakeRecord {
  return { blobs: new Map(), workflows: new Map() };
}

export interface FakeNodeOptions {
  readonly name: string;
  readonly record: FakeRecord;
  readonly plan?: (request: { readonly words?: string; readonly plan?: unknown }) => PlanReply;
  /** Events of a workflow from its opening on. */
  readonly script?: (workflow: string) => readonly WorkflowEvent[];
  /** The node dies (every connection is cut) when this many events have been streamed. */
  readonly diesAfterEvents?: number;
  /** The stream stays open after the scripted events. */
  readonly neverEnds?: boolean;
  readonly detail?: Partial<WorkflowDetail>;
  readonly peers?: NodeStatus['peers'];
  /** What its actors are doing at each look. */
  readonly actors?: (overMs: number) => ActorsReply;
}

export class FakeNode {
  readonly socket: string;
  readonly name: string;
  /** `METHOD /path` of every request, in order. */
  readonly seen: string[] = [];
  readonly #options: FakeNodeOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #folder: string;
  /** Accepts connections and answers nothing, as a stopped process does. */
  isFrozen = false;
  isDead = false;

  private constructor(options: FakeNodeOptions, folder: string) {
    this.#options = options;
    this.name = options.name;
    this.#folder = folder;
    this.socket = join(folder, 'node.sock');
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => fail(response, 500, 'internal', error.message));
    });
    this.#server.on('connection', (connection) => {
      this.#connections.add(connection);
      connection.on('close', () => this.#connections.delete(connection));
    });
  }

  static async start(options: FakeNodeOptions): Promise<FakeNode> {
    const node = new FakeNode(options, mkdtempSync(join(tmpdir(), 'parley-fake-')));
    await new Promise<void>((resolve) => node.#server.listen(node.socket, resolve));
    return node;
  }

  die(): void {
    this.isDead = true;
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  stop(): void {
    this.die();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://node');
    this.seen.push(`${request.method} ${url.pathname}`);
    if (this.isFrozen) return;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { record } = this.#options;
    const [, , kind, id, part] = url.pathname.split('/');
    if (kind === 'actors' && this.#options.actors !== undefined)
      return reply(response, this.#options.actors(Number(url.searchParams.get('overMs'))));
    if (kind === 'status') return reply(response, this.#status());
    if (kind === 'blobs' && request.method === 'PUT')
      return reply(response, this.#store(url.searchParams.get('name')!, body));
    if (kind === 'blobs') {
      const bytes = record.blobs.get(id!);
      if (bytes === undefined) return fail(response, 404, 'not_found', `no blob ${id}`);
      response.end(bytes);
      return;
    }
    if (kind === 'plans') return this.#plan(response, JSON.parse(body.toString()));
    if (kind === 'workflows' && id === undefined && request.method === 'POST') {
      return reply(response, this.#open(JSON.parse(body.toString()) as OpenRequest));
    }
    const workflow = record.workflows.get(id ?? '');
    if (workflow === undefined) return fail(response, 404, 'not_found', `no workflow ${id}`);
    if (part === 'events') return this.#stream(response, workflow.events);
    if (part === 'certificate') {
      response.end('{"certificate":true}');
      return;
    }
    reply(response, workflow.detail);
  }

  #plan(
    response: ServerResponse,
    request: { words?: string; plan?: unknown; files: { blob: { digest: string } }[] },
  ): void {
    const missing = request.files.find(({ blob }) => !this.#options.record.blobs.has(blob.digest));
    if (missing !== undefined) fail(response, 404, 'not_found', `no blob ${missing.blob.digest}`);
    else reply(response, (this.#options.plan ?? (() => readOnlyPlan))(request));
  }

  #store(name: string, bytes: Buffer): BlobReply {
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.#options.record.blobs.set(digest, bytes);
    return {
      name,
      blob: { digest, sizeBytes: bytes.byteLength },
      profile: { name, format: 'csv', sizeBytes: bytes.byteLength, tables: [] },
    };
  }

  #open(request: OpenRequest): OpenReply {
    const workflow = createHash('sha256').update(request.idempotencyKey).digest('hex');
    const { record } = this.#options;
    const repeated = record.workflows.has(workflow);
    if (!repeated) {
      const events = [...(this.#options.script?.(workflow) ?? [])];
      record.workflows.set(workflow, {
        request,
        events,
        detail: { ...emptyDetail, workflow, words: request.words, ...this.#options.detail },
      });
    }
    return { workflow, heldBy: 3, repeated };
  }

  async #stream(response: ServerResponse, events: readonly WorkflowEvent[]): Promise<void> {
    response.setHeader('content-type', 'application/x-ndjson');
    let sent = 0;
    for (const event of events) {
      if (sent++ === this.#options.diesAfterEvents) return this.die();
      response.write(`${JSON.stringify(event)}\n`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (sent === this.#options.diesAfterEvents) return this.die();
    if (this.#options.neverEnds !== true) response.end();
  }

  #status(): NodeStatus {
    const { name } = this.#options;
    return {
      mesh: {
        id: 'ab'.repeat(32),
        name: 'fake',
        epoch: 0,
        members: 4,
        tolerance: 'any 1 of 4 may lie',
        quorum: 3,
        live: 4,
      },
      node: {
        id: `id-${name}`,
        name,
        site: 'local',
        folder: this.#folder,
        addresses: ['/ip4/127.0.0.1/tcp/1'],
        version: '0.1.0',
        uptimeMs: 1_000,
        rssBytes: 100_000_000,
        role: 'member',
      },
      peers: this.#options.peers ?? [],
      workflows: { running: 0, ended: 0 },
      refusals: [],
      sent: [],
      named: [],
      sandbox: 'worker threads',
    };
  }
}

export const readOnlyPlan: Extract<PlanReply, { kind: 'plan' }> = {
  kind: 'plan',
  plan: {
    version: 1,
    goal: 'count rows',
    tasks: [
      {
        id: 'count',
        skill: 'table.query',
        input: { aggregates: [{ function: 'count' }] },
        files: {},
        after: [],
        endorsement: 'quorum',
        optional: false,
        timeoutMs: 60_000,
      },
    ],
    result: 'count',
    risk: 'read-only',
  },
  digest: 'cd'.repeat(32),
  risk: 'read-only',
  explanation: ['"count" became the aggregate count'],
  warnings: [],
};

const emptyDetail: WorkflowDetail = {
  workflow: '',
  words: '',
  state: 'completed',
  openedAtMs: 0,
  tasksDone: 1,
  tasks: 1,
  plan: {},
  planDigest: 'cd'.repeat(32),
  taskDetails: [],
  files: [],
};

function reply(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  response.statusCode = status;
  reply(response, { error: { code, message } });
}
