// Law: what detectors say to each other, bounded field by field. Every message may carry claims; a claim holds the member's own signed
// record, so it says about whom, which incarnation, and cannot be made up.
import { z } from 'zod';
import { maxRecordBytes } from './record.ts';

const nodeId = z.string().min(1).max(64);
const sequence = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= maxRecordBytes);

export const maxClaims = 32;
export const maxDigestEntries = 4096;

const memberState = z.enum(['alive', 'suspect', 'dead', 'unknown']);
/** `unknown`: expected, or heard of, but nothing is known first hand or by its own word. */
export type MemberState = z.infer<typeof memberState>;

const claim = z.discriminatedUnion('state', [
  z.object({ state: z.literal('alive'), record: bytes }),
  /** `by` found it silent. `dead` is the sender's own verdict, and a suspicion to everyone else. */
  z.object({ state: z.enum(['suspect', 'dead']), record: bytes, by: nodeId }),
]);
export type Claim = z.infer<typeof claim>;
const claims = z.array(claim).max(maxClaims);

export const swimSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ping'), sequence, target: nodeId, claims }),
  /** Ping `target` for me. */
  z.object({ kind: z.literal('ping-req'), sequence, target: nodeId, claims }),
  z.object({ kind: z.literal('ack'), sequence, claims }),
  /** I am well, but the target you asked for is silent. */
  z.object({ kind: z.literal('nack'), sequence }),
  z.object({ kind: z.literal('gossip'), claims }),
  /** All the sender knows, in short. `reply`: it answers one, and wants none back. */
  z.object({
    kind: z.literal('digest'),
    entries: z.array(z.object({ node: nodeId, incarnation: sequence, state: memberState })).max(maxDigestEntries),
    reply: z.boolean(),
  }),
]);
export type SwimMessage = z.infer<typeof swimSchema>;
