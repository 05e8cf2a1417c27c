// Law: a port that a test chose is nobody else's for as long as the test's process lives, also while the node that listens there is down.
import { createSocket, type Socket } from 'node:dgram';
import { freePorts as portsFreeNow } from '../../node/home/index.ts';

/** The UDP halves of the chosen ports. Nodes use none, and the system lets them go when this process ends, however it ends. */
const reserved: Socket[] = [];

/** TCP ports that are free at every address of this machine, and that no other process of these tests is given. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count)
    for (const port of await portsFreeNow(count - ports.length)) if (await reserve(port)) ports.push(port);
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
