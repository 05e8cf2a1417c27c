// Law: who is a member, and with what weight, the members decide: this says one member's word, and shows how many more are needed.
import type { MembersReply, MeshClient } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { connect } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { duration, printable } from '../terminal.ts';

export interface MemberOptions {
  readonly folder?: string;
  readonly withdraw: boolean;
  /** Milliseconds. */
  readonly wait?: number;
}

const pollPeriodMs = 300;

export async function member(
  session: Session,
  what: string,
  name: string | undefined,
  weight: string | undefined,
  options: MemberOptions,
): Promise<undefined> {
  if (what !== 'weight' && weight !== undefined)
    throw usage(`member ${what} takes no ${printable(weight)}`, 'To change a vote: member weight NAME WEIGHT.');
  if (what === 'list') {
    if (name !== undefined) throw usage('member list takes no name', 'It lists all of them.');
    show(session, await (await connect(session, options)).members(session.signal));
    return undefined;
  }
  if (what !== 'remove' && what !== 'weight')
    throw usage(`member ${what} is not known`, 'It is list, remove NAME or weight NAME WEIGHT.');
  if (name === undefined) throw usage(`member ${what} needs a member's name`, 'See `member list`.');
  const wanted = what === 'remove' ? 0 : Number(weight);
  const isWeight = weight !== undefined && Number.isInteger(wanted) && wanted >= 1 && wanted <= 0xffff;
  if (what === 'weight' && !isWeight && !options.withdraw)
    throw usage('a weight is a whole number from 1 to 65535', 'To take a vote away: member remove NAME.');
  const client = await connect(session, options);
  const before = await client.members(session.signal);
  if (options.withdraw && before.proposed.length === 0)
    throw usage(`nothing is proposed in epoch ${before.epoch} that could be taken back`, 'See `member list`.');
  const reply = await client.amend({ member: name, ...(options.withdraw ? {} : { weight: wanted }) }, session.signal);
  if (options.wait === undefined || options.withdraw) show(session, reply);
  else await waitFor(session, client, before, { name, weight: wanted, waitMs: options.wait });
  return undefined;
}

function usage(message: string, hint: string): CliFailure {
  return new CliFailure(exitCodes.usage, 'bad_request', message, hint);
}

async function waitFor(
  session: Session,
  client: MeshClient,
  before: MembersReply,
  change: { readonly name: string; readonly weight: number; readonly waitMs: number },
): Promise<void> {
  const nodes = [...before.members, ...before.workers];
  const { id } = nodes.find((each) => each.name === change.name || each.id === change.name)!;
  const untilMs = performance.now() + change.waitMs;
  for (;;) {
    const now = await client.members(session.signal);
    const isWorker = now.workers.some((each) => each.id === id);
    if (!isWorker && (now.members.find((each) => each.id === id)?.weight ?? 0) === change.weight) {
      show(session, now);
      return;
    }
    if (now.epoch > before.epoch)
      throw new CliFailure(
        exitCodes.failed,
        'conflict',
        `epoch ${now.epoch} began with another change, and with it what was approved before lapsed`,
        'Say it again.',
      );
    if (performance.now() > untilMs) {
      const open = now.proposed.find((each) => each.member === change.name && each.weight === change.weight);
      throw new CliFailure(
        exitCodes.timeout,
        'timeout',
        `after ${duration(change.waitMs)} weight ${open?.approvedWeight ?? 0} of ${open?.neededWeight ?? '?'} approves it`,
        'What this member said stands until the epoch ends. The others say it at their nodes, with the same command.',
      );
    }
    await new Promise((done) => setTimeout(done, pollPeriodMs));
    session.signal.throwIfAborted();
  }
}

function show(session: Session, reply: MembersReply): void {
  if (session.json) {
    printJson(session, reply);
    return;
  }
  const { terminal, program } = session;
  terminal.out(`epoch ${reply.epoch}  ${reply.tolerance}`);
  const rows = reply.members.map(({ name, weight, site, modelFamily, id }) => [
    name,
    String(weight),
    site,
    modelFamily,
    id,
  ]);
  rows.push(...reply.workers.map(({ name, site, modelFamily, id }) => [name, 'worker', site, modelFamily, id]));
  const columns = [
    { title: reply.workers.length === 0 ? 'member' : 'node' },
    { title: 'weight', align: 'right' },
    { title: 'site' },
    { title: 'models' },
    { title: 'id' },
  ] as const;
  terminal.out(renderTable(columns, rows));
  for (const { member: name, weight, approvedBy, approvedWeight, neededWeight, outcome } of reply.proposed) {
    const what = weight === 0 ? `remove ${printable(name)}` : `weight ${printable(name)} ${weight}`;
    terminal.out(
      `\nproposed: ${what}, by ${approvedBy.map(printable).join(', ')} (weight ${approvedWeight} of ${neededWeight} needed)`,
    );
    terminal.out(`  then: ${printable(outcome)}`);
    if (approvedWeight < neededWeight) terminal.out(`  others approve at their node:  ${program} member ${what}`);
  }
}
