// Law: whoever proves a token is let in as what the token says, and learns the mesh from its genesis on. A new member changes the quorums,
// and a new worker whose results are judged, so the members decide both; an observer changes nothing but who may listen, and one member's signed word is enough.
import { z } from 'zod';
import { decodeConfig, encodeConfig, encodeGenesis } from '../../protocols/mesh/index.ts';
import { decodeBody, encodeBody, MalformedBytes, publicKeyOf } from '../../protocols/wire/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import { type ActorDef, defineActor, type NodeId } from '../system/index.ts';
import type { Approvals } from './amendments.ts';
import type { ChainStore } from './chain-store.ts';
import { type Departures, leavingEntry } from './departures.ts';
import type { Invites } from './invites.ts';
import { createJoiner, decidePatienceMs, holderOf, type Joiner, nameTaken, observersPerEntryMax } from './joiner.ts';
import { chainLinks, joinMesh, linksPerReply } from './messages.ts';

export type AdmissionMessage =
  | { readonly type: 'peer-up'; readonly node: NodeId }
  | { readonly type: 'exchange' }
  | { readonly type: 'caught-up' };

export interface AdmissionArgs {
  readonly parts: Parts;
  readonly chainStore: ChainStore;
  readonly invites: Invites;
  readonly observers: Observers;
  readonly keeper: Place<KeeperMessage>;
  readonly addresses: () => readonly string[];
  readonly version: string;
}

/** Nodes without a vote that may listen. */
export interface Observers {
  has(id: NodeId): boolean;
  /** `by` is the member that let it in. */
  add(id: NodeId, by: NodeId): void;
}

export const meshLane = 'mesh';
const requestTimeoutMs = 5_000;
/** Between looks at the chain of one random member. */
const exchangePeriodMs = 10_000;

export const admissionActor: ActorDef<
  AdmissionMessage,
  { readonly args: AdmissionArgs; readonly leave: readonly (() => void)[] },
  AdmissionArgs
> = defineActor({
  kind: 'admission',
  start(ctx, args) {
    const { parts, observers } = args;
    const joiner = createJoiner({
      ...args,
      async write(nodes) {
        const entry: MeshEntry =
          nodes.length === 1 ? { kind: 'observer', node: nodes[0]! } : { kind: 'observers', nodes: [...nodes] };
        await parts.lanes.append(meshLane, encodeMeshEntry(entry));
        for (const id of nodes) observers.add(id, parts.identity.id);
      },
    });
    const leave = [
      parts.office.answer(joinMesh, (request, { from }) => admit(args, joiner, request, from)),
      parts.office.answer(chainLinks, ({ fromEpoch }) => linksFrom(parts, fromEpoch)),
      parts.world.network.onPeer(
        ({ node, up }) => void (up && parts.chain.isMember(node) && ctx.self.tell({ type: 'peer-up', node })),
      ),
    ];
    for (const node of parts.world.network.peers())
      if (parts.chain.isMember(node)) ctx.self.tell({ type: 'peer-up', node });
    ctx.every(exchangePeriodMs, { type: 'exchange' }, 'exchange');
    return { args, leave };
  },
  receive({ args }, message, ctx) {
    if (message.type === 'caught-up') return;
    if (message.type === 'exchange') {
      const { chain, world } = args.parts;
      const members = world.network.peers().filter((id) => chain.isMember(id));
      if (members.length > 0) ctx.self.tell({ type: 'peer-up', node: members[world.random.below(members.length)]! });
      return;
    }
    // Whoever was away when the members changed, or missed what they decided, hears it from a peer.
    ctx.pipe(
      () => catchUp(args, message.node),
      () => ({ type: 'caught-up' }),
      (error) => {
        args.parts.world.log('debug', 'chain not fetched', { node: message.node, error: error.message });
        return { type: 'caught-up' };
      },
    );
  },
  signal({ leave }, signal) {
    if (signal.type === 'stopped' || signal.type === 'restarting') for (const stop of leave) stop();
  },
});

async function catchUp({ parts, chainStore }: AdmissionArgs, node: NodeId): Promise<void> {
  const { chain, office, refusals } = parts;
  for (;;) {
    const { epoch } = chain.current;
    const { links, more } = await office.request(
      node,
      chainLinks,
      // From the last one known on: whoever has another there than this node shows it.
      { fromEpoch: epoch },
      { timeoutMs: requestTimeoutMs },
    );
    try {
      for (const { config, certificate } of links)
        await chainStore.adopt({ config: decodeConfig(config), certificate });
    } catch (error) {
      if (error instanceof MalformedBytes) refusals.add(node, 'chain', error.message);
      throw error;
    }
    // Who says "more" and brings nothing new is not asked in a circle.
    if (!more || chain.current.epoch === epoch) return;
  }
}

function linksFrom(
  parts: Parts,
  fromEpoch: number,
): { links: { config: Uint8Array; certificate: Uint8Array }[]; more: boolean } {
  const from = Math.max(1, fromEpoch);
  const links = parts.chain.links
    .slice(from, from + linksPerReply)
    .map(({ config, certificate }) => ({ config: encodeConfig(config), certificate }));
  return { links, more: parts.chain.links.length > from + linksPerReply };
}

async function admit(
  args: AdmissionArgs,
  joiner: Joiner,
  request: {
    readonly token: Uint8Array;
    readonly name: string;
    readonly site: string;
    readonly operator: string;
    readonly modelFamily: string;
    readonly version: string;
  },
  from: NodeId,
) {
  const { parts, invites, observers } = args;
  const refuse = (
    code: 'expired' | 'used' | 'unknown' | 'name_taken' | 'version' | 'no_quorum' | 'conflict',
    reason: string,
  ) => ({ admitted: false as const, code, reason });
  if (majorOf(request.version) !== majorOf(args.version))
    return refuse(
      'version',
      `the newcomer runs parley ${request.version}, this mesh ${args.version}; run the same version`,
    );
  if (holderOf(parts.chain.current, request.name, from) !== undefined)
    return refuse('name_taken', nameTaken(request.name));
  const redeemed = await invites.redeem(request.token, from);
  if (!redeemed.ok) return refuse(redeemed.code, redeemed.reason);

  if (redeemed.role !== 'observer') {
    const { name, site, operator, modelFamily } = request;
    const outcome = await joiner.letIn({ id: from, name, site, operator, modelFamily }, redeemed.role);
    if (outcome !== 'in' && outcome !== 'undecided') return refuse('conflict', outcome.refused);
    if (outcome === 'undecided') {
      return refuse(
        'no_quorum',
        `the members did not agree on the new ${redeemed.role} within ${decidePatienceMs / 1_000} s; too few of them are there. The ticket stays valid for this node: try again`,
      );
    }
  } else if (!observers.has(from)) {
    await joiner.note(from);
  }
  return {
    admitted: true as const,
    genesis: encodeGenesis(parts.chain.genesis),
    ...linksFrom(parts, 1),
    addresses: [...args.addresses()],
  };
}

const node = z.string().min(40).max(64);
const meshEntry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('observer'), node }),
  /** Those that came while one entry was being written. */
  z.strictObject({ kind: z.literal('observers'), nodes: z.array(node).min(1).max(observersPerEntryMax) }),
  /** Without a weight the author takes back what it said of the node; 0 is its removal. */
  z.strictObject({
    kind: z.literal('amend'),
    epoch: z.number().int().nonnegative(),
    node,
    weight: z.number().int().min(0).max(0xffff).optional(),
  }),
  leavingEntry,
]);
export type MeshEntry = z.infer<typeof meshEntry>;

export function encodeMeshEntry(entry: MeshEntry): Uint8Array {
  return encodeBody(entry, 8_192);
}

/**
 * Takes an entry of the mesh lane: a member's word that an observer may listen, on what a member is to weigh, or that it leaves itself. What
 * is nothing of the kind is counted against its author.
 */
export function noteMeshEntry(
  {
    observers,
    approvals,
    departures,
  }: { readonly observers: Observers; readonly approvals: Approvals; readonly departures: Departures },
  { author, body }: { readonly author: NodeId; readonly body: Uint8Array },
  { chain, refusals }: Pick<Parts, 'chain' | 'refusals'>,
): void {
  try {
    const entry = meshEntry.safeParse(decodeBody(body));
    if (!entry.success) throw new MalformedBytes('not an entry about an observer or a member');
    const { data } = entry;
    if (data.kind === 'leaving') {
      departures.note(author, data.epoch);
      return;
    }
    for (const id of data.kind === 'observers' ? data.nodes : [data.node]) publicKeyOf(id);
    if (data.kind === 'amend') approvals.note(author, data.epoch, data.node, data.weight);
    else if (chain.isMember(author))
      for (const id of data.kind === 'observers' ? data.nodes : [data.node]) observers.add(id, author);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    refusals.add(author, 'entry', `${meshLane}: ${error.message}`);
  }
}

/** Observers that one member may let in: a lying one takes nobody else's place. */
const observersPerMemberMax = 1_000;

export function createObservers(): Observers {
  const letInBy = new Map<NodeId, Set<NodeId>>();
  const all = new Set<NodeId>();
  return {
    has: (id) => all.has(id),
    add(id, by) {
      const theirs = letInBy.get(by) ?? new Set();
      letInBy.set(by, theirs);
      if (theirs.size >= observersPerMemberMax) return;
      theirs.add(id);
      all.add(id);
    },
  };
}

function majorOf(version: string): string {
  return version
    .split('.')
    .slice(0, version.startsWith('0.') ? 2 : 1)
    .join('.');
}
