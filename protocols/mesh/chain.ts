// Law: the members of an epoch are what genesis and an unbroken chain of decided configs say they are. A config is appended only with the
// certificate of the epoch before it, so that anyone who holds the mesh id can check the whole chain offline.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { equalBytes, hex, MalformedBytes } from '../wire/index.ts';
import { configHash, type EpochConfig, type Genesis, type Member, meshIdOf, type Worker, workersOf } from './config.ts';

export interface ConfigLink {
  readonly config: EpochConfig;
  /** The encoded consensus certificate that decided it, under the epoch before. Empty for epoch 0. */
  readonly certificate: Uint8Array;
}

export interface MeshChain {
  readonly genesis: Genesis;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly meshIdHex: string;
  readonly current: EpochConfig;
  readonly links: readonly ConfigLink[];
  /** Undefined for an epoch that is not (yet) in the chain. */
  config(epoch: number): EpochConfig | undefined;
  member(id: NodeId, epoch?: number): Member | undefined;
  isMember(id: NodeId): boolean;
  worker(id: NodeId, epoch?: number): Worker | undefined;
  /** What a member or a worker is called and where it stands; undefined for whoever is neither. */
  node(id: NodeId, epoch?: number): Worker | undefined;
  /** A member's or worker's name, or the start of its id where it is (no longer) none. */
  nameOf(id: NodeId): string;
  /**
   * Appends the next epoch. `verified` says that the certificate was checked (that needs `consensus`, a floor above).
   * Returns false where the epoch is already there; throws MalformedBytes where the link does not follow.
   */
  append(link: ConfigLink, verified: true): boolean;
  onAppend(handler: (link: ConfigLink) => void): () => void;
}

export function createMeshChain(genesis: Genesis, crypto: Pick<Crypto, 'sha256'>): MeshChain {
  const meshId = meshIdOf(genesis, crypto);
  const links: ConfigLink[] = [{ config: genesis.config, certificate: new Uint8Array(0) }];
  const names = new Map<NodeId, string>();
  const learnNames = (config: EpochConfig): void => {
    for (const { id, name } of [...config.members, ...workersOf(config)]) names.set(id, name);
  };
  learnNames(genesis.config);
  /** By epoch: every frame and every connection asks for one. */
  const members = [byId(genesis.config.members)];
  const workers = [byId(workersOf(genesis.config))];
  const handlers = new Set<(link: ConfigLink) => void>();
  const current = (): EpochConfig => links.at(-1)!.config;
  const member = (id: NodeId, epoch?: number): Member | undefined =>
    (epoch === undefined ? members.at(-1) : members[epoch])?.get(id);
  const worker = (id: NodeId, epoch?: number): Worker | undefined =>
    (epoch === undefined ? workers.at(-1) : workers[epoch])?.get(id);
  return {
    genesis,
    meshId,
    meshIdHex: hex.encode(meshId),
    get current() {
      return current();
    },
    links,
    config: (epoch) => links[epoch]?.config,
    member,
    isMember: (id) => member(id) !== undefined,
    worker,
    node: (id, epoch) => member(id, epoch) ?? worker(id, epoch),
    nameOf: (id) => names.get(id) ?? `${id.slice(-8)}`,
    append(link) {
      const { config } = link;
      if (config.epoch < links.length) return false;
      if (config.epoch !== links.length)
        throw new MalformedBytes(`config of epoch ${config.epoch} does not follow epoch ${links.length - 1}`);
      if (!equalBytes(config.previous, configHash(current(), crypto)))
        throw new MalformedBytes(`config of epoch ${config.epoch} names another config before it`);
      links.push(link);
      members.push(byId(config.members));
      workers.push(byId(workersOf(config)));
      learnNames(config);
      for (const handler of [...handlers]) handler(link);
      return true;
    },
    onAppend(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}

function byId<T extends Worker>(nodes: readonly T[]): ReadonlyMap<NodeId, T> {
  return new Map(nodes.map((node) => [node.id, node]));
}
