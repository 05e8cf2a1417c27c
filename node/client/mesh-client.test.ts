import { afterEach, expect, test } from 'vitest';
import { FakeNode, type FakeNodeOptions, newRecord, readOnlyPlan } from '../cli/testing/index.ts';
import {
  ApiFailure,
  ConnectionLost,
  follow,
  type LocalFile,
  MeshClient,
  type Move,
  StoredFiles,
  type WorkflowEvent,
} from './index.ts';

const started: FakeNode[] = [];
afterEach(() => {
  for (const node of started.splice(0)) node.stop();
});

async function node(options: FakeNodeOptions): Promise<FakeNode> {
  const fake = await FakeNode.start(options);
  started.push(fake);
  return fake;
}

const script = (): WorkflowEvent[] => [
  {
    key: 'opened',
    atMs: 1,
    type: 'opened',
    node: 'amber',
    words: 'count rows',
    tasks: [{ task: 'count', skill: 'table.query' }],
  },
  { key: 'steward:birch', atMs: 2, type: 'steward', node: 'birch' },
  {
    key: 'assigned:count:1',
    atMs: 3,
    type: 'assigned',
    task: 'count',
    attempt: 1,
    executors: ['cedar'],
    verifiers: ['amber'],
    node: 'birch',
  },
  {
    key: 'decided:count:1',
    atMs: 4,
    type: 'decided',
    task: 'count',
    attempt: 1,
    decision: 'ACCEPT',
    path: 'FAST',
    signers: ['amber'],
    basis: 'recomputed',
  },
  { key: 'ended', atMs: 5, type: 'ended', state: 'completed', message: 'done' },
];

const oneFile = (bytes = 'a,b\n1,2\n'): LocalFile => ({
  name: 'table.csv',
  sizeBytes: bytes.length,
  async *open() {
    yield Buffer.from(bytes);
  },
});

const openRequest = (key: string) => ({
  words: 'count rows',
  plan: readOnlyPlan.plan,
  idempotencyKey: key,
  approved: false,
});

async function keysOf(events: AsyncIterable<WorkflowEvent>): Promise<string[]> {
  const keys: string[] = [];
  for await (const event of events) keys.push(event.key);
  return keys;
}

test('a workflow is followed to its end at another node when its node dies in the middle of the stream, and no event comes twice', async () => {
  const record = newRecord();
  const amber = await node({ name: 'amber', record, script, diesAfterEvents: 3 });
  const birch = await node({ name: 'birch', record, script });
  const moves: Move[] = [];
  const client = new MeshClient([amber.socket, birch.socket], { onMove: (move) => moves.push(move) });
  await client.status();
  const { workflow } = await client.open(openRequest('key-0001'), new StoredFiles([]));
  const keys = await keysOf(follow(client, workflow));
  expect(keys).toEqual(script().map(({ key }) => key));
  expect(amber.isDead).toBe(true);
  expect(moves).toHaveLength(1);
  expect(moves[0]).toMatchObject({ from: 'amber', to: 'birch' });
  expect(client.socket).toBe(birch.socket);
});

test('a node that never heard of the workflow is given the same files and the same request under the same key', async () => {
  const lost = newRecord();
  const amber = await node({ name: 'amber', record: lost, script, diesAfterEvents: 2 });
  const other = newRecord();
  const birch = await node({ name: 'birch', record: other, script });
  const client = new MeshClient([amber.socket, birch.socket]);
  const files = new StoredFiles([oneFile()]);
  const request = openRequest('key-0002');
  const { workflow } = await client.open(request, files);
  const keys = await keysOf(follow(client, workflow, { reopen: { request, files } }));
  expect(keys).toEqual(script().map(({ key }) => key));
  expect([...other.blobs.keys()]).toEqual([...lost.blobs.keys()]);
  expect(other.workflows.get(workflow)?.request).toEqual(request);
});

test('before it gives the work away again, a client asks the other live nodes whether they know it', async () => {
  const shared = newRecord();
  const amber = await node({ name: 'amber', record: shared, script, diesAfterEvents: 1 });
  const stranger = newRecord();
  const birch = await node({ name: 'birch', record: stranger, script });
  const cedar = await node({ name: 'cedar', record: shared, script });
  const client = new MeshClient([amber.socket, birch.socket, cedar.socket]);
  const files = new StoredFiles([]);
  const request = openRequest('key-0003');
  const { workflow } = await client.open(request, files);
  const keys = await keysOf(follow(client, workflow, { reopen: { request, files } }));
  expect(keys).toEqual(script().map(({ key }) => key));
  expect(stranger.workflows.size).toBe(0);
  expect(client.socket).toBe(cedar.socket);
});

test('a node that accepts connections but answers nothing counts as lost', async () => {
  const record = newRecord();
  const amber = await node({ name: 'amber', record, script: () => script().slice(0, 2), neverEnds: true });
  const birch = await node({ name: 'birch', record, script });
  const client = new MeshClient([amber.socket, birch.socket]);
  const { workflow } = await client.open(openRequest('key-0004'), new StoredFiles([]));
  const keys: string[] = [];
  for await (const { key } of follow(client, workflow, { probeAfterMs: 100 })) {
    keys.push(key);
    if (keys.length === 2) {
      amber.isFrozen = true;
      record.workflows.get(workflow)!.events.push(...script().slice(2));
    }
  }
  expect(keys).toEqual(script().map(({ key }) => key));
});

test('files are stored at the node that plans, also when the first one died after it was given them', async () => {
  const amber = await node({ name: 'amber', record: newRecord() });
  const other = newRecord();
  const birch = await node({ name: 'birch', record: other });
  const client = new MeshClient([amber.socket, birch.socket]);
  const files = new StoredFiles([oneFile()]);
  await files.at(amber.socket);
  amber.die();
  const reply = await client.plan({ words: 'count rows in table.csv' }, files);
  expect(reply.kind).toBe('plan');
  expect([...other.blobs.values()].map(String)).toEqual(['a,b\n1,2\n']);
});

test('sockets of peers are learned from the status, so that a client that was given one node outlives it', async () => {
  const record = newRecord();
  const birch = await node({ name: 'birch', record });
  const peer = {
    id: 'id-birch',
    name: 'birch',
    site: 'local',
    role: 'member' as const,
    self: false,
    connected: true,
    state: 'alive' as const,
    socket: birch.socket,
    skills: [],
    trust: 'full' as const,
  };
  const amber = await node({ name: 'amber', record, peers: [peer] });
  const client = new MeshClient([amber.socket]);
  await client.status();
  amber.die();
  expect((await client.status()).node.name).toBe('birch');
});

test('what the node refuses is said once, in its words, and not tried elsewhere', async () => {
  const record = newRecord();
  const amber = await node({ name: 'amber', record });
  const birch = await node({ name: 'birch', record });
  const client = new MeshClient([amber.socket, birch.socket]);
  const error = await client.workflow('nope').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiFailure);
  expect(error).toMatchObject({ status: 404, code: 'not_found', message: 'no workflow nope' });
  expect(birch.seen).toEqual([]);
});

test('when no node answers within the search time, the first loss is reported', async () => {
  const amber = await node({ name: 'amber', record: newRecord() });
  const client = new MeshClient([amber.socket], { searchTimeoutMs: 200 });
  amber.die();
  await expect(client.status()).rejects.toThrow(ConnectionLost);
  await expect(client.status()).rejects.toThrow(/it is not running/);
});

test('an upload is streamed: the source is read no faster than the node takes it', async () => {
  const amber = await node({ name: 'amber', record: newRecord() });
  const chunk = Buffer.alloc(1 << 20, 0x61);
  let yielded = 0;
  const big: LocalFile = {
    name: 'big.txt',
    sizeBytes: 64 * chunk.byteLength,
    async *open() {
      for (; yielded < 64; yielded++) yield chunk;
    },
  };
  amber.isFrozen = true;
  const uploading = new StoredFiles([big]).at(amber.socket);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(yielded).toBeLessThan(8);
  amber.die();
  await expect(uploading).rejects.toThrow(ConnectionLost);
});

test('an upload arrives whole', async () => {
  const record = newRecord();
  const amber = await node({ name: 'amber', record });
  const bytes = Array.from({ length: 300_000 }, (_, index) => index % 10).join('');
  const [stored] = await new StoredFiles([oneFile(bytes)]).at(amber.socket);
  expect(stored?.blob.sizeBytes).toBe(300_000);
  expect(String(record.blobs.get(stored!.blob.digest))).toBe(bytes);
});

test('a file that cannot be read fails as itself, not as a lost node', async () => {
  const amber = await node({ name: 'amber', record: newRecord() });
  const broken: LocalFile = {
    name: 'gone.csv',
    sizeBytes: 1,
    // biome-ignore lint/correctness/useYield: it fails before its first chunk
    async *open() {
      throw new Error('EIO: the disk said no');
    },
  };
  await expect(new StoredFiles([broken]).at(amber.socket)).rejects.toThrow('the disk said no');
});

test('a stream stops at once when its follower is told to', async () => {
  const record = newRecord();
  const amber = await node({ name: 'amber', record, script: () => script().slice(0, 2), neverEnds: true });
  const client = new MeshClient([amber.socket]);
  const { workflow } = await client.open(openRequest('key-0005'), new StoredFiles([]));
  const stop = new AbortController();
  const reason = new Error('enough');
  const following = keysOf(follow(client, workflow, { signal: stop.signal }));
  setTimeout(() => stop.abort(reason), 50);
  await expect(following).rejects.toBe(reason);
});
