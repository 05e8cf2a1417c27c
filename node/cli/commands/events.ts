// Law: what is published is durable before the command says so, and what a group's consumer prints is acknowledged only after it was
// printed: killed in between, it is printed again by the next.
import { type BusEventReply, busGroups, consumeEvents, publishEvents, readEvents } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { connect } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { printable } from '../terminal.ts';

export interface EventsOptions {
  readonly folder?: string;
  readonly key: string;
  readonly id?: string;
  readonly group?: string;
  readonly from?: string;
  readonly count?: number;
}

export async function events(
  session: Session,
  what: string,
  topic: string | undefined,
  data: string | undefined,
  options: EventsOptions,
): Promise<undefined> {
  if (what === 'groups') return groups(session, options);
  const usage = (message: string, hint: string) => new CliFailure(exitCodes.usage, 'bad_request', message, hint);
  if (what !== 'publish' && what !== 'tail')
    throw usage(`events ${what} is not known`, 'It is publish, tail or groups.');
  if (topic === undefined) throw usage(`events ${what} needs a topic`, 'For example: orders.paid');
  if (what === 'tail') return tail(session, topic, options);
  if (data === undefined) throw usage('events publish needs the event', 'For example: \'{"order": 17}\'');
  const { maxEventBytes, maxKeyBytes } = await import('../../../protocols/events/index.ts');
  for (const [option, text] of [
    ['--key', options.key],
    ['--id', options.id ?? ''],
  ] as const)
    if (Buffer.byteLength(text) > maxKeyBytes)
      throw usage(
        `${option} has ${Buffer.byteLength(text)} bytes, and at most ${maxKeyBytes} are taken`,
        'Use a shorter one, such as a number or a digest; what is long belongs into the event.',
      );
  if (Buffer.byteLength(data) > maxEventBytes)
    throw usage(
      `the event has ${Buffer.byteLength(data)} bytes, and at most ${maxEventBytes} are taken`,
      'Put the data where its readers can fetch it, and publish where that is.',
    );
  const client = await connect(session, options);
  const event = { key: options.key, data: Buffer.from(data), ...(options.id === undefined ? {} : { id: options.id }) };
  const [position] = await publishEvents(client, topic, [event], session.signal);
  if (session.json) printJson(session, { topic, position });
  else session.terminal.out(`published at ${position}`);
  return undefined;
}

async function groups(session: Session, options: EventsOptions): Promise<undefined> {
  const client = await connect(session, options);
  const seen = await busGroups(client, session.signal);
  if (session.json) {
    printJson(session, seen);
    return undefined;
  }
  const { terminal } = session;
  const rows = seen.groups.flatMap(({ topic, group, shares }) =>
    shares.map(({ source, consumer, released, sequence, count, attempts }) => [
      topic,
      group,
      source.length > 16 ? `…${source.slice(-16)}` : source,
      released ? '–' : `…${consumer.slice(-16)}`,
      `${sequence}:${count}`,
      String(attempts),
    ]),
  );
  terminal.out(terminal.paint.dim(`carried by ${seen.kind}`));
  if (rows.length === 0) terminal.out('no group has joined yet');
  else
    terminal.out(
      renderTable(
        ['topic', 'group', 'source', 'consumer', 'handled to', 'deaths'].map((title) => ({ title })),
        rows,
        { width: terminal.width, paint: terminal.paint },
      ),
    );
  return undefined;
}

async function tail(session: Session, topic: string, options: EventsOptions): Promise<undefined> {
  const client = await connect(session, options);
  const { terminal, json } = session;
  const { dim } = terminal.paint;
  let shown = 0;
  const show = (event: BusEventReply): void => {
    const text = Buffer.from(event.data, 'base64').toString('utf8');
    if (json) terminal.out(JSON.stringify({ ...event, text }));
    else
      terminal.out(
        `${dim(event.position)}  ${printable(event.key)}  ${printable(text)}${event.note === undefined ? '' : `  ${dim(printable(event.note))}`}`,
      );
    shown++;
  };
  const isEnough = (): boolean => options.count !== undefined && shown >= options.count;
  const { signal } = session;
  if (options.group !== undefined)
    await consumeEvents(client, topic, options.group, {
      from: options.from === 'new' ? 'new' : 'first',
      signal,
      handle(events) {
        // Whole batches: what was shown and not acknowledged would come again.
        for (const event of events) show(event);
        return !isEnough();
      },
    });
  else
    for await (const event of readEvents(client, topic, options.from ?? 'new', signal)) {
      show(event);
      if (isEnough()) break;
    }
  return undefined;
}
