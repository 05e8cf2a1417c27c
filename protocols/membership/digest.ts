// Law: two nodes that compare digests both end with the newer record and the graver state of each member; whatever gossip lost, this
// brings.
import type { NodeId } from '../../actors/system/index.ts';
import type { Members } from './members.ts';
import { type Claim, type MemberState, maxDigestEntries, type SwimMessage } from './messages.ts';
import type { MemberRecord, SignedRecord } from './record.ts';

export type DigestEntry = Extract<SwimMessage, { kind: 'digest' }>['entries'][number];

/** `own`: undefined for a node that only watches, of which nobody keeps a record. */
export function digestOf(own: MemberRecord | undefined, members: Members): DigestEntry[] {
  const entries: DigestEntry[] =
    own === undefined ? [] : [{ node: own.id, incarnation: own.incarnation, state: 'alive' }];
  for (const { id, state, signed } of members.all.values()) {
    if (entries.length === maxDigestEntries) break;
    entries.push({ node: id, incarnation: signed?.record.incarnation ?? 0, state });
  }
  return entries;
}

const gravity: Readonly<Record<MemberState, number>> = { unknown: 0, alive: 0, suspect: 1, dead: 2 };

export interface Comparison {
  /** What the other side does not know. */
  readonly tell: Claim[];
  /** It knows something this node does not. */
  readonly behind: boolean;
  /** It does not believe this node alive. */
  readonly accused: boolean;
}

export function compareDigest(
  entries: readonly DigestEntry[],
  own: SignedRecord | undefined,
  members: Members,
): Comparison {
  const theirs = new Map<NodeId, DigestEntry>(entries.map((entry) => [entry.node, entry]));
  const tell: Claim[] = [];
  let behind = false;
  const weigh = (mine: DigestEntry, claim: Claim | undefined): void => {
    const their = theirs.get(mine.node);
    theirs.delete(mine.node);
    const age = their === undefined ? 1 : mine.incarnation - their.incarnation;
    const graver = their === undefined ? 0 : gravity[mine.state] - gravity[their.state];
    if (age > 0 || (age === 0 && graver > 0)) {
      if (claim !== undefined) tell.push(claim);
    } else if (age < 0 || graver < 0) behind = true;
  };
  const aboutSelf = own === undefined ? undefined : theirs.get(own.record.id);
  if (own !== undefined) {
    const { id, incarnation } = own.record;
    weigh({ node: id, incarnation, state: 'alive' }, { state: 'alive', record: own.bytes });
  }
  for (const member of members.all.values()) {
    const known = { node: member.id, incarnation: member.signed?.record.incarnation ?? 0, state: member.state };
    weigh(known, members.claimAbout(member));
  }
  const accused =
    aboutSelf !== undefined && aboutSelf.incarnation === own?.record.incarnation && gravity[aboutSelf.state] > 0;
  for (const unknownHere of theirs.values()) if (unknownHere.incarnation > 0) behind = true;
  return { tell, behind, accused };
}
