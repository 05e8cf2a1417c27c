// Law: what a member did against the rules is remembered under its name with its evidence, counted once per thing done.
import type { NodeId } from '../system/index.ts';

export interface Charge {
  readonly node: NodeId;
  /** In words, for people. */
  readonly what: string;
  readonly count: number;
  /** Workflow of the first occurrence, if any. */
  readonly workflow: string | undefined;
}

export interface Ledger {
  /** `key` names the occurrence: the same one is counted once. Returns false for a repeat. */
  charge(node: NodeId, key: string, what: string, workflow?: string): boolean;
  charges(): readonly Charge[];
  /** Whether anything is held against it. */
  isNamed(node: NodeId): boolean;
  onCharge(handler: (charge: Charge) => void): () => void;
}

const occurrencesMax = 10_000;
/** Different things held against somebody. There are few in all; no wording of a member's may add to them without end. */
const chargesMax = 1_000;

export function createLedger(): Ledger {
  const seen = new Set<string>();
  const charges = new Map<string, Charge>();
  /** Of the mesh's own nodes, so there are no more than those. */
  const named = new Set<NodeId>();
  const handlers = new Set<(charge: Charge) => void>();
  return {
    charge(node, key, what, workflow) {
      const occurrence = `${node}|${key}`;
      if (seen.has(occurrence)) return false;
      if (seen.size >= occurrencesMax) seen.clear();
      seen.add(occurrence);
      named.add(node);
      const name = `${node}|${what}`;
      if (!charges.has(name) && charges.size >= chargesMax) return false;
      const charge = {
        node,
        what,
        count: (charges.get(name)?.count ?? 0) + 1,
        workflow: charges.get(name)?.workflow ?? workflow,
      };
      charges.set(name, charge);
      for (const handler of [...handlers]) handler({ ...charge, workflow });
      return true;
    },
    charges: () => [...charges.values()],
    isNamed: (node) => named.has(node),
    onCharge(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
