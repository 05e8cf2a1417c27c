// Law: while it is open, a client is connected or on its way to be: to whichever server of the list answers first, again after every loss,
// for as long as it takes. Only `close` ends it.
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import type { Log } from '../../actors/system/index.ts';
import { utf8 } from '../wire/index.ts';
import type { NatsServers } from './options.ts';

export interface NatsClientHandlers {
  /** A fresh connection, nothing subscribed on it yet. */
  onConnection(connection: NatsConnection): void;
  /** The same connection found a server again; its subscriptions are renewed, what was on its way may be lost. */
  onReconnect?(): void;
  onDisconnect?(): void;
  /** The server did not grant something; the connection stays. */
  onRefused?(why: string): void;
}

export interface NatsClient {
  readonly connection: NatsConnection | undefined;
  readonly isConnected: boolean;
  /** `host:port` of the server in use. */
  readonly server: string | undefined;
  /** Resolves at the first connection, or after `timeoutMs`, whichever comes first: true where connected. */
  connected(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

const retryMs = 500;

function settingsOf(options: NatsServers, noEcho: boolean): NodeConnectionOptions {
  const { credentials, tls } = options;
  let authenticator: Authenticator | undefined;
  if (credentials?.creds !== undefined) authenticator = credsAuthenticator(utf8.encode(credentials.creds));
  else if (credentials?.nkeySeed !== undefined) authenticator = nkeyAuthenticator(utf8.encode(credentials.nkeySeed));
  return {
    servers: [...options.servers],
    // Server operators see it: it names the software and not the node.
    name: 'parley',
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 50,
    // The default of 20 s is how long a frozen server would hold every redial.
    timeout: 1_000,
    pingInterval: 500,
    maxPingOut: 2,
    noEcho,
    ignoreClusterUpdates: false,
    // A server that restarts with a configuration not yet complete refuses for a while; giving up after two refusals would be for good.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(credentials?.user === undefined ? {} : { user: credentials.user }),
    ...(credentials?.password === undefined ? {} : { pass: credentials.password }),
    ...(credentials?.token === undefined ? {} : { token: credentials.token }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  };
}

export function openNatsClient(
  options: NatsServers & { readonly log: Log; readonly noEcho: boolean },
  handlers: NatsClientHandlers,
): NatsClient {
  const { log } = options;
  let connection: NatsConnection | undefined;
  let isUp = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };

  const follow = async (own: NatsConnection): Promise<void> => {
    for await (const status of own.status()) {
      if (connection !== own) return;
      if (status.type === 'disconnect') {
        isUp = false;
        log('warn', 'NATS server lost', { server: status.server });
        handlers.onDisconnect?.();
      } else if (status.type === 'reconnect') {
        isUp = true;
        log('info', 'NATS server found again', { server: status.server });
        handlers.onReconnect?.();
      } else if (status.type === 'error') {
        // Most often a permission that the server's configuration does not grant: nothing else would say so.
        log('error', 'the NATS server refused', { error: status.error.message });
        handlers.onRefused?.(status.error.message);
      }
    }
  };

  let failures = 0;
  const open = async (): Promise<void> => {
    let own: NatsConnection;
    try {
      own = await connect(settingsOf(options, options.noEcho));
    } catch (error) {
      failures++;
      // Powers of two: a long outage is visible and does not become a flood of log lines.
      if (!closed && (failures & (failures - 1)) === 0)
        log('warn', 'no NATS server answers', {
          servers: options.servers.join(', '),
          error: (error as Error).message,
          failures,
        });
      again();
      return;
    }
    if (closed) {
      await own.close();
      return;
    }
    failures = 0;
    connection = own;
    isUp = true;
    log('info', 'NATS server found', { server: own.getServer(), version: own.info?.version });
    void follow(own);
    void own.closed().then((error) => {
      if (connection !== own) return;
      connection = undefined;
      isUp = false;
      if (closed) return;
      log('warn', 'the NATS connection ended', { error: error?.message ?? 'closed by the server' });
      handlers.onDisconnect?.();
      again();
    });
    handlers.onConnection(own);
    wake();
  };
  const again = (): void => {
    if (closed) return;
    retry = setTimeout(() => {
      opening = open();
    }, retryMs);
  };
  let opening = open();

  return {
    get connection() {
      return connection;
    },
    get isConnected() {
      return isUp;
    },
    get server() {
      return isUp ? connection?.getServer() : undefined;
    },
    connected(timeoutMs) {
      if (isUp || closed) return Promise.resolve(isUp);
      return new Promise((resolve) => {
        const look = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(isUp);
        };
        const timer = setTimeout(look, timeoutMs);
        waiting.add(look);
      });
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      wake();
      await opening;
      await connection?.close();
    },
  };
}
