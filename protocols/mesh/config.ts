// Law: a quorum is a property of one epoch's decided config and of nothing else. Its bytes are canonical, its members sorted by id,
// and its hash names it wherever something is signed "under this config".
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, compareText, MalformedBytes, publicKeyOf } from '../wire/index.ts';

export interface Member {
  readonly id: NodeId;
  /** A positive integer; quorums are sums of weights. */
  readonly weight: number;
  /** For people: unique within a config. */
  readonly name: string;
  readonly site: string;
  readonly operator: string;
  readonly modelFamily: string;
}

/** A node that runs tasks and has no vote: it is in the config so that everyone, offline too, knows whose results may be judged. */
export type Worker = Omit<Member, 'weight'>;

export interface EpochConfig {
  readonly epoch: number;
  /** Sorted by id, no duplicates. */
  readonly members: readonly Member[];
  /** Sorted by id, none of them a member. Absent where there are none. */
  readonly workers?: readonly Worker[];
  /** Byzantine weight tolerated. 0 = crash faults only: no Byzantine tolerance. */
  readonly f: number;
  /** Further crash-only weight tolerated. */
  readonly c: number;
  /** Weight that may be silent while the fast path still decides. */
  readonly p: number;
  /** Hash of the config of the epoch before; 32 zero bytes in genesis. */
  readonly previous: Uint8Array;
}

/** The record that makes a mesh; its hash is the mesh id. Epoch 0's config is inside. */
export interface Genesis {
  readonly name: string;
  /** 32 random bytes, so that two meshes of the same members differ. */
  readonly nonce: Uint8Array;
  readonly config: EpochConfig;
}

const configDomain = 'parley/config/1';
/** With workers. A config without any has the bytes it always had, so that a mesh's id and chain stay what they are. */
const workersDomain = 'parley/config/2';
const genesisDomain = 'parley/genesis/1';
export const maxMembers = 256;
const maxWorkers = 256;
const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export function encodeConfig(config: EpochConfig): Uint8Array {
  checkConfig(config);
  const workers = workersOf(config);
  const writer = new ByteWriter(workers.length === 0 ? configDomain : workersDomain)
    .u32(config.epoch)
    .list(config.members, (each, member) => writeRest(each.text(member.id).u32(member.weight), member))
    .u32(config.f)
    .u32(config.c)
    .u32(config.p)
    .fixed(config.previous, 32);
  if (workers.length > 0) writer.list(workers, (each, worker) => writeRest(each.text(worker.id), worker));
  return writer.finish();
}

function writeRest(writer: ByteWriter, { name, site, operator, modelFamily }: Omit<Worker, 'id'>): void {
  writer.text(name).text(site).text(operator).text(modelFamily);
}

const readRest = (reader: ByteReader): Omit<Worker, 'id'> => ({
  name: reader.text(64),
  site: reader.text(64),
  operator: reader.text(64),
  modelFamily: reader.text(64),
});

export function workersOf({ workers = [] }: Pick<EpochConfig, 'workers'>): readonly Worker[] {
  return workers;
}

/** Throws MalformedBytes on anything `encodeConfig` would not have written. */
export function decodeConfig(bytes: Uint8Array): EpochConfig {
  const reader = new ByteReader(bytes);
  const domain = reader.text(256);
  if (domain !== configDomain && domain !== workersDomain) throw new MalformedBytes(`not a ${configDomain}`);
  const voting = {
    epoch: reader.u32(),
    members: reader.list(maxMembers, (r) => ({ id: r.text(64), weight: r.u32(), ...readRest(r) })),
    f: reader.u32(),
    c: reader.u32(),
    p: reader.u32(),
    previous: reader.fixed(32),
  };
  const config: EpochConfig =
    domain === configDomain
      ? voting
      : { ...voting, workers: reader.list(maxWorkers, (r) => ({ id: r.text(64), ...readRest(r) })) };
  reader.end();
  // One config has one encoding.
  if (config.workers?.length === 0) throw new MalformedBytes('a config without workers does not list them');
  checkConfig(config);
  return config;
}

/** Structure only; whether (weights, f, c, p) make sound quorums is `consensus`'s to say. Throws MalformedBytes. */
function checkConfig(config: EpochConfig): void {
  const { members } = config;
  const workers = workersOf(config);
  if (workers.length > maxWorkers)
    throw new MalformedBytes(`a config has at most ${maxWorkers} workers, not ${workers.length}`);
  if (members.length === 0 || members.length > maxMembers)
    throw new MalformedBytes(`a config has 1 to ${maxMembers} members, not ${members.length}`);
  const ids = new Set(members.map(({ id }) => id));
  for (const { id, name } of workers)
    if (ids.has(id)) throw new MalformedBytes(`${name} is a worker and a member at once`);
  for (const list of [members, workers])
    list.forEach(({ id }, i) => {
      publicKeyOf(id);
      if (i > 0 && compareText(list[i - 1]!.id, id) >= 0)
        throw new MalformedBytes('members are sorted by id, each once, and so are workers');
    });
  for (const member of members)
    if (!Number.isInteger(member.weight) || member.weight < 1 || member.weight > 0xffff)
      throw new MalformedBytes(`weight ${member.weight} of ${member.name} is not in 1…65535`);
  const names = new Set<string>();
  for (const member of [...members, ...workers]) {
    for (const text of [member.name, member.site, member.operator, member.modelFamily]) {
      if (!namePattern.test(text))
        throw new MalformedBytes(`'${text}' is not a name: lower-case letters, digits, '.', '_', '-', at most 63`);
    }
    if (names.has(member.name)) throw new MalformedBytes(`two nodes are named ${member.name}`);
    names.add(member.name);
  }
}

export function configHash(config: EpochConfig, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return crypto.sha256(encodeConfig(config));
}

export function encodeGenesis(genesis: Genesis): Uint8Array {
  if (!namePattern.test(genesis.name)) throw new MalformedBytes(`'${genesis.name}' is not a mesh name`);
  if (genesis.config.epoch !== 0 || genesis.config.previous.some((byte) => byte !== 0))
    throw new MalformedBytes('genesis holds epoch 0');
  return new ByteWriter(genesisDomain)
    .text(genesis.name)
    .fixed(genesis.nonce, 32)
    .bytes(encodeConfig(genesis.config))
    .finish();
}

export function decodeGenesis(bytes: Uint8Array): Genesis {
  const reader = new ByteReader(bytes, genesisDomain);
  const genesis: Genesis = {
    name: reader.text(64),
    nonce: reader.fixed(32),
    config: decodeConfig(reader.bytes(1 << 20)),
  };
  reader.end();
  encodeGenesis(genesis);
  return genesis;
}

/** The mesh id: 32 bytes, shown as hex. */
export function meshIdOf(genesis: Genesis, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return crypto.sha256(encodeGenesis(genesis));
}
