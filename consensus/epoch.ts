// Law: who may vote, with what weight, under which name of mesh, epoch and config, is computed once per epoch and only read afterwards.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { configHash, type EpochConfig } from '../protocols/mesh/index.ts';
import { compareText, hex, publicKeyOf } from '../protocols/wire/index.ts';
import { type Domain, type InstanceId, idWord, isLeaderless, type Scope } from './messages.ts';
import { leaderlessThresholds, type Thresholds, thresholdsOf } from './quorum.ts';

/** The outcome of a check, with the reason in words where it fails. */
export type Check = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface EpochView {
  readonly scope: Scope;
  /** Lower-case hex, as certificates carry it. */
  readonly configHash: string;
  /** With a leader in round 0; `thresholdsIn` knows those of every domain. */
  readonly thresholds: Thresholds;
  readonly weights: ReadonlyMap<NodeId, number>;
  /** Its members with the first 64 bits of their keys, as `leaderOf` mixes them. */
  readonly rendezvous: readonly KeyWords[];
}

interface KeyWords {
  readonly id: NodeId;
  readonly high: number;
  readonly low: number;
}

/** Throws UnsoundQuorum where the config cannot keep its promise. */
export function epochViewOf(config: EpochConfig, meshId: Uint8Array, crypto: Pick<Crypto, 'sha256'>): EpochView {
  const hash = configHash(config, crypto);
  return {
    scope: { meshId, epoch: config.epoch, configHash: hash },
    configHash: hex.encode(hash),
    thresholds: thresholdsOf(config),
    weights: new Map(config.members.map((member) => [member.id, member.weight])),
    rendezvous: config.members.map(({ id }) => {
      const [high, low] = wordsOf(id);
      return { id, high, low };
    }),
  };
}

/** What an instance of `domain` needs of whom. */
export function thresholdsIn(epoch: EpochView, domain: Domain): Thresholds {
  return isLeaderless(domain) ? leaderlessThresholds(epoch.thresholds) : epoch.thresholds;
}

/**
 * The order in which members lead the rounds of an instance: rendezvous hashing, so it needs no message and moves little when members
 * change. Member keys and instance ids are uniform already; mixing them is cheaper than hashing each pair.
 */
export function leaderOrder(instance: InstanceId, members: Iterable<NodeId>): NodeId[] {
  const high = idWord(instance, 0);
  const low = idWord(instance, 1);
  return [...members]
    .map((id) => {
      const [keyHigh, keyLow] = wordsOf(id);
      return { id, first: mix(high ^ keyHigh), second: mix(low ^ keyLow) };
    })
    .sort((a, b) => b.first - a.first || b.second - a.second || compareText(a.id, b.id))
    .map(({ id }) => id);
}

/** Who leads round 0: the first in `leaderOrder` of the epoch's members. */
export function leaderOf(instance: InstanceId, epoch: EpochView): NodeId {
  const high = idWord(instance, 0);
  const low = idWord(instance, 1);
  let leader = epoch.rendezvous[0]!;
  let [bestFirst, bestSecond] = [-1, -1];
  for (const member of epoch.rendezvous) {
    const first = mix(high ^ member.high);
    if (first < bestFirst) continue;
    const second = mix(low ^ member.low);
    const isTie = first === bestFirst && second === bestSecond;
    if (first === bestFirst && (second < bestSecond || (isTie && compareText(member.id, leader.id) > 0))) continue;
    [leader, bestFirst, bestSecond] = [member, first, second];
  }
  return leader.id;
}

const cachedMax = 4096;
const cachedWords = new Map<NodeId, readonly [number, number]>();

/** The first 64 bits of a member's key. */
function wordsOf(id: NodeId): readonly [number, number] {
  let words = cachedWords.get(id);
  if (words === undefined) {
    const key = publicKeyOf(id);
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    words = [view.getUint32(0), view.getUint32(4)];
    if (cachedWords.size >= cachedMax) cachedWords.clear();
    cachedWords.set(id, words);
  }
  return words;
}

/** A bijection of 32-bit words in which every input bit reaches every output bit. */
function mix(word: number): number {
  let x = word >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
