// Law: the members decide who is a member. A config is voted for only if it lets one more member in, of weight 1, or workers, or removes one that
// evidence convicts or that leaves by its own word, or changes what members of quorum weight approve, and keeps the strongest fault budget its members can bear;
// or if it changes nothing, where the epoch has decided what one may. Once decided it is on this node's disk before it is in force here.
import { type Check, configKey, encodeCertificate, faultBudgetOf, judgeConfigChange } from '../../consensus/index.ts';
import {
  type ConfigLink,
  decodeConfig,
  type EpochConfig,
  encodeConfig,
  type MeshChain,
  workersOf,
} from '../../protocols/mesh/index.ts';
import { equalBytes, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Question } from '../consensus/index.ts';
import type { Crypto } from '../system/index.ts';
import { type Approvals, judgeAmendment } from './amendments.ts';
import type { Departures } from './departures.ts';
import { type Guilty, judgeRemoval } from './removal.ts';
import { renewalOf } from './renewal.ts';

export function configQuestion(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly guilty: Guilty;
  readonly approvals: Approvals;
  readonly departures: Pick<Departures, 'has'>;
  /** Whether, by this node's audit log, that epoch has decided as much as one may. */
  readonly isSpent: (epoch: number) => boolean;
  readonly adopt: (link: ConfigLink) => void;
}): Question {
  const { chain, crypto, guilty, approvals, departures, isSpent, adopt } = options;
  return {
    domain: 'config',
    judge(subject, payload, epoch) {
      try {
        const next = decodeConfig(payload);
        if (!equalBytes(subject.key, configKey(next.epoch)))
          return { ok: false, reason: 'the config is of another epoch than its instance asks for' };
        if (next.epoch !== epoch + 1) return { ok: false, reason: 'a config is decided by the epoch before it' };
        const current = chain.config(epoch);
        if (current === undefined) return 'unknown';
        if (equalBytes(payload, encodeConfig(renewalOf(current, crypto))))
          return isSpent(epoch) ? { ok: true } : 'unknown';
        if (sizeOf(next) <= sizeOf(current)) {
          const approved = judgeAmendment(next, current, approvals, crypto);
          if (sizeOf(next) === sizeOf(current) || (approved !== 'unknown' && approved.ok)) return approved;
          const convicted = judgeRemoval(next, current, { guilty, departures }, crypto);
          return convicted !== 'unknown' && convicted.ok ? convicted : approved;
        }
        const back = newcomersOf(next, current).find(({ id }) => guilty.has(id));
        if (back !== undefined) return { ok: false, reason: `${back.name} was convicted by its own signatures` };
        return judgeJoin(next, current, crypto);
      } catch (error) {
        if (error instanceof MalformedBytes) return { ok: false, reason: error.message };
        throw error;
      }
    },
    decided: ({ payload, certificate }) =>
      adopt({ config: decodeConfig(payload), certificate: encodeCertificate(certificate) }),
  };
}

const nodesOf = (config: EpochConfig) => [...config.members, ...workersOf(config)];
const sizeOf = (config: EpochConfig): number => nodesOf(config).length;

function newcomersOf(next: EpochConfig, current: EpochConfig) {
  const known = new Set(nodesOf(current).map(({ id }) => id));
  return nodesOf(next).filter(({ id }) => !known.has(id));
}

/**
 * Whether `next` lets one more member in, or one worker or several, and does nothing else. A lying member could otherwise have an honest one voted out, give its own
 * more weight, or have the mesh tolerate fewer liars than it can: each sound by itself. A newcomer is a member, or a worker without a vote.
 */
export function judgeJoin(next: EpochConfig, current: EpochConfig, crypto: Pick<Crypto, 'sha256'>): Check {
  const sound = judgeConfigChange(next, current, crypto);
  if (!sound.ok) return sound;
  const newcomers = newcomersOf(next, current);
  const [newcomer] = newcomers;
  // One node changes at most, or workers only come: with so many more nodes than before the change is the newcomers.
  if (newcomer === undefined || sizeOf(next) !== sizeOf(current) + newcomers.length)
    return { ok: false, reason: 'it lets nobody in' };
  if ('weight' in newcomer && newcomer.weight !== 1)
    return { ok: false, reason: `${newcomer.name} would weigh ${newcomer.weight}; a newcomer weighs 1` };
  const { f, c, p } = faultBudgetOf(next.members.map(({ weight }) => weight));
  if (next.f !== f || next.c !== c || next.p !== p)
    return {
      ok: false,
      reason: `${next.members.length} members bear f = ${f}, c = ${c}, p = ${p}, and it says ${next.f}, ${next.c}, ${next.p}`,
    };
  return { ok: true };
}
