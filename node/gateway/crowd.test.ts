import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { boundCrowd, type CrowdLimits, checkMs } from './crowd.ts';

let server: Server;
const sockets: Socket[] = [];
const timers: NodeJS.Timeout[] = [];
afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  server.close();
});

/** Answers a GET at once, and a PUT with the bytes it got. */
async function listen(limits: Partial<CrowdLimits> = {}): Promise<number> {
  server = createServer({ connectionsCheckingInterval: checkMs }, (asked, response) => {
    let sizeBytes = 0;
    asked.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
    });
    asked.on('end', () => response.end(String(sizeBytes)));
    asked.on('error', () => {});
  });
  boundCrowd(server, { connectionsMax: 20, perAddressMax: 20, headMs: 10_000, requestMs: 0, ...limits });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function open(port: number, head: string, localAddress = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => {
      socket.write(head);
      resolve(socket);
    });
    socket.on('error', () => {});
    sockets.push(socket);
  });
}

const get = (port: number, localAddress = '127.0.0.1'): Promise<number> =>
  new Promise((resolve) => {
    request({ port, host: '127.0.0.1', localAddress, agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    })
      .on('error', () => resolve(0))
      .end();
  });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('whoever asks is answered, however many are connected that say nothing or a byte at a time', async () => {
  const port = await listen();
  for (let i = 0; i < 300; i++) await open(port, i % 2 === 0 ? '' : 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  timers.push(setInterval(() => void sockets.forEach((socket) => void (socket.destroyed || socket.write('a'))), 50));
  await pause(300);
  expect(server.listening && (await connectionsOf())).toBeLessThanOrEqual(20);
  for (let i = 0; i < 30; i++) expect(await get(port)).toBe(200);
});

it('of an address no more are kept than its share, and others have the rest', async () => {
  const port = await listen({ perAddressMax: 5 });
  for (let i = 0; i < 40; i++) await open(port, '', '127.0.0.2');
  await pause(100);
  expect(await connectionsOf()).toBeLessThanOrEqual(5);
  for (let i = 0; i < 10; i++) expect(await get(port, '127.0.0.3')).toBe(200);
});

it('an upload that moves outlives the crowd, and those that stand still make room', async () => {
  const port = await listen();
  const body = 64 * 1024 * 40;
  const uploaded = new Promise<string>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method: 'PUT', agent: false }, (reply) => {
      reply.setEncoding('utf8').on('data', resolve);
    }).on('error', reject);
    sent.setHeader('content-length', body);
    let given = 0;
    const timer = setInterval(() => {
      sent.write(Buffer.alloc(64 * 1024));
      given += 64 * 1024;
      if (given < body) return;
      clearInterval(timer);
      sent.end();
    }, 20);
    timers.push(timer);
  });
  await pause(300);
  for (let i = 0; i < 100; i++) await open(port, 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
  await pause(300);
  for (let i = 0; i < 50; i++) await open(port, 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
  expect(await get(port)).toBe(200);
  expect(await uploaded).toBe(String(body));
});

it('a head that does not come in time is not waited for', async () => {
  const port = await listen({ headMs: 500 });
  const slow = await open(port, 'GET / HTTP/1.1\r\nHost: x\r\n');
  await new Promise((resolve) => slow.once('close', resolve).resume());
  expect(await connectionsOf()).toBe(0);
});

function connectionsOf(): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
}
