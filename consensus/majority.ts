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

/** The highest index that a majority of `voters` has acknowledged; Infinity without voters, 0 where no majority answered. */
export function majorityCommitted<Id>(voters: ReadonlySet<Id>, acknowledged: ReadonlyMap<Id, number>): number {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const indices = [...voters].map((voter) => acknowledged.get(voter) ?? 0).sort((a, b) => b - a);
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

export function jointCommitted<Id>(
  incoming: ReadonlySet<Id>,
  outgoing: ReadonlySet<Id>,
  acknowledged: ReadonlyMap<Id, number>,
): number {
  return Math.min(majorityCommitted(incoming, acknowledged), majorityCommitted(outgoing, acknowledged));
}
