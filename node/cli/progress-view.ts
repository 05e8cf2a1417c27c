// Law: each thing that happened is one line, said once and as it happens; votes are gathered into the line of their decision.
import type { WorkflowEvent } from '../client/index.ts';
import { pad } from './table.ts';
import { duration, printable, short, type Terminal } from './terminal.ts';

type Vote = Extract<WorkflowEvent, { type: 'vote' }>;

/** Renders events in the order they come. One per workflow. */
export class ProgressView {
  readonly #terminal: Terminal;
  #taskWidth = 4;
  #steward: string | undefined;
  /** Votes of tasks that are not decided yet, by `task#attempt`. */
  readonly #votes = new Map<string, Vote[]>();
  readonly #decided = new Set<string>();
  /** Who is known to have found which result, by `task#attempt node digest`: a node that agrees with several executors is shown once. */
  readonly #found = new Set<string>();
  #isWaiting = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(said: WorkflowEvent): void {
    const { paint } = this.#terminal;
    const event = cleaned(said);
    switch (event.type) {
      case 'opened':
        this.#taskWidth = Math.max(4, ...event.tasks.map(({ task }) => task.length));
        return;
      case 'steward':
        if (this.#steward !== undefined && this.#steward !== event.node) {
          this.#line('', 'steward', `${event.node} carries the workflow on in place of ${this.#steward}`, paint.yellow);
        } else if (this.#steward === undefined) this.#line('', 'steward', event.node);
        this.#steward = event.node;
        return;
      case 'assigned': {
        // It is the steward that assigns: the one to be replaced, should another take over.
        this.#steward ??= event.node;
        const attempt = event.attempt > 0 ? ` (attempt ${event.attempt + 1})` : '';
        const { executors, verifiers } = event;
        const parts = [
          ...(executors.length > 0 ? [`${list(executors)} ${executors.length === 1 ? 'runs' : 'run'} it`] : []),
          ...(verifiers.length > 0 ? [`${list(verifiers)} ${verifiers.length === 1 ? 'verifies' : 'verify'}`] : []),
        ];
        this.#line(event.task, 'assigned', `${parts.join(' · ')}${attempt}`);
        return;
      }
      case 'candidate':
        if (this.#isDecided(event)) return;
        this.#isNew(event);
        if (event.outcome === 'result') {
          this.#line(
            event.task,
            'ran',
            `${event.node} in ${duration(event.durationMs)}, result ${paint.dim(short(event.digest))}`,
          );
        } else
          this.#line(
            event.task,
            'ran',
            `${event.node}: ${event.message ?? 'the input cannot be worked on'}`,
            paint.yellow,
          );
        return;
      case 'attestation':
        this.#attestation(event);
        return;
      case 'fault':
        this.#line(event.task, 'fault', `${event.node}: ${event.message}`, paint.yellow);
        return;
      case 'vote': {
        if (this.#isDecided(event)) return;
        const key = keyOf(event);
        const votes = this.#votes.get(key) ?? [];
        votes.push(event);
        this.#votes.set(key, votes);
        return;
      }
      case 'decided':
        this.#decision(event);
        return;
      case 'evidence':
        this.#terminal.out(paint.red(paint.bold(`  ⚠ EVIDENCE against ${event.node}: ${event.message}`)));
        return;
      case 'waiting':
        for (const [key, votes] of this.#votes)
          this.#line(key.slice(0, key.lastIndexOf('#')), 'votes', tally(votes, paint));
        this.#votes.clear();
        this.#isWaiting = true;
        this.#line(
          '',
          'waiting',
          `for a quorum: ${event.needed} members are needed, ${event.live} ${event.live === 1 ? 'is' : 'are'} live. ${event.message}`,
          paint.yellow,
        );
        return;
      case 'resumed':
        if (this.#isWaiting) this.#line('', 'resumed', event.message, paint.green);
        this.#isWaiting = false;
        return;
      case 'ended':
        return;
    }
  }

  /** The client has moved to another node. */
  moved(from: string, to: string, reason: string): void {
    this.#line('', 'moved', `${from} is gone (${reason}); going on through ${to}`, this.#terminal.paint.yellow);
  }

  #attestation(event: Extract<WorkflowEvent, { type: 'attestation' }>): void {
    const { paint } = this.#terminal;
    if (event.isJudge === true) {
      const said = event.said === undefined || event.said === '' ? '' : `: ${event.said}`;
      const answer = event.verdict === 1 ? `${paint.green('✓')} says yes to` : `${paint.red('✗')} says no to`;
      if (!this.#isDecided(event))
        this.#line(event.task, 'judged', `${event.node} ${answer} ${event.of}'s result${said}`);
    } else if (event.verdict === 1) {
      if (this.#isDecided(event) || !this.#isNew(event)) return;
      this.#line(
        event.task,
        'verified',
        `${event.node} ${paint.green('✓')} recomputed ${event.of}'s result in ${duration(event.durationMs)}`,
      );
    } else {
      this.#line(
        event.task,
        'verified',
        `${event.node} ✗ finds ${short(event.digest)}, not what ${event.of} says`,
        paint.red,
      );
    }
  }

  #decision(event: Extract<WorkflowEvent, { type: 'decided' }>): void {
    const { paint } = this.#terminal;
    const key = keyOf(event);
    const votes = this.#votes.get(key) ?? [];
    this.#votes.delete(key);
    this.#decided.add(key);
    const style = event.decision === 'ACCEPT' ? paint.green : event.decision === 'REJECT' ? paint.red : paint.yellow;
    const how = event.path === 'FAST' ? 'on the fast path' : 'by commit';
    const shown = votes.length > 0 ? `${tally(votes, paint)}  ` : '';
    this.#line(event.task, 'votes', `${shown}→ decided ${style(event.decision)} ${how}`);
    const message = event.message === undefined ? '' : `: ${event.message}`;
    if (event.decision === 'REJECT') this.#line(event.task, 'rejected', `${event.basis}${message}`, paint.red);
    else if (event.decision === 'REASSIGN')
      this.#line(event.task, 'again', `attempt ${event.attempt + 2} follows${message}`, paint.yellow);
    else this.#line(event.task, 'basis', `${event.basis}; signed by ${list(event.signers.toSorted())}`);
  }

  #isNew(event: {
    readonly task: string;
    readonly attempt: number;
    readonly node: string;
    readonly digest: string;
  }): boolean {
    const found = `${keyOf(event)} ${event.node} ${event.digest}`;
    const isNew = !this.#found.has(found);
    this.#found.add(found);
    return isNew;
  }

  #isDecided(event: { readonly task: string; readonly attempt: number }): boolean {
    return this.#decided.has(keyOf(event));
  }

  #line(task: string, verb: string, text: string, style: (text: string) => string = (same) => same): void {
    const { paint } = this.#terminal;
    this.#terminal.out(`  ${paint.cyan(pad(task, this.#taskWidth))}  ${paint.dim(pad(verb, 8))}  ${style(text)}`);
  }
}

/** `amber ✓ birch ✓ cedar ✗`: each node's last vote in the last round. ✗ is a vote for something else than most, – one for nothing. */
function tally(votes: readonly Vote[], paint: Terminal['paint']): string {
  const round = Math.max(...votes.map((vote) => vote.round));
  const latest = votes.filter((vote) => vote.round === round);
  const last = new Map<string, Vote>();
  for (const vote of latest) {
    const known = last.get(vote.node);
    // A precommit says more than the prevote it follows, in whatever order they arrive.
    if (known === undefined || known.kind === 'prevote' || vote.kind === 'precommit') last.set(vote.node, vote);
  }
  const counts = new Map<string, number>();
  for (const { value } of last.values()) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  const shown = [...last.values()]
    .sort((a, b) => (a.node < b.node ? -1 : 1))
    .map(
      ({ node, value }) =>
        `${node} ${value === null ? paint.dim('–') : value === most ? paint.green('✓') : paint.red('✗')}`,
    );
  return `${round > 0 ? `round ${round}: ` : ''}${shown.join(' ')}`;
}

/** Every text of an event comes from some node, and nodes may lie. */
function cleaned<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleaned(item)])) as T;
}

function keyOf({ task, attempt }: { readonly task: string; readonly attempt: number }): string {
  return `${task}#${attempt}`;
}

export function list(names: readonly string[]): string {
  if (names.length === 0) return 'nobody';
  if (names.length === 1) return names[0]!;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
