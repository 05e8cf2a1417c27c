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
  readonly result: Certified;
  readonly basis: string;
}

export function about(subject: Subject): About {
  const { chain, plan, epoch, decided, result } = subject;
  const config = chain.config(epoch)!;
  const blob = resultBlob(result.decision);
  const nameIn = (id: string): string => config.members.find((member) => member.id === id)?.name ?? id;
  return {
    meshId: chain.meshIdHex,
    meshName: chain.genesis.name,
    workflow: subject.workflow,
    goal: plan.goal,
    resultDigest: blob?.digest ?? '',
    resultSizeBytes: blob?.sizeBytes ?? 0,
    basis: subject.basis,
    tolerance: toleranceInWords(config),
    decidedBy: result.certificate.votes.map(({ signer }) => nameIn(signer)),
    members: config.members.map(({ name, site }) => `${name} (${site})`),
    tasks: decided.map(({ decision }) => {
      const skill = plan.tasks.find(({ id }) => id === decision.task)?.skill ?? '';
      const failure = failureOf(decision);
      return `${decision.task} (${skill}): ${decision.kind}, ${endorsementInWords(decision, config)}${failure === undefined ? '' : `; ${failure}`}`;
    }),
  };
}
