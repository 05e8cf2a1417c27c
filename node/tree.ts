// Law: a node is one supervision tree. What fails is restarted where it failed; what keeps failing ends its branch, then the node, and a
// node that ends says so with an exit code rather than going on without an organ.
import { createPace, type Workload } from '../actors/allocation/index.ts';
import { type AuditBook, auditLogActor } from '../actors/audit-log/index.ts';
import { type AuditorArgs, auditorActor } from '../actors/auditor/index.ts';
import { type KeeperMessage, keeperActor, type PositionBook, type Question } from '../actors/consensus/index.ts';
import {
  type AdmissionArgs,
  type Approvals,
  admissionActor,
  type Departures,
  type Guilty,
  removalActor,
} from '../actors/epochs/index.ts';
import { type MembershipArgs, membershipActor } from '../actors/membership/index.ts';
import { type MemoryArgs, memoryActor } from '../actors/memory/index.ts';
import type { Parts, Place } from '../actors/parts/index.ts';
import { type PlannerMessage, plannerActor } from '../actors/planning/index.ts';
import { stewardsActor } from '../actors/steward/index.ts';
import { type Crypto, supervisor } from '../actors/system/index.ts';
import { verdictActor } from '../actors/verdict/index.ts';
import { workerActor } from '../actors/worker/index.ts';
import { doorActor } from './held-network.ts';

export interface TreeOptions {
  readonly parts: Parts;
  readonly memory: MemoryArgs;
  readonly membership: Omit<MembershipArgs, 'parts'>;
  readonly admission: Omit<AdmissionArgs, 'parts' | 'keeper'>;
  readonly questions: readonly Question[];
  readonly audit: AuditBook;
  readonly guilty: Guilty;
  readonly approvals: Approvals;
  readonly departures: Departures;
  /** Whether that epoch has decided as much as one may. */
  readonly isSpent: (epoch: number) => boolean;
  readonly workload: Workload;
  readonly backlog: AuditorArgs['backlog'];
  readonly keeper: Place<KeeperMessage>;
  /** For signatures of votes. */
  readonly crypto: Crypto;
  readonly positions: PositionBook;
  readonly planner: Place<PlannerMessage>;
  /** Runs of each pool at the same time. */
  readonly parallelMax: number;
  /** Called once everyone has started. */
  readonly open: () => void;
}

/** Restarts that a branch may need while a disk or a peer misbehaves, before the branch gives up. */
const patience = { intensity: 10, periodMs: 30_000 };

export function nodeTree(options: TreeOptions) {
  const { parts, keeper, planner, parallelMax, workload } = options;
  const pace = createPace();
  const roles = supervisor({
    ...patience,
    children: [
      { id: 'planner', actor: plannerActor, args: { parts, place: planner } },
      { id: 'executor', actor: workerActor, args: { parts, role: 'executor', parallelMax, workload, pace } },
      { id: 'verifier', actor: workerActor, args: { parts, role: 'verifier', parallelMax, workload, pace } },
      { id: 'verdict', actor: verdictActor, args: { parts, keeper } },
      { id: 'stewards', actor: stewardsActor, args: { parts, capacity: { workload, pace } } },
    ],
  });
  return supervisor({
    ...patience,
    children: [
      // First to start and last to stop: whatever happens in the others is told and charged.
      { id: 'auditor', actor: auditorActor, args: { parts, backlog: options.backlog } },
      { id: 'membership', actor: membershipActor, args: { parts, ...options.membership } },
      { id: 'memory', actor: memoryActor, args: options.memory },
      {
        id: 'consensus',
        actor: keeperActor,
        args: {
          parts,
          questions: options.questions,
          place: keeper,
          crypto: options.crypto,
          positions: options.positions,
        },
      },
      { id: 'audit-log', actor: auditLogActor, args: { parts, book: options.audit, keeper } },
      {
        id: 'removal',
        actor: removalActor,
        args: {
          parts,
          guilty: options.guilty,
          approvals: options.approvals,
          departures: options.departures,
          isSpent: options.isSpent,
          keeper,
        },
      },
      { id: 'admission', actor: admissionActor, args: { parts, keeper, ...options.admission } },
      { id: 'roles', actor: roles, args: undefined, shutdown: 'infinity' },
      { id: 'door', actor: doorActor, args: { open: options.open } },
    ],
  });
}
