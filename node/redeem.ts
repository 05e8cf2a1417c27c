// Law: a ticket is redeemed by one question to its issuer, over whatever carries it; the answer is believed only where it is the mesh that the
// ticket names, and every later epoch is proven by the one before. What is refused is refused for a reason that a person can act on.
import { joinMesh } from '../actors/epochs/index.ts';
import { type Crypto, NetworkError } from '../actors/system/index.ts';
import { judgeGenesis, verifyConfigLink } from '../consensus/index.ts';
import {
  createMeshChain,
  decodeConfig,
  decodeGenesis,
  type MeshChain,
  meshIdOf,
  type Ticket,
} from '../protocols/mesh/index.ts';
import { equalBytes, isClockRefusal, MalformedBytes, type PostOffice } from '../protocols/wire/index.ts';

export const joinPatienceMs = 20_000;

export interface RedeemOptions {
  readonly ticket: Ticket;
  /** Of the newcomer, under the ticket's mesh id; the issuer is connected. */
  readonly office: Pick<PostOffice, 'request'>;
  readonly crypto: Crypto;
  readonly about: {
    readonly name: string;
    readonly site: string;
    readonly operator: string;
    readonly modelFamily: string;
  };
  readonly version: string;
}

/** Resolves to the mesh as the issuer showed and this node verified it, and where its nodes are. Throws JoinRefused, or NetworkError. */
export async function redeemTicket(
  options: RedeemOptions,
): Promise<{ readonly chain: MeshChain; readonly addresses: readonly string[] }> {
  const { ticket, office, crypto, version } = options;
  const { name, site, operator, modelFamily } = options.about;
  try {
    const reply = await office.request(
      ticket.issuer,
      joinMesh,
      { token: ticket.token, name, site, operator, modelFamily, version },
      { timeoutMs: joinPatienceMs },
    );
    if (!reply.admitted) throw new JoinRefused(reply.code, reply.reason);
    const genesis = decodeGenesis(reply.genesis);
    if (!equalBytes(meshIdOf(genesis, crypto), ticket.meshId))
      throw new JoinRefused(
        'foreign',
        'the node that answered showed the genesis of another mesh than the ticket names',
      );
    const founding = judgeGenesis(genesis);
    if (!founding.ok) throw new JoinRefused('foreign', `the mesh is not sound: ${founding.reason}`);
    const chain = createMeshChain(genesis, crypto);
    for (const { config: bytes, certificate } of reply.links) {
      const config = decodeConfig(bytes);
      const check = verifyConfigLink(config, certificate, chain.current, chain.meshId, crypto);
      if (!check.ok)
        throw new JoinRefused('foreign', `the members of epoch ${config.epoch} are not proven: ${check.reason}`);
      chain.append({ config, certificate }, true);
    }
    return { chain, addresses: reply.addresses };
  } catch (error) {
    if (isClockRefusal(error)) throw new JoinRefused('clock', (error as Error).message);
    if (error instanceof NetworkError && error.code === 'timeout')
      throw new JoinRefused('unreachable', `the issuer did not answer within ${joinPatienceMs / 1_000} s`);
    if (error instanceof MalformedBytes)
      throw new JoinRefused('foreign', `the answer is not a mesh's: ${error.message}`);
    throw error;
  }
}

/** Why a newcomer stays outside. `code` is `expired`, `used`, `unknown`, `name_taken`, `version`, `no_quorum`, `clock`, `foreign`, `closed` or `unreachable`. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused';
  readonly code: string;
  readonly hint: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
    this.hint = joinHints[code] ?? 'Ask the person who invited you for a new ticket.';
  }
}

const joinHints: Readonly<Record<string, string>> = {
  expired:
    'Ask for a new ticket: `parley invite` at a member. If it was issued a moment ago, compare the clocks of both machines.',
  used: 'Ask for a new ticket: each newcomer needs its own.',
  unknown: 'The ticket may be from another node, or older than the node’s store. Ask for a new one.',
  name_taken: 'Join with another name: --name NAME.',
  version: 'Install the same version of parley.',
  no_quorum: 'Have the members started (`parley status` there), then join again with the same ticket.',
  clock:
    'Set the clocks of both machines (NTP; `timedatectl` shows whether it is on) and join again: the ticket is still good.',
  foreign: 'Do not trust this ticket. Ask the person who invited you.',
  closed:
    'The ticket has been used or has expired, and no other is out; or that member runs another version of parley (`parley doctor` there). Ask for a new one: `parley invite` at a member.',
  unreachable:
    'Check that the member runs, that its address in the ticket is reachable from here (firewall, NAT), and that the ticket is of this mesh.',
};
