// Law: a small mesh of whole actor systems over one virtual network and one clock; a node is a system, its network and its remote.
import { createSystem, type Remote, remoteOf, type System } from '../../index.ts';
import {
  type Probe,
  spawnProbe,
  type VirtualHub,
  type VirtualNetwork,
  type VirtualNetworkOptions,
  type VirtualWorld,
  virtualHub,
  virtualWorld,
} from '../../testing/index.ts';

export interface MeshNode {
  readonly name: string;
  readonly system: System;
  readonly network: VirtualNetwork;
  readonly remote: Remote;
  readonly probe: Probe;
}

export class Mesh {
  readonly world: VirtualWorld = virtualWorld(1);
  readonly hub: VirtualHub;
  readonly nodes: MeshNode[] = [];
  private lives = 0;

  constructor(count: number, options: VirtualNetworkOptions = {}) {
    this.hub = virtualHub(this.world, options);
    for (let index = 0; index < count; index++) this.start(`n${index + 1}`);
  }

  start(name: string, trusted = false): MeshNode {
    const random = this.world.random.fork(`${name} ${++this.lives}`);
    const system = createSystem(name, { ...this.world, random });
    const network = this.hub.open(name);
    const remote = remoteOf(system);
    remote.attach(network, { trusted });
    const node = { name, system, network, remote, probe: spawnProbe(system, { name: 'probe' }) };
    this.nodes.push(node);
    return node;
  }

  node(index: number): MeshNode {
    return this.nodes[index - 1]!;
  }

  /** As a crash of the process: its peers notice, it does not. */
  async crash(index: number): Promise<void> {
    await this.node(index).network.close();
  }

  /** Long enough for anything that is under way to arrive and be answered. */
  async settle(ms = 50): Promise<void> {
    await this.world.advance(ms);
  }

  async settled<T>(promise: Promise<T>, ms = 50): Promise<T> {
    promise.catch(() => {});
    await this.world.advance(ms);
    return promise;
  }
}
