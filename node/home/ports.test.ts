// Law: see ports.ts.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts, isFree } from './ports.ts';

it('the ports of a mesh are all different, free, and none that the system gives to outgoing connections', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) expect(await isFree(port, '127.0.0.1')).toBe(true);
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  const lowest = existsSync(range) ? Number(readFileSync(range, 'utf8').split(/\s+/)[0]) : 32_768;
  expect(Math.max(...ports)).toBeLessThan(lowest);
});

it('a port that somebody listens on is not free, whatever address that is at', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  try {
    expect([await isFree(port, '127.0.0.1'), await isFree(port, '0.0.0.0')]).toEqual([false, false]);
  } finally {
    server.close();
  }
});
