// Law: the socket is the border: whoever can open it (the folder's owner) is the node's user. Connections are bounded, and one on which
// nothing moves ends.
import { existsSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { buildApp } from './app.ts';
import { boundCrowd, checkMs } from './crowd.ts';
import { GatewayError } from './error.ts';
import type { GatewayServices } from './services-contract.ts';

/** A connection on which nothing moves for so long is dead, or belongs to a client that reads nothing; the longest answer takes less. */
const idleMs = 600_000;
const connectionsMax = 1_024;

export interface GatewayServer {
  close(): Promise<void>;
}

/** Listens on `socketPath`, readable by its owner alone. A socket file that nobody answers is a dead node's and is replaced. */
export async function listen(services: GatewayServices, socketPath: string): Promise<GatewayServer> {
  if (existsSync(socketPath)) {
    if (await answers(socketPath))
      throw new GatewayError(
        'conflict',
        `another process answers on ${socketPath}`,
        'Stop it with `parley down`, or use another folder.',
      );
    unlinkSync(socketPath);
  }
  const server: Server = createServer(
    { connectionsCheckingInterval: checkMs },
    getRequestListener(buildApp(services).fetch),
  );
  server.timeout = idleMs;
  // An upload may take long; a request's headers may not.
  boundCrowd(server, { connectionsMax, perAddressMax: connectionsMax, headMs: 10_000, requestMs: 0 });
  // The file is there before `listen` returns: from its first moment on it is its owner's alone.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => resolve());
      process.umask(umask);
    });
  } finally {
    process.umask(umask);
  }
  return {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        // Streams of running workflows would hold the process; their clients reconnect to another node.
        server.closeAllConnections();
      }),
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
