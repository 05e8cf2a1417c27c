// Law: whoever connects and says nothing, or says it a byte at a time, makes room for those who ask. A server that is full is full of
// answers under way, never of silence.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

export interface CrowdLimits {
  readonly connectionsMax: number;
  /** Of one remote address; those of a local socket have none and share `connectionsMax`. */
  readonly perAddressMax: number;
  /** For a request's head, from the first byte or the last answer on. */
  readonly headMs: number;
  /** For a whole request; 0: as long as it takes, at a pace that others don't wait for. */
  readonly requestMs: number;
}

interface Guest {
  readonly address: string | undefined;
  readonly sinceMs: number;
  request: IncomingMessage | undefined;
}

/** How often the time-outs are looked at: Node's own 30 s would keep every silent connection for as long. */
export const checkMs = 500;
/** What a new connection is taken to have sent, and in what time: it is slow only when it has been given the time to ask. */
const credit = { sizeBytes: 1_000, ms: 100 };

/** Bounds the connections of `server`, which was created with `connectionsCheckingInterval: checkMs`. */
export function boundCrowd(server: Server, limits: CrowdLimits): void {
  server.headersTimeout = limits.headMs;
  server.requestTimeout = limits.requestMs;
  const guests = new Map<Socket, Guest>();

  /** The slowest to ask among them, so that an upload that moves outlives what does not; undefined where all wait for their answer. */
  const slowest = (among: Iterable<readonly [Socket, Guest]>): Socket | undefined => {
    const nowMs = performance.now();
    let found: { readonly socket: Socket; readonly rate: number } | undefined;
    for (const [socket, { sinceMs, request }] of among) {
      if (request?.complete === true) continue;
      const rate = (credit.sizeBytes + socket.bytesRead) / (credit.ms + nowMs - sinceMs);
      if (found === undefined || rate < found.rate) found = { socket, rate };
    }
    return found?.socket;
  };

  server.on('connection', (socket) => {
    const address = socket.remoteAddress;
    const neighbours = address === undefined ? [] : [...guests].filter(([, guest]) => guest.address === address);
    const isFull = guests.size >= limits.connectionsMax;
    if (isFull || neighbours.length >= limits.perAddressMax)
      (slowest(isFull ? guests : neighbours) ?? socket).destroy();
    if (socket.destroyed) return;
    guests.set(socket, { address, sinceMs: performance.now(), request: undefined });
    socket.once('close', () => guests.delete(socket));
  });
  server.on('request', (request, response) => {
    const guest = guests.get(request.socket);
    if (guest === undefined) return;
    guest.request = request;
    // Kept open for a next request, it is as silent as one that has not asked yet.
    response.once('close', () => {
      if (guest.request === request) guest.request = undefined;
    });
  });
}
