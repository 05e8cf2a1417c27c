// Law: whoever asks at a member speaks with that member's key and for it alone; what the members make of it is decided by their quorum.
import { type Approvals, amended, approvedWeight, encodeMeshEntry, meshLane } from '../../actors/epochs/index.ts';
import type { Parts } from '../../actors/parts/index.ts';
import { thresholdsOf, toleranceInWords } from '../../consensus/index.ts';
import { workersOf } from '../../protocols/mesh/index.ts';
import type { MembersReply } from './api-mesh.ts';
import { GatewayError } from './error.ts';
import type { GatewayServices } from './services-contract.ts';

export function createMemberServices({
  parts,
  approvals,
}: {
  readonly parts: Parts;
  readonly approvals: Approvals;
}): Pick<GatewayServices, 'members' | 'amend'> {
  const { chain, identity, world } = parts;

  function members(): MembersReply {
    const { current } = chain;
    const neededWeight = thresholdsOf(current).quorum;
    return {
      epoch: current.epoch,
      tolerance: toleranceInWords(current),
      members: current.members.map(({ name, id, weight, site, operator, modelFamily }) => {
        return { name, id, weight, site, operator, modelFamily };
      }),
      workers: workersOf(current).map(({ name, id, site, operator, modelFamily }) => {
        return { name, id, site, operator, modelFamily };
      }),
      proposed: approvals.of(current).map(({ amendment, by }) => {
        const next = amended(current, amendment, world.crypto);
        return {
          member: chain.nameOf(amendment.node),
          weight: amendment.weight,
          approvedBy: by.map((id) => chain.nameOf(id)),
          approvedWeight: approvedWeight(current, by),
          neededWeight,
          outcome: next.ok ? toleranceInWords(next.config) : next.reason,
          isPossible: next.ok,
        };
      }),
    };
  }

  return {
    members,
    async amend({ member: named, weight }) {
      const { current } = chain;
      if (!chain.isMember(identity.id))
        throw new GatewayError('denied', 'this node has no vote on who is a member', 'Ask at a member.');
      const nodes = [...current.members, ...workersOf(current)];
      const member = nodes.find(({ id, name }) => id === named || name === named);
      if (member === undefined)
        throw new GatewayError(
          'not_found',
          `no member or worker of epoch ${current.epoch} is named '${named}'`,
          `They are ${nodes.map(({ name }) => name).join(', ')}.`,
        );
      if (weight !== undefined) {
        const next = amended(current, { node: member.id, weight }, world.crypto);
        if (!next.ok) throw new GatewayError('bad_request', `that cannot be made of ${member.name}: ${next.reason}`);
      }
      const { epoch } = current;
      const word = weight === undefined ? {} : { weight };
      await parts.lanes.append(meshLane, encodeMeshEntry({ kind: 'amend', epoch, node: member.id, ...word }));
      return members();
    },
  };
}
