// Law: the ports of a mesh are chosen together, so that its nodes know each other's addresses before any of them runs; and a node finds its
// port free again when it comes back.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (Linux: from 32768, others: from 49152): of those, any connection of any program
 * may hold a node's port just when the node starts again.
 */
const firstPort = 20_000;
const portsCount = 10_000;
const triesMax = 1_000;

/** `count` different TCP ports that nothing listens on now, at no address of this machine. Another program may take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === triesMax)
      throw new Error(`no ${count} free ports between ${firstPort} and ${firstPort + portsCount - 1}: name some`);
    const port = firstPort + randomInt(portsCount);
    if (!ports.has(port) && (await isFree(port, '0.0.0.0'))) ports.add(port);
  }
  return [...ports];
}

/** True where nothing listens on `port` of `host`. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
