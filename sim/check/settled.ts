// Law: once a quorum is whole again, everything that was accepted comes to its end there, and its members hold the same logs.
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import type { SimNode } from '../node.ts';
import type { Submission, Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

/** Nothing is left to do at any of `core`: for leaving a run early. */
export function isSettled(swarm: Swarm, core: readonly SimNode[]): boolean {
  return core.every(({ process }) => process !== undefined && process.composed.parts.board.running().length === 0) && promised(swarm, core).every(({ workflow }) => core.every((node) => node.process?.composed.parts.board.get(workflow!)?.ended !== undefined));
}

/** Submissions a node answered for with enough holders that one of them is honest and in any quorum. */
function promised(swarm: Swarm, core: readonly SimNode[]): Submission[] {
  const { members, f, c } = swarm.genesis.config;
  const enough = Math.min(members.length - 1, Math.max(f + c, 1) + f);
  return swarm.submissions.filter(({ workflow, heldBy, node }) => workflow !== undefined && (heldBy! >= enough || core.some(({ index }) => index === node)));
}

export function checkSettled(swarm: Swarm, core: readonly SimNode[], book: Book): void {
  for (const { name, process } of core) {
    if (process === undefined) {
      book.break('liveness', `${name} does not run after the healing`);
      continue;
    }
    const { board } = process.composed.parts;
    for (const record of board.running()) book.break('liveness', `${name}: ${record.workflow.slice(0, 12)} has not ended: ${standing(record)}`);
    for (const { workflow, node } of promised(swarm, core)) {
      if (board.get(workflow!)?.opened === undefined) book.break('liveness', `${name} does not know ${workflow!.slice(0, 12)}, which node-${node} accepted`);
    }
  }
}

function standing(record: WorkflowRecord): string {
  return [...record.tasks]
    .map(([task, { attempts }]) => `${task} ${[...attempts].map(([n, a]) => `#${n}: ${a.executors.size} executors, ${a.verifiers.size} verifiers, ${a.candidates.size} candidates, ${a.attestations.size} attestations, ${a.faults.size} faults, ${a.expired.size} expired, ${a.certified?.decision.kind ?? 'undecided'}`).join('; ')}`)
    .join(' | ');
}

const lanesTable = 'lanes';
const entryRow = /^e\/([^/]+)\/([^/]+)\//;

/** The lanes of honest authors are the same rows on every disk of the core. */
export function checkLanes(core: readonly SimNode[], isHonest: (index: number) => boolean, nodes: readonly SimNode[], book: Book): void {
  const honest = new Set(nodes.filter(({ index }) => isHonest(index)).map(({ id }) => id));
  const rowsOf = ({ disk }: SimNode): Map<string, Uint8Array> =>
    new Map([...(disk.tables.get(lanesTable) ?? [])].filter(([key]) => honest.has(entryRow.exec(key)?.[2] ?? '')));
  const [first, ...others] = core;
  if (first === undefined) return;
  const rows = rowsOf(first);
  for (const other of others) {
    const theirs = rowsOf(other);
    const missing = [...rows.keys()].filter((key) => !theirs.has(key));
    const extra = [...theirs.keys()].filter((key) => !rows.has(key));
    const unequal = [...rows].filter(([key, value]) => theirs.has(key) && Buffer.compare(value, theirs.get(key)!) !== 0);
    if (missing.length + extra.length + unequal.length === 0) continue;
    const sample = missing[0] ?? extra[0] ?? unequal[0]![0];
    const author = nodes.find(({ id }) => id === entryRow.exec(sample)?.[2])?.name;
    book.break('lanes-converge', `${other.name} lacks ${missing.length} entries that ${first.name} has, has ${extra.length} that it lacks, and ${unequal.length} differ; for example ${entryRow.exec(sample)?.[1]} of ${author} ${sample.slice(-6)}`);
  }
}
