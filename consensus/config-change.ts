// Law: only the members of an epoch make the next one, by deciding its config; one member joins, leaves or changes at a time, so that
// the quorums of neighbouring epochs overlap in honest members and nobody is voted out of their own decision unseen. Workers, who are of no
// quorum, may come several at once.
import type { Crypto } from '../actors/system/index.ts';
import {
  configHash,
  type EpochConfig,
  encodeConfig,
  type Genesis,
  type Member,
  type Worker,
  workersOf,
} from '../protocols/mesh/index.ts';
import { ByteWriter, equalBytes, publicKeyOf } from '../protocols/wire/index.ts';
import { decodeCertificate, verifyCertificate } from './certificate.ts';
import type { Check } from './epoch.ts';
import { isAdmissibleKey } from './key-admission.ts';
import { valueIdOf } from './messages.ts';
import { soundnessOf } from './quorum.ts';

/** The instance key of the question "what is the config of `epoch`?". */
export function configKey(epoch: number): Uint8Array {
  return new ByteWriter('parley/config-key/1').u32(epoch).finish();
}

/** Newcomers without a vote that one config may let in. */
export const workersPerConfigMax = 64;

const refuse = (reason: string): Check => ({ ok: false, reason });

/** Whether `next` may follow `current`; a member votes for nothing else. */
export function judgeConfigChange(next: EpochConfig, current: EpochConfig, crypto: Pick<Crypto, 'sha256'>): Check {
  if (next.epoch !== current.epoch + 1) return refuse(`epoch ${next.epoch} does not follow epoch ${current.epoch}`);
  if (!equalBytes(next.previous, configHash(current, crypto))) return refuse('it names another config before it');
  const nodesOf = (config: EpochConfig): Map<string, Member | Worker> =>
    new Map([...config.members, ...workersOf(config)].map((node) => [node.id, node]));
  const before = nodesOf(current);
  const after = nodesOf(next);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (id) => !isSameMember(before.get(id), after.get(id)),
  );
  const weak = changed.find((id) => after.has(id) && !isAdmissibleKey(publicKeyOf(id)));
  if (weak !== undefined)
    return refuse(`the key of ${after.get(weak)!.name} is not admissible: of small or mixed order`);
  const areNewWorkers = changed.every((id) => !before.has(id) && !('weight' in after.get(id)!));
  if (areNewWorkers && changed.length > workersPerConfigMax)
    return refuse(`it lets in ${changed.length} workers; at most ${workersPerConfigMax} come at once`);
  if (changed.length > 1 && !areNewWorkers)
    return refuse(`it changes ${changed.length} nodes; one at a time keeps the quorums of both epochs overlapping`);
  const soundness = soundnessOf(
    next.members.map((member) => member.weight),
    next,
  );
  return soundness.sound ? { ok: true } : refuse(`its quorums are unsound: ${soundness.reason}`);
}

function isSameMember(a: Member | Worker | undefined, b: Member | Worker | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return (
    // A worker has no weight, so a worker that becomes a member is a change.
    ('weight' in a ? a.weight : 0) === ('weight' in b ? b.weight : 0) &&
    a.name === b.name &&
    a.site === b.site &&
    a.operator === b.operator &&
    a.modelFamily === b.modelFamily
  );
}

/** Whether a mesh may begin like this: quorums that hold, and keys under which one signature cannot mean two things. */
export function judgeGenesis(genesis: Genesis): Check {
  const { members } = genesis.config;
  const weak = [...members, ...workersOf(genesis.config)].find(({ id }) => !isAdmissibleKey(publicKeyOf(id)));
  if (weak !== undefined) return refuse(`the key of ${weak.name} is not admissible: of small or mixed order`);
  const soundness = soundnessOf(
    members.map((member) => member.weight),
    genesis.config,
  );
  return soundness.sound ? { ok: true } : refuse(`its quorums are unsound: ${soundness.reason}`);
}

/** Whether `certificate` (encoded) proves that the members of `current` decided `next`. */
export function verifyConfigLink(
  next: EpochConfig,
  certificate: Uint8Array,
  current: EpochConfig,
  meshId: Uint8Array,
  crypto: Crypto,
): Check {
  const change = judgeConfigChange(next, current, crypto);
  if (!change.ok) return change;
  const decoded = decodeCertificate(certificate);
  if (decoded.kind === 'POLKA') return refuse('a polka is a step on the way and decides nothing');
  if (decoded.subject.domain !== 'config' || !equalBytes(decoded.subject.key, configKey(next.epoch)))
    return refuse('the certificate answers another question');
  if (decoded.value !== valueIdOf(encodeConfig(next), crypto)) return refuse('the certificate decided another config');
  return verifyCertificate(decoded, current, meshId, crypto);
}
