// Law: a node's log of votes never goes back without being found out. With every frame a node signs how far its log goes; peers remember
// the latest, and a node that starts asks them before it votes. The proof is its own signature, so no peer can silence it with a lie,
// and one honest peer that saw its last word is enough.
import { z } from 'zod';
import { type LogHead, thresholdsOf } from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import {
  ByteWriter,
  decodeBody,
  defineRequest,
  encodeBody,
  equalBytes,
  type Identity,
  utf8,
} from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import type { Crypto, KeyValue, NodeId } from '../system/index.ts';
import { type Position, sealBytes } from './frame-message.ts';

const bytes = (length: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length);

const positionSchema = z.strictObject({
  /** Of the last record that is durable. */
  sequence: z.number().int().nonnegative(),
  hash: bytes(32),
  seal: bytes(sealBytes),
});

const lastSeen = defineRequest(
  'consensus.last-seen',
  z.strictObject({ epoch: z.number().int().nonnegative() }),
  z.strictObject({ position: positionSchema.optional() }),
);

const askAgainMs = 500;
const requestTimeoutMs = 2_000;
const storeEveryMs = 1_000;
const positionBytesMax = 1_024;
const keyDomain = utf8.encode('parley/log-position-key/2');

/** HMAC-SHA256 (RFC 2104) over the position, under a key that follows from the node's secret one. */
function sealOf(
  { sequence, hash }: LogHead,
  epoch: number,
  meshId: Uint8Array,
  identity: Identity,
  crypto: Pick<Crypto, 'sha256'>,
): Uint8Array {
  const key = crypto.sha256(keyDomain, identity.secretKey);
  const padded = (pad: number): Uint8Array => new Uint8Array(64).fill(pad).map((each, at) => each ^ (key[at] ?? 0));
  const said = new ByteWriter('parley/log-position/2').fixed(meshId, 32).u32(epoch).u64(sequence).fixed(hash, 32);
  return crypto.sha256(padded(0x5c), crypto.sha256(padded(0x36), said.finish()));
}

export function sealPosition(
  head: LogHead,
  epoch: number,
  meshId: Uint8Array,
  identity: Identity,
  crypto: Pick<Crypto, 'sha256'>,
): Position {
  return { ...head, seal: sealOf(head, epoch, meshId, identity, crypto) };
}

/** What peers last said of their logs. Kept on the disk too, so that a mesh that restarts as a whole still remembers. */
export interface PositionBook {
  saw(node: NodeId, epoch: number, position: Position): void;
  close(): void;
}

export async function openPositionBook(parts: Pick<Parts, 'world' | 'office'>): Promise<PositionBook> {
  const { clock, scheduler, storage, log } = parts.world;
  const keyValue: KeyValue = await storage.keyValue('positions');
  const latest = new Map<string, Position>();
  let unwritten = new Set<string>();
  let cancel = (): void => {};
  const keyOf = (node: NodeId, epoch: number): string => `${String(epoch).padStart(10, '0')}/${node}`;
  for await (const { key, value } of keyValue.range('', '~')) {
    const checked = positionSchema.safeParse(decodeBody(value));
    if (checked.success) latest.set(key, checked.data);
  }
  function store(): void {
    const keys = unwritten;
    unwritten = new Set();
    const changes = [...keys].map((key) => ({ key, value: encodeBody(latest.get(key)!, positionBytesMax) }));
    keyValue.write(changes).catch((error: Error) => log('error', 'positions not stored', { error: error.message }));
  }
  const stopAnswering = parts.office.answer(lastSeen, ({ epoch }, { from }) => {
    const position = latest.get(keyOf(from, epoch));
    return position === undefined ? {} : { position };
  });
  return {
    saw(node, epoch, position) {
      const key = keyOf(node, epoch);
      // Whether it is sealed is for the node itself to check, when it asks: a forged one would only be about its own sender.
      if (position.sequence <= (latest.get(key)?.sequence ?? -1)) return;
      latest.set(key, position);
      if (unwritten.size === 0) cancel = scheduler.at(clock.monotonicMs() + storeEveryMs, store);
      unwritten.add(key);
    },
    close() {
      stopAnswering();
      cancel();
      if (unwritten.size > 0) store();
    },
  };
}

/**
 * Asks the other members of `config` what they last saw of this node's log, until those who answered weigh enough that an honest one who
 * saw its last vote must be among them. Resolves to why this node must not vote, or to undefined where it may; `signal` ends the asking.
 */
export async function checkPosition(
  parts: Parts,
  config: EpochConfig,
  head: LogHead,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { world, identity, chain, office } = parts;
  const { crypto, network } = world;
  const own = config.members.find(({ id }) => id === identity.id);
  if (own === undefined) return undefined;
  const needed = thresholdsOf(config).available - own.weight;
  const answered = new Set<NodeId>();
  const weight = (): number =>
    config.members.reduce((sum, { id, weight: each }) => sum + (answered.has(id) ? each : 0), 0);
  let reason: string | undefined;
  while (weight() < needed && reason === undefined && !signal.aborted) {
    const connected = new Set(network.peers());
    const others = config.members.filter(({ id }) => id !== identity.id && !answered.has(id) && connected.has(id));
    await Promise.all(
      others.map(async ({ id, name }) => {
        try {
          const { position } = await office.request(
            id,
            lastSeen,
            { epoch: config.epoch },
            { timeoutMs: requestTimeoutMs },
          );
          answered.add(id);
          reason ??= position === undefined ? undefined : contradiction(position, name);
        } catch (error) {
          world.log('debug', 'not told what was last seen', { node: id, error: (error as Error).message });
        }
      }),
    );
    if (weight() < needed && reason === undefined) await sleep(askAgainMs);
  }
  return reason;

  function contradiction(position: Position, name: string): string | undefined {
    if (!equalBytes(sealOf(position, config.epoch, chain.meshId, identity, crypto), position.seal)) return undefined;
    if (position.sequence > head.sequence)
      return `the log of votes of epoch ${config.epoch} ends at record ${head.sequence}, and ${name} has this node's seal up to record ${position.sequence}: the data folder is older than the node's last word`;
    if (position.sequence === head.sequence && !equalBytes(position.hash, head.hash))
      return `the log of votes of epoch ${config.epoch} is another one than ${name} has this node's seal for: the data folder was copied or changed`;
    return undefined;
  }

  /** Shorter where the asking ends: a node that was asked to stop leaves no timer behind. */
  function sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const cancel = world.scheduler.at(world.clock.monotonicMs() + delayMs, () => {
        signal.removeEventListener('abort', wake);
        resolve();
      });
      const wake = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
