// Law: see socket.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callJson, isListening } from './socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-socket-'));
const socket = join(folder, 'node.sock');
let server: Server;
/** What the server does once it has answered. */
let afterAnswer = (): void => {};
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/never') return;
    response.end('{"answered":true}', () => afterAnswer());
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As a machine does that gives this process no processor for a while. */
function starve(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a node that accepts is found, though this process did not get round to noticing it in time', async () => {
  const found = isListening(socket, 20);
  starve(100);
  expect(await found).toBe(true);
});

it('a node that is not there is not', async () => {
  expect(await isListening(join(folder, 'nobody.sock'), 20)).toBe(false);
});

it('an answer that has come is taken, though this process did not get round to reading it in time', async () => {
  afterAnswer = () => starve(400);
  expect(await callJson(socket, '/', { silenceTimeoutMs: 200 })).toEqual({ answered: true });
});

it('a node that accepts and says nothing is lost', async () => {
  await expect(callJson(socket, '/never', { silenceTimeoutMs: 200 })).rejects.toThrow('no byte for 0.2 s');
});
