// Law: a link of δ one way is a proxy that hands on each piece δ after it came, in order, in both directions, without limiting how much is
// under way.
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface DelayingProxy {
  readonly port: number;
  delayMs: number;
  /** Bytes that went through. */
  bytes: number;
  close(): void;
}

export async function delayingProxy(targetPort: number): Promise<DelayingProxy> {
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      proxy.bytes += chunk.length;
      if (proxy.delayMs === 0) to.write(chunk);
      else setTimeout(() => to.destroyed || to.write(chunk), proxy.delayMs);
    });
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
    from.setNoDelay(true);
    sockets.add(from);
  };
  const server: Server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: DelayingProxy = {
    port: (server.address() as { port: number }).port,
    delayMs: 0,
    bytes: 0,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}
