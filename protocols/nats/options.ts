// Law: the NATS transport is the Network port, and beside it only what a composition needs: which servers, who is allowed, what was refused.
import type { Crypto, Log, Network, NodeId } from '../../actors/system/index.ts';
import type { Identity, Refusal } from '../wire/index.ts';

/** How this client proves itself to the NATS server. Members prove themselves to each other with their own keys, whatever this is. */
export interface NatsCredentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Text of a `.creds` file (user JWT and seed). */
  readonly creds?: string;
  /** An nkey user seed, `SU…`. */
  readonly nkeySeed?: string;
}

/** PEM files; giving any of them demands TLS. */
export interface NatsTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface NatsServers {
  /** For example `nats://10.0.0.5:4222`; a list fails over from one to the next. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  readonly tls?: NatsTls;
  /** The JetStream domain that keeps intents and events, where the servers are leaf nodes without JetStream of their own. */
  readonly domain?: string;
}

export interface NatsNetworkOptions extends NatsServers {
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  /** 32 secret bytes that every member has: subjects, greetings and session keys are derived from them. */
  readonly preSharedKey: Uint8Array;
  readonly crypto: Pick<Crypto, 'sign' | 'verify' | 'sha256'>;
  readonly allow: (id: NodeId) => boolean;
  readonly log: Log;
}

export interface NatsNetwork extends Network {
  /** The server in use, as `host:port`; undefined while there is none. */
  server(): string | undefined;
  /** Cuts off who is no longer allowed; who now is, is greeted at its next announcement. */
  setAllow(allow: (id: NodeId) => boolean): void;
  /** Greetings and records refused at the transport, by sender and reason. */
  refusals(): readonly Refusal[];
}
