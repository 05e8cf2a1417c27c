// Law: whoever proves a token is let in as what the token says, and learns the mesh from its genesis on. A new member changes the quorums,
// so the members decide it; an observer changes nothing but who may listen, and one member's signed word is enough.
import { configKey, defaultFaultBudget } from '../../consensus/index.ts';
import {
  configHash,
  decodeConfig,
  type EpochConfig,
  encodeConfig,
  encodeGenesis,
  type Member,
} from '../../protocols/mesh/index.ts';
import { compareText, decodeBody, encodeBody } from '../../protocols/wire/index.ts';
import type { KeeperMessage } from '../consensus/index.ts';
import type { Parts, Place } from '../parts/index.ts';
import { type ActorDef, defineActor, type NodeId } from '../system/index.ts';
import type { ChainStore } from './chain-store.ts';
import type { Invites } from './invites.ts';
import { chainLinks, joinMesh, linksPerReply } from './messages.ts';

export type AdmissionMessage = { readonly type: 'peer-up'; readonly node: NodeId } | { readonly type: 'caught-up' };

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
  add(id: NodeId): void;
}

export const meshLane = 'mesh';
const decidePatienceMs = 8_000;
const attemptsMax = 3;
const requestTimeoutMs = 5_000;

export const admissionActor: ActorDef<
  AdmissionMessage,
  { readonly args: AdmissionArgs; readonly leave: readonly (() => void)[] },
  AdmissionArgs
> = defineActor({
  kind: 'admission',
  start(ctx, args) {
    const { parts } = args;
    const leave = [
      parts.office.answer(joinMesh, (request, { from }) => admit(args, request, from)),
      parts.office.answer(chainLinks, ({ fromEpoch }) => linksFrom(parts, fromEpoch)),
      parts.world.network.onPeer(
        ({ node, up }) => void (up && parts.chain.isMember(node) && ctx.self.tell({ type: 'peer-up', node })),
      ),
    ];
    for (const node of parts.world.network.peers())
      if (parts.chain.isMember(node)) ctx.self.tell({ type: 'peer-up', node });
    return { args, leave };
  },
  receive({ args }, message, ctx) {
    if (message.type !== 'peer-up') return;
    // Whoever was away when the members changed hears it from the first peer it meets.
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
  for (;;) {
    const { links, more } = await parts.office.request(
      node,
      chainLinks,
      { fromEpoch: parts.chain.current.epoch + 1 },
      { timeoutMs: requestTimeoutMs },
    );
    for (const { config, certificate } of links) await chainStore.adopt({ config: decodeConfig(config), certificate });
    if (!more || links.length === 0) return;
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
  const taken = parts.chain.current.members.find(({ name, id }) => name === request.name && id !== from);
  if (taken !== undefined)
    return refuse('name_taken', `a member is already named '${request.name}'; join with another --name`);
  const redeemed = await invites.redeem(request.token, from);
  if (!redeemed.ok) return refuse(redeemed.code, redeemed.reason);

  if (redeemed.role === 'member') {
    const member: Member = {
      id: from,
      weight: 1,
      name: request.name,
      site: request.site,
      operator: request.operator,
      modelFamily: request.modelFamily,
    };
    if (!(await addMember(args, member))) {
      return refuse(
        'no_quorum',
        `the members did not agree on the new member within ${decidePatienceMs / 1_000} s; too few of them are there. The ticket stays valid for this node: try again`,
      );
    }
  } else if (!observers.has(from)) {
    await parts.lanes.append(meshLane, encodeBody({ kind: 'observer', node: from }, 1_024));
    observers.add(from);
  }
  return {
    admitted: true as const,
    genesis: encodeGenesis(parts.chain.genesis),
    ...linksFrom(parts, 1),
    addresses: [...args.addresses()],
  };
}

async function addMember(args: AdmissionArgs, member: Member): Promise<boolean> {
  const { parts } = args;
  const { chain, world } = parts;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (chain.isMember(member.id)) return true;
    const { current } = chain;
    const next = nextConfig(current, [...current.members, member], parts);
    args.keeper.ref?.tell({
      type: 'propose',
      epoch: current.epoch,
      subject: { domain: 'config', key: configKey(next.epoch) },
      payload: encodeConfig(next),
    });
    const isDecided = await new Promise<boolean>((resolve) => {
      const cancel = world.scheduler.at(world.clock.monotonicMs() + decidePatienceMs, () => {
        leave();
        resolve(false);
      });
      const leave = chain.onAppend(() => {
        cancel();
        leave();
        resolve(true);
      });
    });
    if (!isDecided) return chain.isMember(member.id);
  }
  return chain.isMember(member.id);
}

/** The epoch after `current` with these members and the strongest fault budget that many can bear. */
export function nextConfig(current: EpochConfig, members: readonly Member[], parts: Pick<Parts, 'world'>): EpochConfig {
  return {
    epoch: current.epoch + 1,
    members: [...members].sort((a, b) => compareText(a.id, b.id)),
    ...defaultFaultBudget(members.length),
    previous: configHash(current, parts.world.crypto),
  };
}

/** Takes an entry of the mesh lane: a member's word that an observer may listen. */
export function noteMeshEntry(
  observers: Observers,
  author: NodeId,
  body: Uint8Array,
  isMember: (id: NodeId) => boolean,
): void {
  const entry = decodeBody(body) as { kind?: unknown; node?: unknown };
  if (isMember(author) && entry.kind === 'observer' && typeof entry.node === 'string') observers.add(entry.node);
}

export function createObservers(): Observers {
  const ids = new Set<NodeId>();
  return {
    has: (id) => ids.has(id),
    add: (id) => void (ids.size < 10_000 && ids.add(id)),
  };
}

function majorOf(version: string): string {
  return version
    .split('.')
    .slice(0, version.startsWith('0.') ? 2 : 1)
    .join('.');
}
