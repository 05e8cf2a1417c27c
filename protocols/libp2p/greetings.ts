// Law: a dial is done when its peer is up. A peer that does not allow this node lets it connect and closes then: that is refused, and one
// that stays silent is late.
import { NetworkError, type NodeId } from '../../actors/system/index.ts';

const greetingMs = 6_000;

export interface Greetings {
  /** Rejects with NetworkError: `refused`, `timeout` or `closed`. */
  done(id: NodeId, address: string): Promise<void>;
  /** Called whenever a peer came up or a connection closed. */
  look(): void;
}

export function createGreetings(host: {
  readonly self: NodeId;
  isUp(id: NodeId): boolean;
  isConnected(id: NodeId): boolean;
  closedError(): NetworkError | undefined;
}): Greetings {
  const waiting = new Set<() => void>();
  return {
    done(id, address) {
      if (host.isUp(id)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const finish = (error?: NetworkError): void => {
          clearTimeout(timer);
          waiting.delete(look);
          if (error === undefined) resolve();
          else reject(error);
        };
        const look = (): void => {
          const closed = host.closedError();
          if (host.isUp(id)) finish();
          else if (closed !== undefined) finish(closed);
          else if (!host.isConnected(id)) {
            const why = `${id} at ${address} closed the connection: it does not allow this node (${host.self})`;
            finish(new NetworkError('refused', why));
          }
        };
        const timer = setTimeout(
          () => finish(new NetworkError('timeout', `${id} at ${address} did not complete the greeting`)),
          greetingMs,
        );
        waiting.add(look);
        look();
      });
    },
    look() {
      for (const look of [...waiting]) look();
    },
  };
}
