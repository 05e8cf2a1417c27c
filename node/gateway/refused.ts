// Law: a refusal says that something was kept out. It is a fault only where a present member did what no sound node does; what strangers,
// removed members and the moments around a start leave behind is told, and nobody has to act on it.
import { type MeshChain, workersOf } from '../../protocols/mesh/index.ts';
import type { Refusal } from '../../protocols/wire/index.ts';
import type { DoctorReport } from './api-mesh.ts';

type Check = DoctorReport['checks'][number];

/** What a sound member causes too, in words why. */
const harmlessFromMembers: Readonly<Record<string, string>> = {
  stranger: 'from before it was a member',
  unknown_type: 'from around a start, or of another version',
  expired: 'held up on the way, as by a machine that slept',
  clock: 'its clock now is checked above',
  epoch: 'from around the change of an epoch, or from while one of the two was away',
  slow: 'it took nothing for a second or more; what was too much to wait for it was not sent, and no other peer waited',
  // Hearsay proves itself or is dropped, and who has not heard yet that somebody was let go passes it on.
  membership: 'hearsay of others, as of those let go',
};

/** One check per sender and reason, for the doctor. */
export function examineRefusals(
  refusals: readonly Refusal[],
  chain: Pick<MeshChain, 'nameOf' | 'node' | 'links'>,
): readonly Check[] {
  const wasMember = (id: string): boolean =>
    chain.links.some(({ config }) => [...config.members, ...workersOf(config)].some((node) => node.id === id));
  return refusals.map(({ from, reason, count }) => {
    const subject = isAddress(from) ? from : chain.nameOf(from);
    const check = 'messages';
    const detail = `${count} refused here: ${reason}`;
    const noted = (why: string): Check => ({ subject, check, ok: true, isNote: true, detail: `${detail} (${why})` });
    if (reason === 'permissions')
      return {
        subject,
        check,
        ok: false,
        detail,
        fix: "Grant the node's user at the NATS server what deploy/nats/users.conf grants, and reload the server.",
      };
    if (reason === 'version')
      return noted('it speaks another version on the wire and is not connected; run the same version on all nodes');
    if (chain.node(from) === undefined)
      return noted(wasMember(from) ? 'it is no member any more' : 'from outside the mesh; nothing got in');
    const harmless = harmlessFromMembers[reason];
    if (harmless !== undefined) return noted(harmless);
    return {
      subject,
      check,
      ok: false,
      detail,
      fix: 'From a member: another version, or a fault. Look at its node.log, and compare the versions.',
    };
  });
}

/** A refusal at the transport is counted under where it came from, not under who it was. */
function isAddress(from: string): boolean {
  return /[./:(]/.test(from);
}
