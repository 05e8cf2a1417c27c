// Law: of a workflow that is over a node keeps what names it, how it ended, and where its entries are; the entries stay in the lanes, and
// whoever asks for more reads them there.
import type { NodeId } from '../system/index.ts';
import { type Opened, resultBlob, taskStatus, type WorkflowRecord } from './record.ts';

/** What is known of a workflow without its record. A WorkflowRecord has all of it too. */
export interface KnownWorkflow {
  readonly workflow: string;
  readonly opened: Omit<Opened, 'plan'> | undefined;
  readonly openedBy: ReadonlySet<NodeId>;
  readonly ended: WorkflowRecord['ended'];
}

export interface ArchivedWorkflow extends KnownWorkflow {
  readonly opened: Omit<Opened, 'plan'>;
  readonly openedBy: Set<NodeId>;
  readonly ended: NonNullable<WorkflowRecord['ended']>;
  readonly tasks: number;
  readonly tasksDone: number;
  /** Digests of what it brought forth for good: its result, and what its effects wrote. */
  readonly outputs: readonly string[];
}

export interface EntryPlace {
  readonly author: NodeId;
  readonly sequence: number;
}

/** Where the entries of workflows are, as one number each. */
export interface Places {
  add(workflow: string, place: EntryPlace): void;
  of(workflow: string): readonly EntryPlace[];
  forget(workflow: string): void;
}

/** Entries of one workflow whose places are kept: its members, tasks and attempts are bounded, and so is what is worth saying of them. */
const placesPerWorkflowMax = 20_000;
const authorsMax = 8_192;
const sequenceSpan = 2 ** 40;

export function createPlaces(): Places {
  const places = new Map<string, number[]>();
  const authors: NodeId[] = [];
  const numbers = new Map<NodeId, number>();
  return {
    add(workflow, { author, sequence }) {
      let number = numbers.get(author);
      if (number === undefined) {
        if (authors.length >= authorsMax) return;
        number = authors.push(author) - 1;
        numbers.set(author, number);
      }
      const own = places.get(workflow);
      const place = number * sequenceSpan + sequence;
      if (own === undefined) places.set(workflow, [place]);
      else if (own.length < placesPerWorkflowMax) own.push(place);
    },
    of: (workflow) =>
      (places.get(workflow) ?? []).map((place) => ({
        author: authors[Math.floor(place / sequenceSpan)]!,
        sequence: place % sequenceSpan,
      })),
    forget: (workflow) => void places.delete(workflow),
  };
}

/** `hasEffect`: whether a skill does more than compute its output. */
export function lastingOutputs(record: WorkflowRecord, hasEffect: (skill: string) => boolean): readonly string[] {
  const { tasks = [], result } = record.opened?.plan ?? {};
  return tasks.flatMap((task) => {
    const status = taskStatus(record, task);
    const isLasting = status.state === 'accepted' && (task.id === result || hasEffect(task.skill));
    return isLasting ? (resultBlob(status.certified.decision)?.digest ?? []) : [];
  });
}

export function archivedOf(
  record: WorkflowRecord & { readonly opened: Opened },
  hasEffect: (skill: string) => boolean,
): ArchivedWorkflow {
  const { workflow, openedBy, ended } = record;
  const { plan, ...opened } = record.opened;
  return {
    workflow,
    opened,
    openedBy,
    ended: ended!,
    tasks: plan.tasks.length,
    tasksDone: plan.tasks.filter((task) => taskStatus(record, task).state !== 'open').length,
    outputs: lastingOutputs(record, hasEffect),
  };
}
