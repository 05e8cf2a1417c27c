// Law: an offer binds nobody, a bid reserves softly: until it is awarded or runs out it counts against the bidder's load, so that a burst
// of offers does not all land on the node that was idle a moment ago. Who is idle all the same may ask a busy one for some of its work.
import { z } from 'zod';
import { defineRequest } from '../../protocols/wire/index.ts';

/** Skills whose pace an idle member tells. */
export const pacesMax = 64;
const workflow = z.string().regex(/^[0-9a-f]{64}$/);

const offer = z.strictObject({
  workflow,
  task: z.string().max(64),
  attempt: z.number().int().min(0).max(64),
  skill: z.string().max(64),
  /** Digests of what the task reads. */
  files: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(4_096),
  // As long as a plan may have them.
  placement: z.strictObject({ site: z.string().max(100), dataSet: z.string().max(100) }).optional(),
});
const offerReply = z.strictObject({
  willing: z.boolean(),
  reason: z.string().max(200).optional(),
  /** When the run would be over at the bidder, from now, in ms: what it runs, what waits there and what it promised others come first. */
  finishMs: z.number().nonnegative().max(1e9),
  /** How many of the files it would have to fetch first. */
  missingFiles: z.number().int().nonnegative(),
});
export type Offer = z.infer<typeof offer>;
export type OfferReply = z.infer<typeof offerReply>;

export const offerTask = defineRequest('task.offer', offer, offerReply);

/** How long runs of each skill take at the asker, in ms. */
const paces = z
  .record(z.string().max(64), z.number().nonnegative().max(1e9))
  .refine((record) => Object.keys(record).length <= pacesMax, `more than ${pacesMax} skills`);

/** An idle member to a busy one: have you something that waits and that I would have done sooner? What is given is on the record by the answer. */
export const stealTask = defineRequest('task.steal', z.strictObject({ paces }), z.strictObject({ given: z.boolean() }));
