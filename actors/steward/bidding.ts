// Law: an offer binds nobody, a bid reserves softly, and a steward bids by the same rule as everybody it asks.
import { bidMs, type Pace, type Workload } from '../allocation/index.ts';
import type { Parts } from '../parts/index.ts';
import type { NodeId } from '../system/index.ts';
import type { Offer, OfferReply } from './messages.ts';

export interface Capacity {
  readonly workload: Workload;
  readonly pace: Pace;
}

export const keyOfAttempt = (workflow: string, task: string, attempt: number): string =>
  `${workflow}|${task}|${attempt}`;

/** What this node answers to an offer of `from`. */
export async function bidFor(
  parts: Pick<Parts, 'chain' | 'identity' | 'manifests' | 'blobs'>,
  { workload, pace }: Capacity,
  offer: Offer,
  from: NodeId,
): Promise<OfferReply> {
  const { skill, files, placement } = offer;
  const no = (reason: string): OfferReply => ({ willing: false, reason, finishMs: 0, missingFiles: 0 });
  if (!parts.chain.isMember(from)) return no('only members offer work');
  if (workload.isDraining) return no('this node is leaving');
  if (!parts.manifests.some(({ name }) => name === skill)) return no(`this node has no skill ${skill}`);
  if (placement !== undefined && parts.chain.node(parts.identity.id)?.site !== placement.site)
    return no(`this node is not at ${placement.site}`);
  const expectedMs = pace.expectedMs(skill);
  const key = keyOfAttempt(offer.workflow, offer.task, offer.attempt);
  // An earlier offer of the same attempt, by another steward, must not count against this one.
  workload.release(key);
  const finishMs = bidMs(workload.finishMs(expectedMs));
  workload.reserve(key, expectedMs);
  const held = await Promise.all(files.map((digest) => parts.blobs.has(digest)));
  return { willing: true, finishMs, missingFiles: held.filter((has) => !has).length };
}
