// Law: whether two nodes reach each other is asked of both, for each may see it otherwise. What a peer says of its own view goes to members and
// observers only, and decides nothing.
import { z } from 'zod';
import { liveMembers, type Parts } from '../../actors/parts/index.ts';
import type { NodeId } from '../../actors/system/index.ts';
import { defineRequest, isClockRefusal } from '../../protocols/wire/index.ts';
import type { DoctorReport } from './api-mesh.ts';

type Check = DoctorReport['checks'][number];
/** `bridged`: handed on by a member that has both transports. */
export type Way = 'direct' | 'relayed' | 'nats' | 'bridged';

/** What the transports know, beside the Network port. */
export interface Ways {
  addresses(): readonly string[];
  /** How frames reach that node now; undefined where they don't. */
  wayTo(id: NodeId): Way | undefined;
  /** The NATS server in use; null where there is none and should be, undefined where this node uses none. */
  natsServer(): string | null | undefined;
}

const way = z.enum(['direct', 'relayed', 'nats', 'bridged', 'none']);
const lookRequest = defineRequest(
  'doctor.look',
  z.strictObject({}),
  z.strictObject({
    /** By the clock of the node that answers. */
    wallMs: z.number().int(),
    version: z.string().max(64),
    members: z.array(z.strictObject({ node: z.string().max(64), way })).max(256),
    natsServer: z.string().max(256).nullable().optional(),
  }),
);
type Look = z.infer<(typeof lookRequest)['reply']['schema']>;

const lookTimeoutMs = 2_500;
/** Farther apart, people's logs no longer fit together; past a minute, messages are refused. */
const skewMaxMs = 5_000;

/** Answers what this node sees, until the function that it returns is called. */
export function answerLooks(parts: Parts, version: string, ways: Ways): () => void {
  return parts.office.answer(lookRequest, (): Look => {
    const natsServer = ways.natsServer();
    return {
      wallMs: Math.round(parts.world.clock.wallMs()),
      version,
      members: parts.chain.current.members
        .filter(({ id }) => id !== parts.identity.id)
        .map(({ id }) => ({ node: id, way: ways.wayTo(id) ?? ('none' as const) })),
      ...(natsServer === undefined ? {} : { natsServer }),
    };
  });
}

interface Looked {
  readonly look: Look | undefined;
  readonly skewMs: number;
  readonly error: unknown;
}

async function lookFrom(parts: Parts, node: NodeId): Promise<Looked> {
  const { clock } = parts.world;
  const [startMs, startWallMs] = [clock.monotonicMs(), clock.wallMs()];
  try {
    const look = await parts.office.request(node, lookRequest, {}, { timeoutMs: lookTimeoutMs });
    // Half of the way there and back; what is left of the error is less than that half.
    const skewMs = look.wallMs - (startWallMs + (clock.monotonicMs() - startMs) / 2);
    return { look, skewMs: Math.round(skewMs), error: undefined };
  } catch (error) {
    return { look: undefined, skewMs: 0, error };
  }
}

const wayInWords: Readonly<Record<Way, string>> = {
  direct: 'directly',
  relayed: 'through a relay',
  nats: 'over NATS',
  bridged: 'through a member that has both transports',
};
const clockFix = 'Set the clocks of both machines (NTP; `timedatectl` shows whether it is on).';
const list = (names: readonly string[]): string => names.join(', ');

/** Every pair of members, as seen from both ends, with clocks, versions and NATS servers; and who reaches whom this node cannot. */
export async function examinePairs(
  parts: Parts,
  ways: Ways,
): Promise<{ readonly checks: readonly Check[]; readonly reachedBy: (id: NodeId) => readonly string[] }> {
  const { chain, identity, world } = parts;
  const self = identity.id;
  const members = chain.current.members.map(({ id }) => id);
  const connected = new Set(world.network.peers());
  const asked = members.filter((id) => id !== self && connected.has(id));
  const looks = new Map(await Promise.all(asked.map(async (id) => [id, await lookFrom(parts, id)] as const)));
  const checks: Check[] = [];
  const add = (subject: string, check: string, ok: boolean, detail: string, fix: string): void =>
    void checks.push({ subject, check, ok, detail, ...(ok ? {} : { fix }) });
  const seenFrom = (from: NodeId, to: NodeId): Way | 'none' | undefined =>
    from === self ? (ways.wayTo(to) ?? 'none') : looks.get(from)?.look?.members.find(({ node }) => node === to)?.way;

  for (const [id, { look, skewMs, error }] of looks) {
    const name = chain.nameOf(id);
    if (isClockRefusal(error)) {
      add(name, 'clock', false, (error as Error).message, clockFix);
      continue;
    }
    if (look === undefined) {
      add(
        name,
        'both ways',
        false,
        `it did not say what it sees: ${(error as Error).message}`,
        'It is connected and does not answer: overloaded, or of an older version. Look at its node.log, and bring both to the same version.',
      );
      continue;
    }
    const back = seenFrom(id, self);
    const there = ways.wayTo(id);
    add(
      name,
      'both ways',
      back !== undefined && back !== 'none',
      back === undefined || back === 'none'
        ? 'this node reaches it, and it does not reach this node'
        : `reached ${there === undefined ? 'by some transport' : wayInWords[there]}, and reaches this node ${wayInWords[back]}`,
      'It may have lost the connection a moment ago: look again. If it stays so, look for a firewall between the two that drops long-lived connections.',
    );
    add(
      name,
      'clock',
      Math.abs(skewMs) <= skewMaxMs,
      Math.abs(skewMs) < 1_000
        ? 'less than a second apart'
        : `${(skewMs / 1_000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this node's`,
      `${clockFix} Past a minute its messages are refused.`,
    );
    if (look.natsServer === null)
      add(
        name,
        'NATS',
        false,
        'it is meant to use NATS, and no server answers it',
        'Start a server of its "nats" in node.json, or open the way to it (port 4222).',
      );
  }

  let pairs = 0;
  for (const [i, a] of members.entries())
    for (const b of members.slice(i + 1)) {
      if (a === self || b === self) continue;
      const [there, back] = [seenFrom(a, b), seenFrom(b, a)];
      if (there === undefined && back === undefined) continue;
      pairs++;
      const blocked = [
        ...(there === 'none' ? [`${chain.nameOf(a)} does not reach ${chain.nameOf(b)}`] : []),
        ...(back === 'none' ? [`${chain.nameOf(b)} does not reach ${chain.nameOf(a)}`] : []),
      ];
      // Where one is gone for everybody, its own line says so.
      if (blocked.length > 0 && connected.has(a) && connected.has(b))
        add(
          `${chain.nameOf(a)} – ${chain.nameOf(b)}`,
          'both ways',
          false,
          list(blocked),
          'Open a way between the two: one must be able to dial the other\'s "listen" address. Behind NATs, set "relay": {"wanted": 2} there, and "relay": {"reservations": 16} at a member that all can reach.',
        );
    }
  add(
    'mesh',
    'pairs',
    true,
    `${pairs} ${pairs === 1 ? 'pair' : 'pairs'} of other members asked about each other, ${liveMembers(chain.current, parts.view).length} of ${members.length} members live`,
    '',
  );
  return {
    checks,
    reachedBy: (id) =>
      asked.filter((from) => !['none', undefined].includes(seenFrom(from, id))).map((from) => chain.nameOf(from)),
  };
}

/** How others reach this node. */
export function examineReach(name: string, wanted: number, ways: Ways): readonly Check[] {
  const checks: Check[] = [];
  const addresses = ways.addresses().filter((address) => address.startsWith('/'));
  const relayed = addresses.filter((address) => address.includes('/p2p-circuit')).length;
  if (wanted > 0)
    checks.push({
      subject: name,
      check: 'NAT',
      ok: relayed > 0,
      detail:
        relayed > 0
          ? `can be reached through ${relayed === 1 ? 'a relay' : `relays, at ${relayed} addresses`}`
          : 'wants to be reached through a relay, and has a place at none',
      ...(relayed > 0
        ? {}
        : {
            fix: 'Let a member that everybody can reach be one: "relay": {"reservations": 16} in its node.json; one that is full takes nobody more.',
          }),
    });
  const isLoopback = (address: string): boolean => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address);
  if (wanted === 0 && addresses.length > 0)
    checks.push({
      subject: name,
      check: 'NAT',
      ok: true,
      detail: addresses.every(isLoopback)
        ? 'listens on this machine only: nodes elsewhere cannot dial it'
        : 'no relay is asked for; behind a NAT set "relay": {"wanted": 2}, or "announce" with a forwarded port',
    });
  const server = ways.natsServer();
  if (server !== undefined)
    checks.push({
      subject: name,
      check: 'NATS',
      ok: server !== null,
      detail: server === null ? 'no server answers' : `connected to ${server}`,
      ...(server === null
        ? {
            fix: 'Start a server of "nats" in node.json (the log says why each refused), or open the way to it (port 4222).',
          }
        : {}),
    });
  return checks;
}
