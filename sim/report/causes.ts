// Law: what caused what is read from the recording alone: each node's own order, and each frame from its sending to its arrival.
import type { Moment } from './record.ts';

/** Of each moment, by its place in `moments`: the place of the sending that it received; −1 elsewhere. */
export function sendersOf(moments: readonly Moment[]): Int32Array {
  const sends = new Map<number, number>();
  const from = new Int32Array(moments.length).fill(-1);
  for (const [at, { mark, frame }] of moments.entries()) {
    if (frame === undefined) continue;
    if (mark === 'send') sends.set(frame, at);
    else from[at] = sends.get(frame) ?? -1;
  }
  return from;
}

/**
 * Places of what could have caused `moments[effect]`, it included, rising: everything its node did before, whatever reached it, and so on.
 * The latest `most` of them. What a node does again and again without being reached by anything new is all in its past.
 */
export function coneOf(moments: readonly Moment[], effect: number, most: number): number[] {
  const senders = sendersOf(moments);
  /** Per node: places before this one are in the cone. */
  const reach = new Map<number, number>([[moments[effect]!.node, effect]]);
  const cone: number[] = [];
  for (let at = effect; at >= 0 && cone.length < most; at--) {
    const { node } = moments[at]!;
    if (at > (reach.get(node) ?? -1)) continue;
    cone.push(at);
    const sender = senders[at]!;
    if (sender >= 0) {
      const peer = moments[sender]!.node;
      reach.set(peer, Math.max(reach.get(peer) ?? -1, sender));
    }
  }
  return cone.reverse();
}

/** A vector clock per moment: how many moments of each node are in its past, its own included. */
export function* vectorClocks(
  moments: readonly Moment[],
  nodes: number,
): Generator<readonly [at: number, clock: Int32Array]> {
  const senders = sendersOf(moments);
  const clocks = Array.from({ length: nodes }, () => new Int32Array(nodes));
  const atSending = new Map<number, Int32Array>();
  const awaited = new Set([...senders].filter((at) => at >= 0));
  for (const [at, { node }] of moments.entries()) {
    if (node < 0) continue;
    const clock = clocks[node]!;
    const sent = atSending.get(senders[at]!);
    if (sent !== undefined) for (let i = 0; i < nodes; i++) clock[i] = Math.max(clock[i]!, sent[i]!);
    clock[node]!++;
    if (awaited.has(at)) atSending.set(at, clock.slice());
    yield [at, clock];
  }
}
