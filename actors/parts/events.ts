// Law: what a client is shown of a workflow is a list of events, each with a key that is the same on every node, so that a client that
// changes nodes shows nothing twice. Passing sights (votes, waiting) are kept as long as the workflow runs and are never replicated.
export interface KeyedEvent {
  readonly key: string;
  readonly atMs: number;
  readonly type: string;
}

export interface EventHub {
  /** Adds an event to the workflow's list; a repeated key is ignored. */
  emit(workflow: string, event: KeyedEvent & Readonly<Record<string, unknown>>): void;
  list(workflow: string): readonly (KeyedEvent & Readonly<Record<string, unknown>>)[];
  /** Called for each event after it joined the list. */
  onEvent(workflow: string, handler: (event: KeyedEvent & Readonly<Record<string, unknown>>) => void): () => void;
}

/** 9 kB each. */
const workflowsMax = 500;
const eventsPerWorkflowMax = 10_000;
/** Sights that any member can cause as often as it likes. */
const passing: ReadonlySet<string> = new Set(['vote', 'waiting', 'resumed', 'evidence']);
const passingPerWorkflowMax = 4_000;

export function createEventHub(): EventHub {
  type Event = KeyedEvent & Readonly<Record<string, unknown>>;
  const streams = new Map<
    string,
    { readonly keys: Set<string>; readonly events: Event[]; readonly handlers: Set<(event: Event) => void> }
  >();
  const streamOf = (workflow: string) => {
    let stream = streams.get(workflow);
    if (stream === undefined) {
      if (streams.size >= workflowsMax) {
        for (const [name, { handlers }] of streams) {
          if (handlers.size > 0) continue;
          streams.delete(name);
          break;
        }
      }
      stream = { keys: new Set(), events: [], handlers: new Set() };
      streams.set(workflow, stream);
    }
    return stream;
  };
  return {
    emit(workflow, event) {
      const stream = streamOf(workflow);
      if (stream.keys.has(event.key)) return;
      // What matters to who waits is told, however much a member that votes without end has put before it.
      const max = passing.has(event.type) ? passingPerWorkflowMax : eventsPerWorkflowMax;
      if (stream.events.length >= max) return;
      stream.keys.add(event.key);
      stream.events.push(event);
      for (const handler of [...stream.handlers]) handler(event);
    },
    list: (workflow) => streams.get(workflow)?.events ?? [],
    onEvent(workflow, handler) {
      const { handlers } = streamOf(workflow);
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
