// Law: a joint decision needs both majorities. These are the crash-fault quorums used while a member set changes over in two steps;
// a majority is the same arithmetic as every other quorum, with f = 0.
import { voteQuorum } from './quorum.ts';

export type VoteResult = 'pending' | 'lost' | 'won';

/** The outcome among `voters`; a voter without an entry in `votes` has not answered. No voters: won, so that it is neutral in a joint quorum. */
export function majorityVote<Id>(voters: ReadonlySet<Id>, votes: ReadonlyMap<Id, boolean>): VoteResult {
  if (voters.size === 0) return 'won';
  const quorum = voteQuorum(voters.size, 0);
  let yes = 0;
  let open = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) open++;
    else if (vote) yes++;
  }
  if (yes >= quorum) return 'won';
  return yes + open >= quorum ? 'pending' : 'lost';
}

/**
 * The highest index that a majority of `voters` has acknowledged; Infinity without voters, 0 where no majority answered. Indices beyond
 * 2^53 are given as bigint; what is acknowledged by somebody who is no voter counts for nothing.
 */
export function majorityCommitted<Id, Index extends number | bigint>(
  voters: ReadonlySet<Id>,
  acknowledged: ReadonlyMap<Id, Index>,
): Index | number {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const indices = [...voters]
    .map((voter): Index | number => acknowledged.get(voter) ?? 0)
    .sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return indices[voteQuorum(voters.size, 0) - 1]!;
}

export function jointVote<Id>(
  incoming: ReadonlySet<Id>,
  outgoing: ReadonlySet<Id>,
  votes: ReadonlyMap<Id, boolean>,
): VoteResult {
  const first = majorityVote(incoming, votes);
  const second = majorityVote(outgoing, votes);
  if (first === second) return first;
  return first === 'lost' || second === 'lost' ? 'lost' : 'pending';
}

export function jointCommitted<Id, Index extends number | bigint>(
  incoming: ReadonlySet<Id>,
  outgoing: ReadonlySet<Id>,
  acknowledged: ReadonlyMap<Id, Index>,
): Index | number {
  const first = majorityCommitted(incoming, acknowledged);
  const second = majorityCommitted(outgoing, acknowledged);
  if (first < second) return first;
  return second;
}
