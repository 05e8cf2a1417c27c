// Law: what a fault does is told in a few words, for time lines and reports.
import type { FaultAction, Target } from './plan.ts';

/** In a few words, `self` named. */
export function describeAction(action: FaultAction, self: number): string {
  const of = (node: Target): string => `node-${node === 'self' ? self : node}`;
  const all = (nodes: readonly number[]): string => `{${nodes.join(',')}}`;
  switch (action.kind) {
    case 'crash':
      return `crash ${of(action.node)}${action.power ? ' power' : ''}${action.rotPermille === undefined ? '' : ' rot'}${action.misdirectPermille === undefined ? '' : ' misdirect'}`;
    case 'swap':
      return `swap ${of(action.node)} ${action.disk}`;
    case 'pause':
    case 'stop':
    case 'lost-sync':
    case 'skill':
    case 'disk':
    case 'clock':
      return `${action.kind} ${of(action.node)}`;
    case 'isolate':
      return `isolate ${of(action.node)}${action.direction === 'both' ? '' : ` ${action.direction}`}`;
    case 'split':
      return `split ${all(action.group)}`;
    case 'cut':
    case 'clog':
      return `${action.kind} ${all(action.from)}→${all(action.to)}`;
    case 'flap':
    case 'reset':
      return `${action.kind} ${action.a}–${action.b}`;
    case 'weather':
      return 'weather';
  }
}
