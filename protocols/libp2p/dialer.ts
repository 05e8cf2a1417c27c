// Law: a peer that is allowed and not connected is dialed for ever, with growing pauses and jitter, wherever it was last seen. libp2p
// itself gives up after its retries; a mesh whose members restart must not.
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { type Log, NetworkError, type NodeId } from '../../actors/system/index.ts';
import { isRelayed } from './relay.ts';

const firstPauseMs = 200;
const pauseFactor = 1.6;
const maxPauseMs = 10_000;
const addressesPerPeer = 8;
/** A peer that is reached through a relay is dialed directly again after this long. */
const directAgainMs = 60_000;
const maxPeers = 512;

export interface DialerHost {
  readonly self: NodeId;
  readonly log: Log;
  allow(id: NodeId): boolean;
  /** `relayed`: by no other way. */
  connection(id: NodeId): 'direct' | 'relayed' | undefined;
  ownAddresses(): readonly string[];
  /** Resolves with the node that answered. */
  dial(addresses: Multiaddr[], options: { readonly isUpgrade: boolean }): Promise<NodeId>;
}

export interface Dialer {
  /** `proven`: a connection to `id` went through this address. Hearsay never displaces what is proven. */
  remember(id: NodeId, addresses: readonly string[], proven: boolean): void;
  /** An address whose node may be unknown. Throws where it is not a multiaddr. */
  aim(address: string): void;
  /** Look again at who is missing, without waiting for the next pause to end. */
  wake(id: NodeId): void;
  /** The peer is up: the next loss starts with the shortest pause again. Merely connecting does not: it may be sent away each time. */
  settled(id: NodeId): void;
  wakeAll(): void;
  /** What is known of `id`, proven addresses first. */
  addressesOf(id: NodeId): readonly string[];
  close(): void;
}

interface Target {
  /** Unknown only for a bootstrap address that does not name its node and was never reached. */
  id: NodeId | undefined;
  proven: string[];
  hearsay: string[];
  failures: number;
  timer: NodeJS.Timeout | undefined;
  dialing: boolean;
}

export function createDialer(host: DialerHost): Dialer {
  /** By node id, or by address where the node is unknown. */
  const targets = new Map<string, Target>();
  let closed = false;

  function schedule(target: Target, pauseMs: number): void {
    if (closed || target.dialing) return;
    clearTimeout(target.timer);
    target.timer = setTimeout(() => void attempt(target), pauseMs * (0.7 + 0.6 * Math.random()));
  }

  const isRelayedNow = ({ id }: Target): boolean => id !== undefined && host.connection(id) === 'relayed';

  const pauseMs = (target: Target): number =>
    isRelayedNow(target) ? directAgainMs : Math.min(maxPauseMs, firstPauseMs * pauseFactor ** target.failures);

  function isWanted(target: Target): boolean {
    const { id } = target;
    return id === undefined || (id !== host.self && host.allow(id) && host.connection(id) !== 'direct');
  }

  async function attempt(target: Target): Promise<void> {
    target.timer = undefined;
    // Behind one relay, two members have one address but for their ids.
    const own = new Set(
      host
        .ownAddresses()
        .filter((address) => !isRelayed(address))
        .map(withoutPeer),
    );
    const isUpgrade = isRelayedNow(target);
    const addresses = [...target.proven, ...target.hearsay]
      .filter((address) => !own.has(withoutPeer(address)) && !(isUpgrade && isRelayed(address)))
      // A way through a relay is taken where no other is known to work.
      .sort((a, b) => Number(isRelayed(a)) - Number(isRelayed(b)));
    if (closed || target.dialing || addresses.length === 0 || !isWanted(target)) return;
    target.dialing = true;
    try {
      const reached = await host.dial(
        addresses.map((address) =>
          target.id === undefined ? multiaddr(address) : multiaddr(`${withoutPeer(address)}/p2p/${target.id}`),
        ),
        { isUpgrade },
      );
      target.failures++;
      if (target.id === undefined) {
        // From here on it is known by its node, like every other.
        targets.delete(addresses[0]!);
        target.id = reached;
        remember(reached, addresses, true);
        return;
      }
    } catch (error) {
      target.failures++;
      if (target.failures === 1 || target.failures % 20 === 0) {
        const level = isHandshakeFailure(error) ? 'warn' : 'debug';
        host.log(level, 'a peer could not be reached', {
          node: target.id,
          addresses,
          attempts: target.failures,
          error: dialFailure(error),
        });
      }
    } finally {
      target.dialing = false;
    }
    if (isWanted(target)) schedule(target, pauseMs(target));
  }

  function targetOf(key: string, id: NodeId | undefined): Target | undefined {
    let target = targets.get(key);
    if (target === undefined) {
      if (targets.size >= maxPeers) return undefined;
      target = { id, proven: [], hearsay: [], failures: 0, timer: undefined, dialing: false };
      targets.set(key, target);
    }
    return target;
  }

  function remember(id: NodeId, addresses: readonly string[], proven: boolean): void {
    if (closed || id === host.self) return;
    const target = targetOf(id, id);
    if (target === undefined) return;
    for (const address of addresses) {
      const bare = withoutPeer(address);
      if (!isDialable(bare)) continue;
      const list = proven ? target.proven : target.hearsay;
      if (!proven && target.proven.includes(bare)) continue;
      if (proven) target.hearsay = target.hearsay.filter((other) => other !== bare);
      const at = list.indexOf(bare);
      if (at >= 0) list.splice(at, 1);
      list.unshift(bare);
      list.length = Math.min(list.length, addressesPerPeer);
    }
    // Both ends hear of each other at about the same time; one of them waits, so that they do not connect twice.
    if (!target.dialing && target.timer === undefined && isWanted(target))
      schedule(target, isRelayedNow(target) ? directAgainMs : proven || host.self < id ? 20 : firstPauseMs);
  }

  return {
    remember,
    aim(address) {
      const named = /\/p2p\/([^/]+)$/.exec(multiaddr(address).toString())?.[1];
      if (named !== undefined) {
        remember(named, [address], true);
        return;
      }
      const target = targetOf(address, undefined);
      if (target === undefined) return;
      target.proven = [address];
      schedule(target, 0);
    },
    wake(id) {
      const target = targets.get(id);
      if (target !== undefined && isWanted(target)) schedule(target, pauseMs(target));
    },
    settled(id) {
      const target = targets.get(id);
      if (target !== undefined) target.failures = 0;
    },
    wakeAll() {
      for (const target of targets.values()) {
        target.failures = 0;
        if (isWanted(target)) schedule(target, firstPauseMs);
      }
    },
    addressesOf(id) {
      const target = targets.get(id);
      return target === undefined ? [] : [...target.proven, ...target.hearsay];
    },
    close() {
      closed = true;
      for (const target of targets.values()) clearTimeout(target.timer);
      targets.clear();
    },
  };
}

function withoutPeer(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '');
}

function isHandshakeFailure(error: unknown): boolean {
  return (error as Error).name === 'EncryptionFailedError';
}

/** Whether a dial failed because whoever answered holds another key: it is another node, or of another mesh. */
export function isForeignMesh(error: unknown): boolean {
  return error instanceof NetworkError && isHandshakeFailure(error.cause);
}

/** What went wrong, in words that say what to do. */
export function dialFailure(error: unknown): string {
  const { message } = error as Error;
  return isHandshakeFailure(error)
    ? `it is another node, or its mesh or pre-shared key is another (${message})`
    : message;
}

/** What the TCP transport can dial, also on the way to a relay; an unspecified address is a place to listen. */
function isDialable(address: string): boolean {
  return (
    /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+(?:\/p2p\/[^/]+\/p2p-circuit)?$/.test(address) &&
    !/^\/ip4\/0\.0\.0\.0\/|^\/ip6\/::\//.test(address)
  );
}
