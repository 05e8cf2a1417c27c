// Law: a look at a node's actors fits the terminal it is shown on, and says what it left out.
import type { ActorRow, ActorsReply } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { connect } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { duration, printable } from '../terminal.ts';

export interface TopOptions {
  readonly folder?: string;
  readonly once: boolean;
  readonly interval: number;
  readonly sort: 'tree' | 'rate' | 'mailbox' | 'restarts';
}

/** As much as a node watches for one answer. */
const intervalMaxMs = 60_000;
/** Home, then clear from there. */
const clearScreen = '\u001b[H\u001b[J';

export async function top(session: Session, options: TopOptions): Promise<undefined> {
  if (options.interval > intervalMaxMs)
    throw new CliFailure(
      exitCodes.usage,
      'bad_request',
      'an interval of more than a minute',
      'Use --interval 1m or less.',
    );
  const client = await connect(session, options);
  const { terminal, json } = session;
  do {
    const seen = await client.actors(options.interval, session.signal);
    if (json) {
      if (options.once) printJson(session, seen);
      else terminal.out(JSON.stringify(seen));
    } else {
      const live = !options.once && terminal.height !== undefined;
      terminal.out(`${live ? clearScreen : ''}${render(session, seen, options, live)}`);
    }
    session.signal.throwIfAborted();
  } while (!options.once);
  return undefined;
}

const columns = [
  { title: 'actor' },
  { title: 'msg/s', align: 'right' },
  { title: 'waiting', align: 'right' },
  { title: 'restarts', align: 'right' },
  { title: 'handled', align: 'right' },
  { title: 'state' },
  { title: 'last error' },
] as const;

const keys: Readonly<Record<Exclude<TopOptions['sort'], 'tree'>, (row: ActorRow) => number>> = {
  rate: (row) => row.messagesPerSecond,
  mailbox: (row) => row.mailboxDepth + row.stashDepth,
  restarts: (row) => row.restarts,
};

function render({ terminal }: Session, seen: ActorsReply, { sort, once }: TopOptions, live: boolean): string {
  const { paint, width, height } = terminal;
  const sorted =
    sort === 'tree' ? seen.actors : [...seen.actors].sort((one, other) => keys[sort](other) - keys[sort](one));
  // The line above, the titles, and the line below that says what is missing.
  const shown = live ? sorted.slice(0, Math.max(1, height! - 4)) : sorted;
  const sum = (key: (row: ActorRow) => number): number => seen.actors.reduce((total, row) => total + key(row), 0);
  const summary = [
    `${paint.bold(printable(seen.node))}`,
    `${seen.actors.length + seen.omitted} actors`,
    `${rate(sum(keys.rate))} messages/s`,
    `${sum(keys.mailbox)} waiting`,
    `${sum(keys.restarts)} restarts`,
    `${seen.deadLetters} dead letters`,
    `over ${duration(seen.overMs)}`,
  ].join(' · ');
  const rows = shown.map((row) => [
    sort === 'tree' ? `${'  '.repeat(row.depth)}${nameOf(row.path)}` : row.path,
    row.messagesPerSecond === 0 ? '' : rate(row.messagesPerSecond),
    row.mailboxDepth + row.stashDepth === 0 ? '' : `${row.mailboxDepth + row.stashDepth}/${row.mailboxCapacity}`,
    row.restarts === 0 ? '' : String(row.restarts),
    String(row.handled),
    row.suspended && row.phase === 'running' ? 'awaits' : row.phase,
    row.lastError ?? '',
  ]);
  const left = seen.actors.length - shown.length + seen.omitted;
  const why = once || !live ? 'the node lists no more' : 'a taller terminal or --once shows more';
  return [
    summary,
    renderTable(columns, rows, { width, paint }),
    ...(left > 0 ? [paint.dim(`and ${left} more: ${why}`)] : []),
  ].join('\n');
}

function nameOf(path: string): string {
  return path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1);
}

function rate(perSecond: number): string {
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}
