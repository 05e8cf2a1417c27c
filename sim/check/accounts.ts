// Law: what members are held to account for is counted alike by whoever has the proof: each offence that a whole node's logs prove stands in
// its ledger, and a member against whom all of them hold proof is not of the next epoch, where the mesh can afford to lose it.
import { removalOf } from '../../actors/epochs/index.ts';
import { decodeEvidence, instanceOfEvidence, verifyEvidence } from '../../consensus/index.ts';
import { decodeEntry } from '../../protocols/lanes/index.ts';
import { decodeBody, MalformedBytes } from '../../protocols/wire/index.ts';
import type { SimNode } from '../node.ts';
import type { Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

const auditRows = 'e/audit/';
const offence = 'equivocated';

/** Distinct offences that the audit lanes on a node's disk prove, by culprit. */
function proven({ disk, process }: SimNode, { meshId, crypto }: Swarm): Map<string, Set<string>> {
  const links = process?.composed.parts.chain.links ?? [];
  const found = new Map<string, Set<string>>();
  for (const [key, row] of disk.tables.get('lanes') ?? []) {
    if (!key.startsWith(auditRows)) continue;
    try {
      const said = decodeBody(decodeEntry(row).body) as { readonly evidence?: unknown };
      if (!(said.evidence instanceof Uint8Array)) continue;
      const evidence = decodeEvidence(said.evidence);
      if (!links.some(({ config }) => verifyEvidence(evidence, config, meshId, crypto).ok)) continue;
      const of = found.get(evidence.culprit) ?? new Set();
      found.set(evidence.culprit, of.add(`${evidence.kind} ${instanceOfEvidence(evidence)}`));
    } catch (error) {
      // A liar may write anything into its own log.
      if (!(error instanceof MalformedBytes)) throw error;
    }
  }
  return found;
}

/** Each with the law it breaks, in words. */
function* unsettled(core: readonly SimNode[], swarm: Swarm): Generator<readonly [law: string, text: string]> {
  const nameOf = (id: string): string => swarm.nodes.find((node) => node.id === id)?.name ?? id;
  const running = core.flatMap((node) =>
    node.process === undefined ? [] : [{ node, ...node.process.composed.parts }],
  );
  const convicted = new Map<string, number>();
  for (const { node, ledger } of running)
    for (const [culprit, offences] of proven(node, swarm)) {
      convicted.set(culprit, (convicted.get(culprit) ?? 0) + 1);
      const counted = ledger
        .charges()
        .filter((charge) => charge.node === culprit && charge.what.startsWith(offence))
        .reduce((sum, { count }) => sum + count, 0);
      if (counted < offences.size)
        yield [
          'accounts',
          `${node.name} holds proof of ${offences.size} offences of ${nameOf(culprit)} and counts ${counted}`,
        ];
    }
  const epochs = new Set(running.map(({ chain }) => chain.current.epoch));
  if (epochs.size > 1) yield ['epoch-advances', `the quorum is in epochs ${[...epochs].join(' and ')}`];
  const [first] = running;
  for (const [culprit, by] of convicted)
    if (by === running.length && removalOf(first!.chain.current, culprit, swarm.crypto) !== undefined)
      yield ['epoch-advances', `all of the quorum hold proof against ${nameOf(culprit)}, and it is a member still`];
}

/** For waiting until it is so: an epoch is decided some seconds after its cause is known. */
export function areAccountsSettled(core: readonly SimNode[], swarm: Swarm): boolean {
  return unsettled(core, swarm).next().done === true;
}

export function checkAccounts(core: readonly SimNode[], swarm: Swarm, book: Book): void {
  for (const [law, text] of unsettled(core, swarm)) book.break(law, text);
}
