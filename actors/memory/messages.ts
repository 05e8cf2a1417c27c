// Law: the wire types of memory: lanes move by frontier, payloads by content address, and a holder says so only when it holds.
import { z } from 'zod';
import { laneEntriesSchema, laneFrontierSchema } from '../../protocols/lanes/index.ts';
import { defineMessage, defineRequest } from '../../protocols/wire/index.ts';

export const laneFrontier = defineMessage('lane.frontier', laneFrontierSchema);
export const laneEntries = defineMessage('lane.entries', laneEntriesSchema);

const blob = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: z.number().int().nonnegative() });

/** Asks a member to hold a workflow: its record and every payload in `blobs`. Answered when it does. */
export const holdWorkflow = defineRequest(
  'workflow.hold',
  z.strictObject({ workflow: z.string().regex(/^[0-9a-f]{64}$/), blobs: z.array(blob).max(4_096) }),
  z.strictObject({ held: z.boolean(), reason: z.string().max(500).optional() }),
);
