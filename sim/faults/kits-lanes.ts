// Law: the kits that lie in the liar's own log. Each rewrites entries on their way out, in a second history that is chained and signed as the
// first is: what is false about it is what it says.
import type { Network, Random } from '../../actors/system/index.ts';
import {
  decodeWorkflowEntry,
  encodeWorkflowEntry,
  type WorkflowEntry,
  workflowLane,
} from '../../actors/workflow/index.ts';
import {
  type Certificate,
  candidates,
  type Decision,
  decodeCertificate,
  encodeCertificate,
  encodeDecision,
  epochViewOf,
  exact,
  instanceIdOf,
  valueIdOf,
  verdictKey,
} from '../../consensus/index.ts';
import { decodeEntry, encodeEntry, entryHash, type LaneEntry } from '../../protocols/lanes/index.ts';
import { decodeBody } from '../../protocols/wire/index.ts';
import { ifWellFormed, type Liar, listening, type Wrap } from './liar.ts';

export const laneKits = {
  /** Two histories of its own log, one for each half of the peers. */
  'fork-lanes'(network, liar, random) {
    const half = new Set(liar.others.filter(() => random.chance(0.5)));
    return rewriting(
      network,
      liar,
      (peer) => half.has(peer),
      (entry) => otherEntry(entry, random),
    );
  },

  /** Decisions that nobody made, in its own log for all to see, with the best certificate it can put together. */
  'false-decision'(network, liar, random) {
    let genuine: Certificate | undefined;
    const inner = rewriting(
      network,
      liar,
      () => true,
      (entry) => (random.chance(0.4) ? (falseDecision(entry, liar, genuine, random) ?? entry) : entry),
    );
    return {
      ...inner,
      onFrame: listening(inner, (_, frame) => {
        for (const { lane, body } of laneEntriesIn(frame, liar)) {
          if (lane !== workflowLane) continue;
          const said = ifWellFormed(() => decodeWorkflowEntry(body));
          if (said?.kind === 'decided') genuine = ifWellFormed(() => decodeCertificate(said.certificate)) ?? genuine;
        }
      }),
    };
  },
  /** With its accomplices: to the same few members, each of them has cancelled whatever it has a part in; the others hear nothing of it. */
  'cancel-for-some'(network, liar) {
    const few = new Set(liar.genesis.config.members.slice(0, 1 + liar.genesis.config.f).map(({ id }) => id));
    return rewriting(
      network,
      liar,
      (peer) => few.has(peer),
      ({ workflow, atMs, ...said }) =>
        said.kind === 'opened'
          ? { workflow, atMs, ...said }
          : { kind: 'cancelled', workflow, reason: 'for some', atMs },
    );
  },
} as const satisfies Readonly<Record<string, Wrap>>;

/** Some peers get what `rewrite` makes of each entry of its own, the same to each of them and every time. */
function rewriting(
  network: Network,
  liar: Liar,
  isFor: (peer: string) => boolean,
  rewrite: (said: WorkflowEntry) => WorkflowEntry,
): Network {
  const second = new Map<number, LaneEntry>();
  const other = (entry: LaneEntry): LaneEntry => {
    if (entry.author !== liar.identity.id || entry.lane !== workflowLane) return entry;
    const known = second.get(entry.sequence);
    if (known !== undefined) return known;
    const before = second.get(entry.sequence - 1);
    const previous = before === undefined ? entry.previous : entryHash(before, liar.world.crypto);
    const { lane, sequence } = entry;
    const body = encodeWorkflowEntry(rewrite(decodeWorkflowEntry(entry.body)));
    const made = liar.laneEntry(liar.identity, { lane, sequence, previous }, body);
    second.set(sequence, made);
    return made;
  };
  return {
    ...network,
    send(to, frame) {
      const entries = isFor(to) ? laneEntriesIn(frame, liar) : [];
      return network.send(
        to,
        entries.length === 0
          ? frame
          : liar.seal(to, 'lane.entries', { entries: entries.map((entry) => encodeEntry(other(entry))), more: false }),
      );
    },
  };
}

export function laneEntriesIn(frame: Uint8Array, liar: Liar): LaneEntry[] {
  const read = liar.read(frame);
  if (read?.type !== 'lane.entries') return [];
  return (
    ifWellFormed(() =>
      (decodeBody(read.body) as { readonly entries: readonly Uint8Array[] }).entries.map((bytes) => decodeEntry(bytes)),
    ) ?? []
  );
}

/** What a liar may write in its own log instead: the same a little later, or something false. */
function otherEntry(said: WorkflowEntry, random: Random): WorkflowEntry {
  const { workflow, atMs } = said;
  const place = { task: 'task' in said ? said.task : 'only', attempt: 'attempt' in said ? said.attempt : 0 };
  switch (random.below(6)) {
    case 0:
      return { kind: 'cancelled', workflow, reason: 'so says a liar', atMs };
    case 1:
      return { kind: 'fault', workflow, ...place, code: 'liar', message: 'so says a liar', atMs };
    case 2:
      return { kind: 'assigned', workflow, ...place, executors: [], verifiers: [], atMs };
    case 3:
      return { kind: 'decided', workflow, ...place, decision: random.bytes(300), certificate: random.bytes(300), atMs };
    default:
      return { ...said, atMs: atMs + 1 };
  }
}

/** In place of its own candidate: that it was accepted, or that its attempt was taken back. Undefined for any other entry. */
function falseDecision(
  said: WorkflowEntry,
  liar: Liar,
  genuine: Certificate | undefined,
  random: Random,
): WorkflowEntry | undefined {
  if (said.kind !== 'candidate') return undefined;
  const { crypto } = liar.world;
  const { workflow, task, attempt, atMs } = said;
  const candidate = ifWellFormed(() => candidates.decode(said.candidate));
  if (candidate === undefined) return undefined;
  const { meshId, epoch, planDigest, skill, skillVersion, callDigest, resultDigest, sizeBytes } = candidate;
  const about = { meshId, epoch, workflow: candidate.workflow, planDigest, task, attempt };
  const decision: Decision =
    candidate.outcome === 'failure' || random.chance(0.5)
      ? { ...about, kind: 'REASSIGN', expired: [] }
      : {
          ...about,
          ...{ kind: 'ACCEPT', skill, skillVersion, callDigest, resultDigest, sizeBytes, candidate },
          ...{ endorsement: { rule: 'quorum' }, relation: exact, attestations: [], dissent: [] },
        };
  const bytes = encodeDecision(decision);
  const { scope, configHash } = epochViewOf(liar.genesis.config, meshId, crypto);
  const subject = { domain: 'verdict', key: verdictKey(about) } as const;
  const own: Certificate = {
    ...{ kind: 'COMMIT', subject, instance: instanceIdOf(scope, subject, crypto), epoch, configHash, round: 0 },
    ...{ value: valueIdOf(bytes, crypto), votes: [] },
  };
  // A genuine one about something else, its votes under what they were not given for, or nobody's.
  const certificate =
    genuine === undefined ? own : ([genuine, { ...own, votes: genuine.votes }, own] as const)[random.below(3)]!;
  const shown = encodeCertificate(certificate);
  return { kind: 'decided', workflow, task, attempt, decision: bytes, certificate: shown, atMs };
}
