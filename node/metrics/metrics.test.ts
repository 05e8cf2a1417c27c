// Law: see render.ts and server.ts.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../gateway/index.ts';
import { renderMetrics } from './render.ts';
import { type MetricsServer, serveMetrics } from './server.ts';

const peer = { site: 'local', role: 'member' as const, skills: [] };
const status: NodeStatus = {
  mesh: { id: 'ab', name: 'test', epoch: 2, members: 3, tolerance: '', quorum: 2, live: 3 },
  node: {
    ...{ id: 'n1', name: 'am"ber\n', site: 'local', folder: '/f', addresses: [], version: '1', uptimeMs: 2_500 },
    rssBytes: 100,
    role: 'member' as const,
  },
  peers: [
    { ...peer, id: 'n1', name: 'amber', self: true, connected: true, state: 'alive' },
    { ...peer, id: 'n2', name: 'birch', self: false, connected: true, state: 'alive' },
    { ...peer, id: 'n3', name: 'cedar', self: false, connected: false, state: 'dead' },
  ],
  workflows: { running: 1, ended: 4 },
  refusals: [
    { from: 'x', reason: 'schema', count: 2 },
    { from: 'y', reason: 'schema', count: 3 },
  ],
  named: [],
  sandbox: '',
} as unknown as NodeStatus;

let server: MetricsServer | undefined;
afterEach(() => server?.close());

describe('the metrics of a node', () => {
  it('are what status says, one line each, and no name of a node or stranger can break a line', () => {
    const text = renderMetrics(status, { cpuSeconds: 1.5, heapBytes: 7 });
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) parley_\w+ .+|parley_\w+(?:\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})? [\d.]+)$/,
      );
    const lines = text.split('\n');
    expect(lines).toContain('parley_peers{state="dead"} 1');
    expect(lines).toContain('parley_peers_connected 1');
    expect(lines).toContain('parley_refused_total{reason="schema"} 5');
    expect(lines).toContain('parley_workflows_ended 4');
    expect(lines).toContain('parley_mesh_quorum_weight 2');
    const families = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(new Set(families).size).toBe(families.length);
  });

  it('are served on the loopback address where only a port is named, and nothing else is', async () => {
    server = await serveMetrics('0', () => status);
    expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
    const get = (path: string, method = 'GET') => fetch(`http://${server!.address}${path}`, { method });
    const reply = await get('/metrics');
    expect(reply.headers.get('content-type')).toContain('version=0.0.4');
    expect(await reply.text()).toContain('parley_mesh_members 3');
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/v1/stop')).status).toBe(404);
    expect((await get('/metrics', 'POST')).status).toBe(405);
  });

  it('are there for who asks while 600 others hold connections open and ask nothing, or never to the end', async () => {
    server = await serveMetrics('0', () => status);
    const [host, port] = server.address.split(':');
    const slow: Socket[] = [];
    for (let i = 0; i < 600; i++) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      if (i % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      slow.push(socket);
    }
    const dribble = setInterval(() => slow.forEach((socket) => void (socket.destroyed || socket.write('a'))), 50);
    try {
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (let i = 0; i < 20; i++)
        for (const path of ['/metrics', '/healthz'])
          expect((await fetch(`http://${server.address}${path}`)).status).toBe(200);
    } finally {
      clearInterval(dribble);
      for (const socket of slow) socket.destroy();
    }
  });
});
