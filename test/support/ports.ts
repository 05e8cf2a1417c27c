// Law: a port that a test chose is nobody else's for as long as the test's process lives, also while the node that listens there is down.
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections (Linux: from 32768, others: from 49152): none of those ever stands in the way. */
const firstPort = 20_000;
const portsCount = 10_000;
const triesMax = 1_000;
/** The UDP halves of the chosen ports. Nodes use none, and the system lets them go when this process ends, however it ends. */
const reserved: Socket[] = [];

/** TCP ports that are free at every address of this machine, and that no other process of these tests is given. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === triesMax) throw new Error(`no ${count} free ports from ${firstPort} on after ${triesMax} tries`);
    const port = firstPort + randomInt(portsCount);
    if ((await reserve(port)) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

function reserve(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref();
      reserved.push(socket);
      resolve(true);
    });
  });
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
