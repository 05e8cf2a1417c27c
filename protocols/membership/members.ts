// Law: one row per node, changed by three things only: the node's own signed record, suspicion that ran out unrefuted, and silence seen by
// this node itself. Another node's word that someone is dead is a suspicion here, never a verdict.
import type { NodeId } from '../../actors/system/index.ts';
import { compareText, MalformedBytes } from '../wire/index.ts';
import type { GossipQueue } from './gossip.ts';
import type { Claim, MemberState } from './messages.ts';
import type { MemberRecord, RecordBook, SignedRecord } from './record.ts';
import type { DetectorSettings } from './settings.ts';
import { createSuspicion, type Suspicion, suspicionTimeoutMs } from './timing.ts';

export interface MemberView {
  readonly id: NodeId;
  readonly state: MemberState;
  /** 0 where no record is known. */
  readonly incarnation: number;
  /** When the state began, on this node's monotonic clock. */
  readonly sinceMs: number;
  readonly record?: MemberRecord;
}

export interface MemberChange {
  readonly kind: 'changed';
  readonly node: NodeId;
  /** Undefined for a node not heard of before. Equal to `to` where only the record changed. */
  readonly from: MemberState | undefined;
  readonly to: MemberState;
  readonly record: MemberRecord | undefined;
}

export interface Member {
  readonly id: NodeId;
  state: MemberState;
  sinceMs: number;
  signed: SignedRecord | undefined;
  suspicion: Suspicion | undefined;
  /** The suspect was asked once more before the verdict. */
  lastWord: boolean;
  expected: boolean;
}

/** What a claim came to. `stale`: its sender does not know the subject's newest record. */
export type ClaimOutcome = 'news' | 'known' | 'stale' | { readonly refused: string };

export interface Members {
  readonly all: ReadonlyMap<NodeId, Member>;
  /** Nodes that may answer: alive and suspect ones, without this node. */
  live(): Member[];
  /** Live nodes and this node. */
  liveCount(): number;
  /** Those under a suspicion that runs. */
  readonly suspects: ReadonlySet<Member>;
  /** The row of a node that should be there, `unknown` until it is heard of; undefined where there is no place for it. */
  meet(id: NodeId, nowMs: number): Member | undefined;
  apply(claim: Claim, record: MemberRecord, nowMs: number): ClaimOutcome;
  /** Returns true where this was news. */
  suspect(member: Member, by: NodeId, nowMs: number): boolean;
  bury(member: Member, nowMs: number): void;
  /** What this node would say about `member`, undefined where it has no record of it. */
  claimAbout(member: Member): Claim | undefined;
  view(): MemberView[];
}

export function createMembers(options: {
  readonly self: NodeId;
  readonly book: RecordBook;
  readonly settings: DetectorSettings;
  readonly accepts: (id: NodeId) => boolean;
  readonly queue: Pick<GossipQueue, 'put' | 'drop'>;
  readonly changed: (change: MemberChange) => void;
}): Members {
  const { self, book, settings, queue } = options;
  const all = new Map<NodeId, Member>();

  // Kept beside the table: every input asks for both, and in a mesh of a thousand the table is long.
  const suspects = new Set<Member>();
  let liveOthers = 0;

  const isLive = (member: Member): boolean => member.state === 'alive' || member.state === 'suspect';
  const live = (): Member[] => [...all.values()].filter(isLive);
  const liveCount = (): number => 1 + liveOthers;
  const acquit = (member: Member): void => {
    member.suspicion = undefined;
    suspects.delete(member);
  };

  const enter = (member: Member, to: MemberState, nowMs: number, isNew = false): void => {
    const from = member.state;
    if (from !== to || isNew) member.sinceMs = nowMs;
    liveOthers -= Number(isLive(member));
    member.state = to;
    liveOthers += Number(isLive(member));
    if (to !== 'suspect') acquit(member);
    options.changed({
      kind: 'changed',
      node: member.id,
      from: isNew ? undefined : from,
      to,
      record: member.signed?.record,
    });
  };

  /** A row for a node not heard of before; where the table is full, the node dead for longest makes room. */
  const admit = (id: NodeId, nowMs: number): Member | undefined => {
    if (all.size >= settings.maxNodes) {
      let oldest: Member | undefined;
      for (const member of all.values()) {
        if (member.state === 'dead' && !member.expected && (oldest === undefined || member.sinceMs < oldest.sinceMs))
          oldest = member;
      }
      if (oldest === undefined) return undefined;
      all.delete(oldest.id);
      queue.drop(oldest.id);
    }
    const member: Member = {
      id,
      state: 'unknown',
      sinceMs: nowMs,
      signed: undefined,
      suspicion: undefined,
      lastWord: false,
      expected: false,
    };
    all.set(id, member);
    return member;
  };

  const alive = (signed: SignedRecord): Claim => ({ state: 'alive', record: signed.bytes });

  const suspect = (member: Member, by: NodeId, nowMs: number): boolean => {
    if (member.signed === undefined || member.state === 'dead') return false;
    if (member.suspicion !== undefined) {
      if (!member.suspicion.confirm(by)) return false;
      queue.put(member.id, { state: 'suspect', record: member.signed.bytes, by });
      return true;
    }
    const nodes = liveCount();
    const minMs = Math.max(
      settings.minSuspicionMs,
      suspicionTimeoutMs(settings.suspicionMultiplier, nodes, settings.probeIntervalMs),
    );
    member.suspicion = createSuspicion({
      accuser: by,
      // The suspect and its accuser confirm nothing.
      needed: Math.min(settings.confirmations, nodes - 2),
      minMs,
      maxMs: minMs * settings.maxSuspicionFactor,
      startMs: nowMs,
    });
    suspects.add(member);
    member.lastWord = false;
    queue.put(member.id, { state: 'suspect', record: member.signed.bytes, by });
    enter(member, 'suspect', nowMs);
    return true;
  };

  return {
    all,
    live,
    liveCount,
    suspects,
    suspect,
    meet(id, nowMs) {
      if (id === self || !options.accepts(id)) return undefined;
      const known = all.get(id);
      const member = known ?? admit(id, nowMs);
      if (known === undefined && member !== undefined) enter(member, 'unknown', nowMs, true);
      return member;
    },
    apply(claim, record, nowMs) {
      const { id, incarnation } = record;
      if (!options.accepts(id)) return { refused: `${id} is not accepted in this mesh` };
      let member = all.get(id);
      const knownIncarnation = member?.signed?.record.incarnation ?? -1;
      if (incarnation < knownIncarnation) return 'stale';
      let news = false;
      if (incarnation > knownIncarnation) {
        try {
          if (!book.verify(claim.record)) return { refused: `${id} did not sign this record` };
        } catch (error) {
          if (error instanceof MalformedBytes) return { refused: error.message };
          throw error;
        }
        const isNew = member === undefined;
        member ??= admit(id, nowMs);
        if (member === undefined) return { refused: `more than ${settings.maxNodes} nodes` };
        member.signed = { record, bytes: claim.record };
        news = true;
        if (record.leaving) {
          queue.put(id, alive(member.signed));
          enter(member, 'dead', nowMs, isNew);
        } else if (claim.state === 'alive') {
          queue.put(id, alive(member.signed));
          enter(member, 'alive', nowMs, isNew);
        } else {
          // Heard of first as silent: not alive on anyone's word, not dead on anyone's word.
          acquit(member);
          if (member.state !== 'unknown' || isNew) enter(member, 'unknown', nowMs, isNew);
        }
      }
      if (claim.state !== 'alive' && member !== undefined && claim.by !== id) {
        news = suspect(member, claim.by, nowMs) || news;
      }
      return news ? 'news' : 'known';
    },
    bury(member, nowMs) {
      if (member.signed === undefined) return;
      queue.put(member.id, { state: 'dead', record: member.signed.bytes, by: self });
      enter(member, 'dead', nowMs);
    },
    claimAbout({ state, signed }) {
      if (signed === undefined || state === 'unknown') return undefined;
      if (state === 'alive' || signed.record.leaving) return alive(signed);
      return { state, record: signed.bytes, by: self };
    },
    view: () =>
      [...all.values()]
        .sort((a, b) => compareText(a.id, b.id))
        .map(({ id, state, sinceMs, signed }) => ({
          id,
          state,
          sinceMs,
          incarnation: signed?.record.incarnation ?? 0,
          ...(signed === undefined ? {} : { record: signed.record }),
        })),
  };
}
