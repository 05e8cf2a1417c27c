// Law: a recording is what an outside observer of a run saw, in order, with what caused what; recording changes nothing of the run, and what
// is dropped beyond the bound is counted.
import type { Submission, Swarm, Watcher } from '../swarm.ts';
import type { TraceEvent, TraceListener } from '../world/index.ts';

export type Mark = 'send' | 'receive' | 'start' | 'end' | 'entry' | 'ended' | 'ask' | 'fault' | 'error' | 'violation';

/** One thing that happened at one node (−1: the world). */
export interface Moment {
  readonly number: number;
  readonly atMs: number;
  readonly node: number;
  readonly mark: Mark;
  readonly text: string;
  /** Of a send or receive: the frame. */
  readonly frame?: number;
  /** The other end of the frame. */
  readonly peer?: number;
  readonly event: number;
}

export interface Span {
  readonly text: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface WorkflowSpan {
  readonly workflow: string;
  readonly goal: string;
  readonly node: number;
  readonly askedAtMs: number;
  readonly acceptedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly state: string;
  readonly steps: readonly { readonly atMs: number; readonly what: string }[];
}

export interface Recording {
  readonly moments: readonly Moment[];
  readonly dropped: number;
  readonly faults: readonly Span[];
  /** When each node was up. */
  readonly lives: readonly (readonly Span[])[];
  readonly workflows: readonly WorkflowSpan[];
  /** Frames handed to the network, by sender and receiver. */
  readonly links: readonly (readonly number[])[];
  /** Processor time by kind of event, milliseconds, as measured on this machine. */
  readonly cpuMsByKind: Readonly<Record<string, number>>;
  readonly cpuMsByNode: readonly number[];
}

export interface Recorder {
  readonly onEvent: TraceListener;
  watch(swarm: Swarm): Watcher;
  finish(): Recording;
}

/** The last so many are kept: what led to a violation stands at the end. */
const momentsMax = 400_000;

/** `clockMs` is this thread's processor time, for what events take; taken before a run seals it. */
export function createRecorder(clockMs: () => number): Recorder {
  let moments: Moment[] = [];
  let dropped = 0;
  let swarm: Swarm | undefined;
  let event = 0;
  const open = new Map<string, number[]>();
  const faults: Span[] = [];
  const lives: Span[][] = [];
  const bornMs = new Map<number, number>();
  const workflows = new Map<
    string,
    {
      opened: number | undefined;
      ended?: { readonly atMs: number; readonly state: string };
      steps: { atMs: number; what: string }[];
    }
  >();
  const links: number[][] = [];
  const cpuMsByKind = new Map<string, number>();
  const cpuMsByNode: number[] = [];
  let running: { readonly kind: string; readonly node: number; readonly sinceMs: number } | undefined;

  const note = (node: number, mark: Mark, text: string, more: Partial<Moment> = {}): void => {
    if (moments.length >= 2 * momentsMax) {
      dropped += momentsMax;
      moments = moments.slice(momentsMax);
    }
    moments.push({ number: dropped + moments.length, atMs: swarm!.nowMs, node, mark, text, event, ...more });
  };
  const account = (): void => {
    if (running === undefined) return;
    const ms = clockMs() - running.sinceMs;
    cpuMsByKind.set(running.kind, (cpuMsByKind.get(running.kind) ?? 0) + ms);
    if (running.node >= 0) cpuMsByNode[running.node] = (cpuMsByNode[running.node] ?? 0) + ms;
  };
  const workflowOf = (id: string) => {
    const known = workflows.get(id) ?? { opened: undefined, steps: [] };
    workflows.set(id, known);
    return known;
  };

  return {
    onEvent({ number, kind, node }: TraceEvent) {
      event = number;
      account();
      running = { kind, node, sinceMs: clockMs() };
    },
    watch(watched) {
      swarm = watched;
      const count = watched.nodes.length;
      for (let i = 0; i < count; i++) {
        lives.push([]);
        links.push(new Array<number>(count).fill(0));
        cpuMsByNode.push(0);
      }
      return {
        sent({ from, to, type, carried, id }) {
          links[from]![to]!++;
          note(from, 'send', carried === 'frame' ? type : `${type} (${carried})`, { frame: id, peer: to });
        },
        arrived: (from, to, id) => note(to, 'receive', '', { frame: id, peer: from }),
        started(node) {
          bornMs.set(node.index, watched.nowMs);
          note(node.index, 'start', `life ${node.lives}`);
        },
        ending(node) {
          const fromMs = bornMs.get(node.index);
          bornMs.delete(node.index);
          if (fromMs !== undefined)
            lives[node.index]!.push({ text: `life ${node.lives}`, fromMs, untilMs: watched.nowMs });
          note(node.index, 'end', 'the process is gone');
        },
        treeEnded: (node, reason) => note(node.index, 'error', `its tree ended: ${reason.kind}`),
        logged(node, { level, text }) {
          if (level === 'warn' || level === 'error') note(node.index, 'error', `${level}: ${text}`);
        },
        board(node, { record, author, entry }) {
          const known = workflowOf(record.workflow);
          const place = 'task' in entry ? ` ${entry.task}#${'attempt' in entry ? entry.attempt : 0}` : '';
          if (author === node.id) {
            note(node.index, 'entry', `${entry.kind}${place} of ${record.workflow.slice(0, 8)}`);
            known.steps.push({ atMs: watched.nowMs, what: `${entry.kind}${place} by ${node.name}` });
          }
          if (record.ended !== undefined && known.ended === undefined) {
            known.ended = { atMs: watched.nowMs, state: record.ended.state };
            note(node.index, 'ended', `${record.workflow.slice(0, 8)} ${record.ended.state}`);
          }
        },
        submitted({ workflow, node }: Submission) {
          workflowOf(workflow!).opened ??= watched.nowMs;
          note(node, 'ask', `accepted ${workflow!.slice(0, 8)}`);
        },
        fault(text, isOver) {
          const begun = open.get(text) ?? [];
          open.set(text, begun);
          if (!isOver) {
            begun.push(watched.nowMs);
            note(-1, 'fault', text);
            return;
          }
          const fromMs = begun.shift();
          if (fromMs !== undefined) faults.push({ text, fromMs, untilMs: watched.nowMs });
          note(-1, 'fault', `over: ${text}`);
        },
      };
    },
    finish() {
      account();
      running = undefined;
      const nowMs = swarm!.nowMs;
      for (const [text, begun] of open) for (const fromMs of begun) faults.push({ text, fromMs, untilMs: fromMs });
      for (const [node, fromMs] of bornMs) lives[node]!.push({ text: 'still up', fromMs, untilMs: nowMs });
      const first = new Map<string, Submission>();
      for (const each of swarm!.submissions)
        if (each.workflow !== undefined && !first.has(each.workflow)) first.set(each.workflow, each);
      const spans = [...first.values()].map((asked): WorkflowSpan => {
        const known = workflows.get(asked.workflow!);
        return {
          workflow: asked.workflow!,
          goal: asked.work.plan.goal,
          node: asked.node,
          askedAtMs: asked.askedAtMs,
          acceptedAtMs: known?.opened,
          endedAtMs: known?.ended?.atMs,
          state: known?.ended?.state ?? 'running',
          steps: known?.steps ?? [],
        };
      });
      return {
        moments,
        dropped,
        faults: faults.sort((a, b) => a.fromMs - b.fromMs),
        lives,
        workflows: spans.sort((a, b) => a.askedAtMs - b.askedAtMs),
        links,
        cpuMsByKind: Object.fromEntries([...cpuMsByKind].sort(([, a], [, b]) => b - a)),
        cpuMsByNode,
      };
    },
  };
}
