// Law: whoever holds a valid ticket is in at the end, as what the ticket says; nobody else ever is; one token lets one node in, and who is
// refused hears why, by what is wrong with its own ticket.
import { workersOf } from '../../protocols/mesh/index.ts';
import { refusalOf } from '../newcomer.ts';
import type { SimNode } from '../node.ts';
import type { Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface JoiningOptions {
  readonly swarm: Swarm;
  /** Honest members that run and are connected. */
  readonly core: readonly SimNode[];
}

type Role = 'member' | 'worker' | 'observer' | undefined;

function roleAt({ process }: SimNode, { id }: SimNode): Role {
  if (process === undefined) return undefined;
  const { chain } = process.composed.parts;
  if (chain.member(id) !== undefined) return 'member';
  if (chain.worker(id) !== undefined) return 'worker';
  return process.admittance.observers.has(id) ? 'observer' : undefined;
}

const guestsOf = ({ nodes }: Swarm): readonly SimNode[] => nodes.filter(({ newcomer }) => newcomer !== undefined);

/** Each with the law it breaks, in words. */
function* unsettled({ swarm, core }: JoiningOptions): Generator<readonly [law: string, text: string]> {
  const guests = guestsOf(swarm);
  for (const [i, guest] of guests.entries()) {
    const { plan, refused, name } = guest.newcomer!;
    const roles = core.map((node) => roleAt(node, guest));
    const isIn = roles.every((role) => role === plan.role);
    const expected = refusalOf[plan.ticket];
    const isRaced = plan.ticket === 'used' || guests[i + 1]?.newcomer?.plan.ticket === 'used';
    // Of two with one token, whichever came first; the law of the pair follows.
    if (plan.ticket === 'valid' && !isRaced && !isIn)
      yield [
        'joins',
        `${name} has a valid ticket as ${plan.role} and is ${roles.map(String).join(', ')} at the members`,
      ];
    if (plan.ticket === 'valid' && !isRaced && refused !== undefined)
      yield ['joins', `${name} has a valid ticket and was refused as ${refused.code}: ${refused.reason}`];
    if (refused === undefined && !isIn)
      yield ['refusal-told', `${name} (${plan.ticket}) is not in and was told no reason`];
    if (!isRaced && refused !== undefined && expected !== undefined && refused.code !== expected)
      yield ['refusal-told', `${name}'s ticket is ${plan.ticket}, and it was refused as ${refused.code}`];
    if (isRaced && refused !== undefined && refused.code !== 'used')
      yield ['refusal-told', `${name} shares its ticket, and was refused as ${refused.code}`];
    if (
      isIn &&
      guest.process?.composed.parts.chain.current.epoch !== core[0]?.process?.composed.parts.chain.current.epoch
    )
      yield ['joins', `${name} is let in and is not in the epoch of the members`];
    if (plan.ticket === 'used') {
      const first = guests[i - 1]!;
      if (core.every((node) => (roleAt(node, guest) === undefined) === (roleAt(node, first) === undefined)))
        yield ['token-once', `of ${first.newcomer!.name} and ${name}, who share a token, not exactly one is in`];
    }
  }
}

/** For waiting until it is so. */
export function isJoiningSettled(options: JoiningOptions): boolean {
  return unsettled(options).next().done === true;
}

export function checkJoining(options: JoiningOptions, book: Book): void {
  const { swarm, core } = options;
  for (const [law, text] of unsettled(options)) book.break(law, text);
  const byId = new Map(guestsOf(swarm).map((guest) => [guest.id, guest]));
  const founders = new Set([...swarm.genesis.config.members, ...workersOf(swarm.genesis.config)].map(({ id }) => id));
  const mayBe = (id: string, role: Role): boolean => {
    const plan = byId.get(id)?.newcomer?.plan;
    return plan !== undefined && plan.role === role && (plan.ticket === 'valid' || plan.ticket === 'used');
  };
  for (const node of core) {
    const { process, name } = node;
    for (const { config } of process?.composed.parts.chain.links ?? [])
      for (const [role, list] of [
        ['member', config.members],
        ['worker', workersOf(config)],
      ] as const)
        for (const { id, name: who } of list)
          if (!founders.has(id) && !mayBe(id, role))
            book.break('admitted-only', `${name}: epoch ${config.epoch} has ${who} as ${role}, whom no ticket let in`);
    for (const guest of byId.values())
      if (roleAt(node, guest) === 'observer' && !mayBe(guest.id, 'observer'))
        book.break('admitted-only', `${name} lets ${guest.name} listen, whom no ticket let in`);
  }
}
