// Law: once a quorum is whole again, everything that was accepted comes to its end there, and its members hold the same logs.
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import type { SimNode } from '../node.ts';
import type { Submission, Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface SettledOptions {
  readonly swarm: Swarm;
  /** Honest, running and connected with each other. */
  readonly core: readonly SimNode[];
  readonly isHonest: (index: number) => boolean;
}

/** Nothing is left to do at any of `core`: for leaving a run early. */
export function isSettled(options: SettledOptions): boolean {
  const { core, swarm } = options;
  // A client still waits for an answer: what it asked may yet become work.
  const isAsking = ({ node, life, workflow, refused }: Submission): boolean =>
    workflow === undefined &&
    refused === undefined &&
    core.some(({ index }) => index === node) &&
    (life === undefined || swarm.nodes[node]!.lives === life);
  if (swarm.submissions.some(isAsking)) return false;
  const boards = core.flatMap(({ process }) => (process === undefined ? [] : [process.composed.parts.board]));
  return (
    boards.length === core.length &&
    boards.every((board) => board.running().every((record) => !isOpenedHonestly(record, options))) &&
    promised(options).every(({ workflow }) => boards.every((board) => board.get(workflow!)?.ended !== undefined))
  );
}

/** Whether anything runs at any of `core`, a liar's own work included. */
export function isAnyRunning(core: readonly SimNode[]): boolean {
  return core.some(({ process }) => (process?.composed.parts.board.unfinished().length ?? 0) > 0);
}

/** Workflows that are known at `core`, counted at each node. */
export function knownWorkflows(core: readonly SimNode[]): number {
  return core.reduce((sum, { process }) => sum + (process?.composed.parts.board.all().length ?? 0), 0);
}

/** Submissions an honest node answered for, with enough holders that one of them is in any quorum, or that is in this one itself. */
function promised({ swarm, core, isHonest }: SettledOptions): Submission[] {
  const { members, f, c } = swarm.genesis.config;
  const enough = Math.min(members.length - 1, Math.max(f + c, 1) + f);
  return swarm.submissions.filter(
    ({ workflow, heldBy, node }) =>
      workflow !== undefined && isHonest(node) && (heldBy! >= enough || core.some(({ index }) => index === node)),
  );
}

/** A liar may show its own opening, or its cancelling of it, to some and not to others; what an honest member opened ends alike everywhere. */
export function isOpenedHonestly(
  record: WorkflowRecord,
  { swarm, isHonest }: Pick<SettledOptions, 'swarm' | 'isHonest'>,
): boolean {
  return swarm.nodes.some(({ id, index }) => isHonest(index) && record.openedBy.has(id));
}

export function checkSettled(options: SettledOptions, book: Book): void {
  for (const { name, process } of options.core) {
    if (process === undefined) {
      book.break('liveness', `${name} does not run after the healing`);
      continue;
    }
    const { board } = process.composed.parts;
    for (const record of board.running())
      if (isOpenedHonestly(record, options))
        book.break('liveness', `${name}: ${record.workflow.slice(0, 12)} has not ended: ${standing(record)}`);
    for (const { workflow, node } of promised(options)) {
      if (board.get(workflow!)?.opened === undefined)
        book.break('liveness', `${name} does not know ${workflow!.slice(0, 12)}, which node-${node} accepted`);
    }
  }
}

function standing(record: WorkflowRecord): string {
  return [...record.tasks]
    .map(
      ([task, { attempts }]) =>
        `${task} ${[...attempts].map(([n, a]) => `#${n}: ${a.executors.size} executors, ${a.verifiers.size} verifiers, ${a.candidates.size} candidates, ${a.attestations.size} attestations, ${a.faults.size} faults, ${a.expired.size} expired, ${a.certified?.decision.kind ?? 'undecided'}`).join('; ')}`,
    )
    .join(' | ');
}

/**
 * Whoever is whole takes nobody for dead that is there, and nobody for alive that is gone for good. A suspicion may be under way at any
 * moment: a slow line earns one now and then, and it is answered. Liars may say what they like.
 */
export function checkMembership(core: readonly SimNode[], gone: readonly SimNode[], book: Book): void {
  for (const wrong of mistakenViews(core, gone)) book.break('membership-exact', wrong);
}

/** A member taken for dead while the lines were slow is asked again every few seconds, one of them at a time: for waiting until it was. */
export function isMembershipExact(core: readonly SimNode[], gone: readonly SimNode[]): boolean {
  return mistakenViews(core, gone).next().done === true;
}

function* mistakenViews(core: readonly SimNode[], gone: readonly SimNode[]): Generator<string> {
  for (const { name, id, process } of core) {
    const view = process?.composed.parts.view;
    if (view === undefined) continue;
    for (const other of core)
      if (other.id !== id && view.state(other.id) === 'dead')
        yield `${name} takes ${other.name} for dead, and it is there`;
    for (const other of gone)
      if (view.state(other.id) === 'alive') yield `${name} takes ${other.name} for alive, and it is gone`;
  }
}

const lanesTable = 'lanes';
const entryRow = /^e\/([^/]+)\/([^/]+)\//;

/** The audit logs of the quorum are one log: equal where nothing is left to do. */
export function checkAudit(core: readonly SimNode[], book: Book): void {
  const tip = ({ process }: SimNode): string => {
    const log = process?.composed.audit.log(process.composed.parts.chain.current.epoch);
    return log === undefined ? 'none' : `${log.size} entries, root ${hex.encode(log.root()).slice(0, 12)}`;
  };
  const [first, ...others] = core;
  for (const other of others)
    if (tip(other) !== tip(first!))
      book.break(
        'audit-converges',
        `the audit log of ${first!.name} has ${tip(first!)}, that of ${other.name} ${tip(other)}`,
      );
}

/** Row keys of honest authors' logs on each disk of the core, at one moment. */
export type LaneRows = ReadonlyMap<SimNode, ReadonlyMap<string, Uint8Array>>;

export function laneRows(
  core: readonly SimNode[],
  isHonest: (index: number) => boolean,
  nodes: readonly SimNode[],
): LaneRows {
  const honest = new Set(nodes.filter(({ index }) => isHonest(index)).map(({ id }) => id));
  return new Map(
    core.map((node) => [
      node,
      new Map(
        [...(node.disk.tables.get(lanesTable) ?? [])].filter(([key]) => honest.has(entryRow.exec(key)?.[2] ?? '')),
      ),
    ]),
  );
}

function inWords(key: string, nodes: readonly SimNode[]): string {
  const [, lane, author] = entryRow.exec(key) ?? [];
  return `${lane} ${Number(key.slice(-16))} of ${nodes.find(({ id }) => id === author)?.name}`;
}

function unionOf(rows: LaneRows): Map<string, Uint8Array> {
  return new Map([...rows.values()].flatMap((each) => [...each]));
}

/** What anybody of the core held `before` everybody holds now, to the byte. */
export function checkLanes(before: LaneRows, now: LaneRows, nodes: readonly SimNode[], book: Book): void {
  const union = unionOf(before);
  for (const [{ name }, rows] of now) {
    const missing = [...union.keys()].filter((key) => !rows.has(key));
    if (missing.length > 0)
      book.break(
        'lanes-converge',
        `${name} lacks ${missing.length} entries that others of the quorum hold, for example ${inWords(missing[0]!, nodes)}`,
      );
    const unequal = [...union].filter(([key, value]) => rows.has(key) && Buffer.compare(value, rows.get(key)!) !== 0);
    if (unequal.length > 0)
      book.break(
        'lanes-converge',
        `${name} holds ${unequal.length} other entries than the others, for example ${inWords(unequal[0]![0], nodes)}`,
      );
  }
}

/** Nobody honest writes any more: for where nothing at all is left to do, a liar's own work included. */
export function checkQuiet(before: LaneRows, now: LaneRows, nodes: readonly SimNode[], book: Book): void {
  const union = unionOf(before);
  const added = [...unionOf(now).keys()].filter((key) => !union.has(key));
  if (added.length > addedMax)
    book.break(
      'quiet',
      `${added.length} entries were written though there is nothing left to do, for example ${inWords(added[0]!, nodes)}`,
    );
}

/** Stragglers in the last seconds. */
const addedMax = 3;
