// Law: what a certificate proves is said in the words a client can act on: who recomputed it, on whose word it rests, how many may lie.
import { endorsementInWords, toleranceInWords } from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import type { Plan } from '../plan/index.ts';
import { type Certified, failureOf, resultBlob } from '../workflow/index.ts';
import type { About } from './file.ts';

export interface Subject {
  readonly chain: MeshChain;
  readonly workflow: string;
  readonly plan: Plan;
  readonly epoch: number;
  /** In plan order, attempts in order. */
  readonly decided: readonly Certified[];
  /** The decision that the workflow ended by. */
  readonly end: Certified;
  /** Why there is no result; undefined where there is one. */
  readonly failed: string | undefined;
  readonly basis: string;
}

export function about(subject: Subject): About {
  const { chain, plan, epoch, decided, end, failed } = subject;
  const config = chain.config(epoch)!;
  const blob = resultBlob(end.decision);
  const nameIn = (id: string): string => config.members.find((member) => member.id === id)?.name ?? id;
  return {
    meshId: chain.meshIdHex,
    meshName: chain.genesis.name,
    workflow: subject.workflow,
    goal: plan.goal,
    ...(failed === undefined ? { resultDigest: blob!.digest, resultSizeBytes: blob!.sizeBytes } : { failed }),
    basis: subject.basis,
    tolerance: toleranceInWords(config),
    decidedBy: end.certificate.votes.map(({ signer }) => nameIn(signer)),
    members: config.members.map(({ name, site }) => `${name} (${site})`),
    tasks: decided.map(({ decision }) => {
      const skill = plan.tasks.find(({ id }) => id === decision.task)?.skill ?? '';
      const failure = failureOf(decision);
      return `${decision.task} (${skill}): ${decision.kind}, ${endorsementInWords(decision, config)}${failure === undefined ? '' : `; ${failure}`}`;
    }),
  };
}
