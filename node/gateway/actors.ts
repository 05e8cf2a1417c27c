// Law: watching a node's actors costs it two looks, whoever watches; what is told of them are numbers and the words of their last error.
import { type ActorLoad, loadBetween, type System } from '../../actors/system/index.ts';
import type { ActorRow, ActorsReply } from './api-mesh.ts';

/** A node has some tens of actors, and a few per workflow that runs. */
const actorsMax = 10_000;
const errorWordsMax = 500;

export interface WatchedNode {
  readonly system: System;
  readonly settings: { readonly name: string };
}

export async function watchActors({ system, settings }: WatchedNode, overMs: number): Promise<ActorsReply> {
  const earlier = system.inspect();
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, overMs));
  // As long as it took and not as long as was asked for: a busy loop wakes late.
  const tookMs = Math.max(1, performance.now() - startMs);
  const actors = loadBetween(earlier, system.inspect(), tookMs);
  return {
    node: settings.name,
    overMs: Math.round(tookMs),
    deadLetters: system.deadLetters.count,
    actors: actors.slice(0, actorsMax).map(rowOf),
    omitted: Math.max(0, actors.length - actorsMax),
  };
}

function rowOf({ trace: _, lastError, messagesPerSecond, ...load }: ActorLoad): ActorRow {
  return {
    ...load,
    messagesPerSecond: Math.round(messagesPerSecond * 10) / 10,
    ...(lastError === undefined
      ? {}
      : { lastError: `${lastError.name}: ${lastError.message}`.slice(0, errorWordsMax) }),
  };
}
