// Law: metrics are off unless asked for, on this machine alone unless an address is named, and read-only: whoever reaches the port learns
// numbers and names of the node, and can change nothing.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { boundCrowd, checkMs, type NodeStatus } from '../gateway/index.ts';
import { renderMetrics } from './render.ts';

export interface MetricsServer {
  /** `host:port` that it listens on. */
  readonly address: string;
  close(): Promise<void>;
}

/** Each answer takes milliseconds: whoever asks never waits for one that does not. */
const crowd = { connectionsMax: 64, perAddressMax: 32, headMs: 3_000, requestMs: 5_000 };
/** However many ask, the node looks at itself this often. */
const freshMs = 250;

/** `listen`: `PORT`, on the loopback address, or `ADDRESS:PORT`. Rejects where it cannot listen. */
export async function serveMetrics(listen: string, status: () => NodeStatus): Promise<MetricsServer> {
  const at = listen.lastIndexOf(':');
  const host = at < 0 ? '127.0.0.1' : listen.slice(0, at).replace(/^\[|\]$/g, '');
  let rendered = { atMs: Number.NEGATIVE_INFINITY, text: '' };
  const server: Server = createServer({ connectionsCheckingInterval: checkMs }, (request, response) => {
    const answer = (code: number, text: string, type = 'text/plain; charset=utf-8'): void =>
      void response.writeHead(code, { 'content-type': type, connection: 'close' }).end(text);
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET only\n');
    if (path === '/healthz') return answer(200, 'ok\n');
    if (path !== '/metrics') return answer(404, 'try /metrics\n');
    try {
      const atMs = performance.now();
      if (atMs - rendered.atMs >= freshMs) {
        const { user, system } = process.cpuUsage();
        const use = { cpuSeconds: (user + system) / 1e6, heapBytes: process.memoryUsage().heapUsed };
        rendered = { atMs, text: renderMetrics(status(), use) };
      }
      answer(200, rendered.text, 'text/plain; version=0.0.4; charset=utf-8');
    } catch {
      answer(500, 'the node failed on this request; see its log\n');
    }
  });
  boundCrowd(server, crowd);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(listen.slice(at + 1)), host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    address: family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
