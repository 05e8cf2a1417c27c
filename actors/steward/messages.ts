// Law: an offer binds nobody, a bid reserves softly: until it is awarded or runs out it counts against the bidder's load, so that a burst
// of offers does not all land on the node that was idle a moment ago.
import { z } from 'zod';
import { defineRequest } from '../../protocols/wire/index.ts';

const workflow = z.string().regex(/^[0-9a-f]{64}$/);

export const offerTask = defineRequest(
  'task.offer',
  z.strictObject({
    workflow,
    task: z.string().max(64),
    attempt: z.number().int().min(0).max(64),
    skill: z.string().max(64),
    /** Digests of what the task reads. */
    files: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(4_096),
    // As long as a plan may have them.
    placement: z.strictObject({ site: z.string().max(100), dataSet: z.string().max(100) }).optional(),
  }),
  z.strictObject({
    willing: z.boolean(),
    reason: z.string().max(200).optional(),
    /** Runs in hand and reserved, at the bidder. */
    load: z.number().nonnegative().max(1e6),
    /** How many of the files it would have to fetch first. */
    missingFiles: z.number().int().nonnegative(),
  }),
);
