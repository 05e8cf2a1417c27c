// Law: the members decide who is a member. A config is voted for only if it follows the current one by a single change and keeps sound
// quorums; once decided it is on this node's disk before it is in force here.
import { configKey, encodeCertificate, judgeConfigChange } from '../../consensus/index.ts';
import { type ConfigLink, decodeConfig, type MeshChain } from '../../protocols/mesh/index.ts';
import { equalBytes, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Question } from '../consensus/index.ts';
import type { Crypto } from '../system/index.ts';

export function configQuestion(options: {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly adopt: (link: ConfigLink) => void;
}): Question {
  const { chain, crypto, adopt } = options;
  return {
    domain: 'config',
    judge(subject, payload, epoch) {
      try {
        const next = decodeConfig(payload);
        if (!equalBytes(subject.key, configKey(next.epoch)))
          return { ok: false, reason: 'the config is of another epoch than its instance asks for' };
        if (next.epoch !== epoch + 1) return { ok: false, reason: 'a config is decided by the epoch before it' };
        const current = chain.config(epoch);
        return current === undefined ? 'unknown' : judgeConfigChange(next, current, crypto);
      } catch (error) {
        if (error instanceof MalformedBytes) return { ok: false, reason: error.message };
        throw error;
      }
    },
    decided: ({ payload, certificate }) =>
      adopt({ config: decodeConfig(payload), certificate: encodeCertificate(certificate) }),
  };
}
