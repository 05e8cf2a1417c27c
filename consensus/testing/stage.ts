// Law: an attack is a script: which frames arrive where, and what the one lying member says to whom. Everything else is the real engine.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { createIdentity, hex, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { encodeCertificate } from '../certificate.ts';
import type { Ballot, ValueId, VoteKind } from '../core.ts';
import { epochViewOf, leaderOrder } from '../epoch.ts';
import { decodeFrame, FrameBuilder } from '../frame.ts';
import { encodeReportSet } from '../justification.ts';
import {
  type Domain,
  decodeEntry,
  encodeProposal,
  encodeVote,
  type InstanceId,
  instanceIdOf,
  noHash,
  type Proposal,
  type Subject,
  type Vote,
  valueIdOf,
} from '../messages.ts';
import type { FaultBudget } from '../quorum.ts';
import { type Rules, soundRules } from '../rules.ts';
import { HeldEntry, openBatch, type SignedEntry, sealBatch } from '../signed-entry.ts';
import { Sim, type TestMesh, testMesh } from './sim.ts';

/** The members by role; `z` lies, and is the puppet of the script. */
export const roles = { a: 0, b: 1, c: 2, z: 3 } as const;
export type Role = keyof typeof roles;

export interface StageOptions {
  readonly crypto: Crypto;
  readonly rules?: Rules;
  /** Who leads rounds 0, 1, 2, 3. */
  readonly order: readonly Role[];
  readonly budget?: FaultBudget;
  readonly domain?: Domain;
}

export interface Signed<T> {
  readonly said: T;
  readonly signed: SignedEntry;
}

export class Stage {
  readonly crypto: Crypto;
  readonly mesh: TestMesh;
  readonly sim: Sim;
  readonly subject: Subject;
  readonly id: InstanceId;
  readonly z: Identity;
  /** Every statement of the honest members, as z could have overheard it. */
  readonly overheard: Signed<Vote | Proposal>[] = [];
  /** Whether a frame of an honest member arrives; the script changes it as it goes. */
  arrives: (from: Role, to: Role) => boolean = () => true;
  /** Called with each frame's fresh statements as they are sent. */
  onStatement: ((from: Role, said: Vote | Proposal) => void) | undefined;

  constructor(options: StageOptions) {
    const { crypto } = options;
    this.crypto = crypto;
    const identities = Object.keys(roles).map((_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1)));
    this.z = identities[roles.z]!;
    this.mesh = testMesh(identities, options.budget ?? { f: 1, c: 0, p: 1 }, crypto);
    const scope = epochViewOf(this.mesh.config, this.mesh.meshId, crypto).scope;
    const wanted = options.order.map((role) => identities[roles[role]]!.id).join();
    let key = 0;
    let subject: Subject;
    do {
      subject = { domain: options.domain ?? 'verdict', key: utf8.encode(`scene ${key++}`) };
    } while (
      leaderOrder(
        instanceIdOf(scope, subject, crypto),
        identities.map(({ id }) => id),
      ).join() !== wanted
    );
    this.subject = subject;
    this.id = instanceIdOf(scope, subject, crypto);
    const names = Object.keys(roles) as Role[];
    this.sim = new Sim({
      mesh: this.mesh,
      crypto,
      rules: options.rules ?? soundRules,
      delivers: (from, to) => this.arrives(names[from]!, names[to]!),
      isValid: (payload) => !utf8.decode(payload).startsWith('invalid'),
    });
    this.sim.crash(roles.z);
    this.sim.onSend = (from, bytes) => {
      const { batch } = decodeFrame(bytes);
      if (batch === undefined) return;
      for (const held of openBatch(batch, crypto) ?? []) {
        const entry = decodeEntry(held.entry);
        const said = entry.type === 'vote' ? entry.vote : entry.proposal;
        this.overheard.push({ said, signed: held.export() });
        this.onStatement?.(names[from]!, said);
      }
    };
  }

  idOf(role: Role): NodeId {
    return this.mesh.identities[roles[role]]!.id;
  }

  start(role: Role, text?: string): void {
    this.sim.start(roles[role], this.subject, text === undefined ? undefined : utf8.encode(text));
  }

  value(text: string): ValueId {
    return valueIdOf(utf8.encode(text), this.crypto);
  }

  decided(role: Role): string | undefined {
    const found = this.sim.nodes[roles[role]]!.decided.get(this.id);
    return found === undefined ? undefined : utf8.decode(found.payload);
  }

  /** What `role` was overheard to sign in that slot. */
  heard(role: Role, slot: VoteKind | 'proposal', round: number): SignedEntry {
    const signer = this.idOf(role);
    const found = this.overheard.find(
      ({ said, signed }) =>
        signed.signer === signer && said.round === round && ('kind' in said ? said.kind : 'proposal') === slot,
    );
    if (found === undefined) throw new Error(`${role} was not overheard to sign a ${slot} of round ${round}`);
    return found.signed;
  }

  // --- what z signs ------------------------------------------------------------------------------------------------------------------

  #sign(entry: Uint8Array, as: Identity = this.z): SignedEntry {
    const held = new HeldEntry(entry, as.id);
    sealBatch(as, this.crypto, [held]);
    return held.export();
  }

  vote(
    kind: VoteKind,
    round: number,
    value: Ballot,
    proposal?: SignedEntry,
    polkaRound = -1,
    instance = this.id,
  ): SignedEntry {
    const proposalHash = proposal === undefined ? noHash : hex.encode(this.crypto.sha256(proposal.entry));
    return this.#sign(encodeVote({ kind, instance, round, value, polkaRound, proposalHash }));
  }

  proposal(round: number, value: ValueId, polkaRound = -1, justification?: Uint8Array, as?: Identity): SignedEntry {
    const justificationHash = justification === undefined ? noHash : hex.encode(this.crypto.sha256(justification));
    return this.#sign(encodeProposal({ instance: this.id, round, value, polkaRound, justificationHash }), as);
  }

  reports(prevotes: readonly SignedEntry[], proposals: readonly SignedEntry[] = []): Uint8Array {
    const sorted = [...prevotes].sort((x, y) => (x.signer < y.signer ? -1 : 1));
    return encodeReportSet({ prevotes: sorted, proposals });
  }

  /** The bytes of a polka certificate with these votes, whether or not they make one. */
  polka(round: number, value: ValueId, votes: readonly SignedEntry[], instance = this.id): Uint8Array {
    const epoch = epochViewOf(this.mesh.config, this.mesh.meshId, this.crypto);
    const sorted = [...votes].sort((x, y) => (x.signer < y.signer ? -1 : 1));
    const { subject } = this;
    return encodeCertificate({
      kind: 'POLKA',
      subject,
      instance,
      epoch: 0,
      configHash: epoch.configHash,
      round,
      value,
      votes: sorted,
    });
  }

  /** z hands this to each of `to`, at once. */
  tell(
    to: readonly Role[],
    entries: readonly SignedEntry[],
    payloads: readonly string[] = [],
    justifications: readonly Uint8Array[] = [],
  ): void {
    const builder = new FrameBuilder();
    builder.subject(this.id, this.subject);
    for (const entry of entries) builder.relay(entry);
    for (const text of payloads) builder.payload(this.value(text), utf8.encode(text));
    for (const bytes of justifications) builder.justification(hex.encode(this.crypto.sha256(bytes)), bytes);
    for (const role of to) for (const frame of builder.build()) this.sim.inject(this.z.id, roles[role], frame);
  }

  /** z votes nil wherever `among` vote, so that rounds go by. */
  votesNilWith(among: readonly Role[], to: readonly Role[], from = 0): void {
    const done = new Set<string>();
    this.onStatement = (role, said) => {
      if (!among.includes(role) || !('kind' in said) || said.round < from) return;
      for (const kind of ['prevote', 'precommit'] as const) {
        const slot = `${kind} ${said.round}`;
        if (done.has(slot) || (kind === 'precommit' && said.kind === 'prevote')) continue;
        done.add(slot);
        this.sim.at(this.sim.nowMs + 1, () => this.tell(to, [this.vote(kind, said.round, null)]));
      }
    };
  }

  run(untilMs: number, isDone?: () => boolean): boolean {
    return this.sim.run(untilMs, isDone);
  }
}
