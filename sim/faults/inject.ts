// Law: a fault does to machines, links, clocks and disks what its data says, when it says, and is lifted after its time or by the healing;
// overlapping faults of one kind do not lift each other.
import type { WorkflowEntry } from '../../actors/workflow/index.ts';
import type { Said } from '../check/index.ts';
import type { DiskImage } from '../disk/index.ts';
import type { LinkProfile, NetworkProfile } from '../network/index.ts';
import type { SimNode } from '../node.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import { createAtlas } from './atlas.ts';
import { describeAction } from './describe.ts';
import type { Fault, FaultAction, Target, Trigger, When } from './plan.ts';

export interface Injector extends Watcher {
  said(said: Said): void;
  /** Every fault is lifted and none begins any more; nodes that are down stay so. */
  stop(): void;
  hasBadDisk(index: number): boolean;
}

const emptyImage: DiskImage = { files: new Map(), tables: new Map(), blobs: new Map() };
/** After its last write error a disk is still to blame for what it caused. */
const diskBlameMs = 30_000;

export function createInjector(swarm: Swarm, faults: readonly Fault[], isHonest: (index: number) => boolean): Injector {
  const { fabric, nodes, kernel } = swarm;
  const calmProfile = swarm.fabric.profile;
  const counts = new Map<Trigger, number>();
  const lifts = new Set<() => void>();
  const weathers: Extract<FaultAction, { kind: 'weather' }>[] = [];
  const badUntilMs = new Map<number, number>();
  const { seed } = swarm.options;
  const atlas = createAtlas({ nodes, seed, copiesMin: swarm.genesis.config.f + 1, isHonest });
  let isStopped = false;
  /** The fault that is being carried out, in words. */
  let doing = '';

  /** Undone after `forMs`, or when everything is; once. */
  const lasting = (forMs: number, undo: () => void): void => {
    const what = doing;
    const lift = (): void => {
      if (!lifts.delete(lift)) return;
      undo();
      swarm.tell('fault', what, true);
    };
    lifts.add(lift);
    swarm.later(forMs, 'fault.lift', lift);
  };

  const block = (pairs: readonly (readonly [number, number])[], holds: boolean, forMs: number): void => {
    for (const [from, to] of pairs) fabric.block(from, to, holds);
    lasting(forMs, () => {
      for (const [from, to] of pairs) fabric.unblock(from, to);
    });
  };

  const back = (node: SimNode, forMs: number, what: string): void =>
    swarm.later(forMs, 'fault.restart', () => {
      if (isStopped) return;
      node.start();
      swarm.tell('fault', what, true);
    });

  const setWeather = (): void => {
    fabric.profile = weathers.reduce(worse, calmProfile);
  };

  const act = (action: FaultAction, self: number): void => {
    if (isStopped) return;
    const target = (node: Target): SimNode => nodes[node === 'self' ? self : node]!;
    doing = describeAction(action, self);
    swarm.tell('fault', doing, false);
    switch (action.kind) {
      case 'crash': {
        const node = target(action.node);
        const what = doing;
        node.end(action.power, action.how);
        if (action.rotPermille !== undefined) atlas.damage(node, action.rotPermille);
        if (action.misdirectPermille !== undefined) atlas.misdirect(node, action.misdirectPermille);
        return void back(node, action.forMs, what);
      }
      case 'stop': {
        const node = target(action.node);
        const what = doing;
        return void node.stop(() => back(node, action.forMs, what));
      }
      case 'swap': {
        const node = target(action.node);
        const older = node.disk.image();
        const what = doing;
        return void swarm.later(action.ageMs, 'fault.swap', () => {
          if (isStopped) return;
          node.end(true, 'silent');
          const neighbour = nodes[(action.node + 1) % nodes.length]!;
          node.disk.become(
            action.disk === 'older' ? older : action.disk === 'foreign' ? neighbour.disk.image() : emptyImage,
          );
          back(node, action.forMs, what);
        });
      }
      case 'lost-sync': {
        const node = target(action.node);
        const what = doing;
        node.disk.lieAboutSyncs(true);
        return void swarm.later(action.ageMs, 'fault.power', () => {
          if (isStopped) return;
          node.end(true, 'silent');
          node.disk.lieAboutSyncs(false);
          back(node, action.forMs, what);
        });
      }
      case 'pause':
        return void kernel.pause(target(action.node).index, kernel.nowUs + action.forMs * 1_000);
      case 'isolate': {
        const { index } = target(action.node);
        const others = nodes.filter((other) => other.index !== index).map((other) => other.index);
        const inward = others.map((other) => [other, index] as const);
        const outward = others.map((other) => [index, other] as const);
        return void block(
          [...(action.direction === 'out' ? [] : inward), ...(action.direction === 'in' ? [] : outward)],
          action.holds,
          action.forMs,
        );
      }
      case 'split': {
        const inside = new Set(action.group);
        const pairs = nodes.flatMap(({ index: a }) =>
          nodes.filter(({ index: b }) => inside.has(a) !== inside.has(b)).map(({ index: b }) => [a, b] as const),
        );
        return void block(pairs, action.holds, action.forMs);
      }
      case 'cut':
        return void block(pairsBetween(action.from, action.to), action.holds, action.forMs);
      case 'clog': {
        const pairs = pairsBetween(action.from, action.to);
        for (const [from, to] of pairs) fabric.paths.clog(from, to);
        return void lasting(action.forMs, () => {
          for (const [from, to] of pairs) fabric.paths.unclog(from, to);
        });
      }
      case 'flap': {
        const { a, b, times, forMs } = action;
        for (let turn = 0; turn < times; turn++) {
          swarm.later((turn * forMs) / times, 'fault.flap', () => {
            if (!isStopped)
              block(
                [
                  [a, b],
                  [b, a],
                ],
                false,
                forMs / times / 2,
              );
          });
        }
        return;
      }
      case 'reset':
        return void fabric.reconnect(action.a, action.b);
      case 'weather':
        weathers.push(action);
        setWeather();
        return void lasting(action.forMs, () => {
          weathers.splice(weathers.indexOf(action), 1);
          setWeather();
        });
      case 'clock': {
        const { clocks } = target(action.node);
        // Within what the mesh's drift bound forgives between any two nodes.
        clocks.offsetMs = action.stepMs;
        clocks.driftPpm = action.driftPpm;
        return;
      }
      case 'disk': {
        const { disk, index } = target(action.node);
        disk.errorPermille = Math.max(disk.errorPermille, action.errorPermille);
        disk.slowFactor = Math.max(disk.slowFactor, action.slowFactor);
        if (action.errorPermille > 0)
          badUntilMs.set(index, Math.max(badUntilMs.get(index) ?? 0, swarm.nowMs + action.forMs + diskBlameMs));
        return void lasting(action.forMs, () => {
          disk.errorPermille = 0;
          disk.slowFactor = 1;
        });
      }
      case 'skill': {
        const { troubles } = target(action.node);
        Object.assign(troubles, {
          hangPermille: action.hangPermille,
          crashPermille: action.crashPermille,
          slowFactor: action.slowFactor,
        });
        return void lasting(
          action.forMs,
          () => void Object.assign(troubles, { hangPermille: 0, crashPermille: 0, slowFactor: 1 }),
        );
      }
    }
  };

  for (const fault of faults) {
    if ('atMs' in fault.when) swarm.later(fault.when.atMs - swarm.nowMs, `fault.${fault.kind}`, () => act(fault, 0));
  }

  const trigger = (on: Trigger, self: number): void => {
    const count = (counts.get(on) ?? 0) + 1;
    counts.set(on, count);
    for (const fault of faults) {
      if (!('on' in fault.when) || fault.when.on !== on || !isDue(fault.when, count)) continue;
      // A crash takes the node in the midst of what it does; everything else begins as an event of its own.
      if (fault.kind === 'crash') act(fault, self);
      else swarm.later(0, `fault.${fault.kind}`, () => act(fault, self));
    }
  };

  const entryTriggers: Partial<Record<WorkflowEntry['kind'], Trigger>> = {
    opened: 'opened',
    assigned: 'assigned',
    candidate: 'candidate',
    attestation: 'attestation',
    decided: 'decided',
  };

  return {
    said({ from, kind }) {
      if (isHonest(from)) trigger(kind, from);
    },
    disk({ index }, kind, target) {
      if ((kind === 'append' || kind === 'sync') && target.startsWith('file consensus-') && isHonest(index))
        trigger(kind, index);
    },
    board(node, { author, entry }) {
      const on = entryTriggers[entry.kind];
      if (on !== undefined && author === node.id && isHonest(node.index)) trigger(on, node.index);
    },
    stop() {
      isStopped = true;
      for (const lift of [...lifts]) lift();
      for (const { index, disk } of nodes) {
        kernel.pause(index, 0);
        disk.lift();
        disk.lieAboutSyncs(false);
      }
    },
    hasBadDisk: (index) => (badUntilMs.get(index) ?? -1) >= swarm.nowMs,
  };
}

function isDue({ nth, every = 1, times = 1 }: Extract<When, { on: Trigger }>, count: number): boolean {
  const turn = (count - nth) / every;
  return turn >= 0 && turn < times && Number.isInteger(turn);
}

function pairsBetween(from: readonly number[], to: readonly number[]): (readonly [number, number])[] {
  return from.flatMap((a) => to.filter((b) => b !== a).map((b) => [a, b] as const));
}

function worse(profile: NetworkProfile, weather: Extract<FaultAction, { kind: 'weather' }>): NetworkProfile {
  const link = (calm: LinkProfile): LinkProfile => ({
    ...calm,
    lossPermille: Math.max(calm.lossPermille, weather.lossPermille),
    duplicatePermille: Math.max(calm.duplicatePermille, weather.duplicatePermille),
    reorderPermille: Math.max(calm.reorderPermille, weather.reorderPermille ?? 0),
    latencyUs: calm.latencyUs * weather.latencyFactor,
    jitterUs: calm.jitterUs * weather.latencyFactor,
  });
  const between = Object.entries(profile.between ?? {}).map(([name, calm]) => [name, link(calm)] as const);
  return { ...profile, near: link(profile.near), far: link(profile.far), between: Object.fromEntries(between) };
}
