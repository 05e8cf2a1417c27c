// Law: a gateway on a socket of its own, over services that note what they are asked.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { EventBusError } from '../../../protocols/events/index.ts';
import { type GatewayServer, listen } from '../server.ts';
import type { GatewayServices } from '../services-contract.ts';

export const workflow = 'ab'.repeat(32);
export const blob = { digest: 'cd'.repeat(32), sizeBytes: 3 };
export let folder: string;
export let server: GatewayServer | undefined;
export let socketPath: string;
export let asked: unknown[];
export let failures: unknown[];

export function servicesOf(more: Partial<GatewayServices> = {}): GatewayServices {
  const note =
    <T>(name: string, reply: T) =>
    (...args: unknown[]): T => {
      asked.push([name, ...args]);
      return reply;
    };
  const services = {
    plan: note('plan', Promise.resolve({ kind: 'abstain' })),
    storeBlob: async (name: string, source: AsyncIterable<Uint8Array>) => {
      let sizeBytes = 0;
      for await (const chunk of source) sizeBytes += chunk.length;
      asked.push(['storeBlob', name, sizeBytes]);
      return { name, blob: { ...blob, sizeBytes } };
    },
    readBlob: async () =>
      (async function* () {
        yield new Uint8Array([1, 2, 3]);
      })(),
    open: note('open', Promise.resolve({ workflow, heldBy: 2, repeated: false })),
    list: note('list', []),
    detail: note('detail', Promise.resolve({ workflow })),
    events: async function* () {
      yield { key: 'opened', atMs: 1, type: 'opened' };
    },
    certificate: note('certificate', Promise.resolve(new Uint8Array([123, 125]))),
    cancel: note('cancel', Promise.resolve({ workflow })),
    bus: async () => {
      throw new EventBusError('unavailable', 'no bus here');
    },
    status: note('status', Promise.resolve({})),
    actors: note('actors', Promise.resolve({ actors: [] })),
    doctor: note('doctor', Promise.resolve({ checks: [] })),
    audit: note('audit', { epoch: 0 }),
    auditProof: note('auditProof', {}),
    auditEvidence: note('auditEvidence', {}),
    members: note('members', { epoch: 0 }),
    amend: note('amend', Promise.resolve({ epoch: 0 })),
    invite: note('invite', Promise.resolve({ ticket: 't', expiresAtMs: 1 })),
    stop: note('stop', undefined),
    failed: (error: unknown) => void failures.push(error),
    ...more,
  };
  return services as unknown as GatewayServices;
}

export async function start(more: Partial<GatewayServices> = {}): Promise<void> {
  server = await listen(servicesOf(more), socketPath);
}

/** Closed with the test. */
export function adopt(started: GatewayServer): void {
  server = started;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string } | undefined;
}

export function send(method: string, path: string, body?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        method,
        path,
        headers: { host: 'parley', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => void chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          let error: Answer['error'];
          try {
            error = (JSON.parse(text) as { error?: Answer['error'] }).error;
          } catch {
            error = undefined;
          }
          resolve({ status: response.statusCode!, text, error });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
export const post = (path: string, value: unknown): Promise<Answer> => send('POST', path, JSON.stringify(value));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-gateway-'));
  socketPath = join(folder, 'node.sock');
  asked = [];
  failures = [];
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

export const opening = { words: 'w', plan: {}, idempotencyKey: 'a-key-of-its-own', approved: false };
