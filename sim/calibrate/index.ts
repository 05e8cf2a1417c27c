// Law: the door of the calibration: what others published or proved, beside what the simulator gets, and whether that is near enough.
import { createCrypto } from '../../node/index.ts';
import { createSimCrypto } from '../world/index.ts';
import { epidemicYardsticks } from './epidemic.ts';
import { gossipYardsticks } from './gossip.ts';
import { lifeguardYardsticks } from './lifeguard.ts';
import { swimYardsticks } from './swim.ts';
import { tableOf, type Yardstick } from './yardstick.ts';

export interface CalibrateOptions {
  /** Fewer samples and smaller swarms: seconds instead of minutes. */
  readonly quick?: boolean;
  /** Default 1. The published gossip runs are compared with the means over seeds 1, 2, … whatever this is. */
  readonly seed?: number;
  /** Only these parts. */
  readonly only?: readonly CalibratedPart[];
}

/** `mesh` starts real processes and takes real time: only where it is asked for. */
export const calibratedParts = ['gossip', 'epidemic', 'swim', 'lifeguard', 'mesh'] as const;
export type CalibratedPart = (typeof calibratedParts)[number];

/** Prints a table of all yardsticks as they are measured. Resolves to the exit code: 1 if any is missed. */
export async function calibrate(options: CalibrateOptions, print: (line: string) => void): Promise<0 | 1> {
  const { quick = false, seed = 1, only = calibratedParts.filter((part) => part !== 'mesh') } = options;
  const crypto = createSimCrypto('keyed-hash', createCrypto());
  const parts: Readonly<Record<CalibratedPart, () => Yardstick[] | Promise<Yardstick[]>>> = {
    gossip: () => gossipYardsticks(quick ? { seeds: 8, nodesMax: 250 } : { seeds: 20, nodesMax: 1_000 }),
    epidemic: () => epidemicYardsticks({ seed, scale: quick ? 0.1 : 1 }),
    swim: () =>
      swimYardsticks(quick ? { crypto, seed, scale: 0.2, nodesMax: 50 } : { crypto, seed, scale: 1, nodesMax: 1_000 }),
    lifeguard: () =>
      lifeguardYardsticks(quick ? { crypto, seed, runMs: 40_000, experimentsMax: 2 } : { crypto, seed, runMs: 60_000 }),
    // Loaded here: it brings the node's own code with it, and child processes.
    mesh: async () => (await import('./mesh.ts')).meshYardsticks({ seed, decisions: quick ? 5 : 20 }),
  };
  const all: Yardstick[] = [];
  for (const part of calibratedParts) {
    if (!only.includes(part)) continue;
    const found = await parts[part]();
    all.push(...found);
    for (const line of tableOf(found)) print(line);
  }
  const missed = all.filter(({ isMet }) => !isMet);
  print('');
  print(`${all.length} yardsticks, ${missed.length} missed`);
  return missed.length === 0 ? 0 : 1;
}
