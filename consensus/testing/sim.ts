// Law: a run is a function of its seed. Virtual time, one queue of events, and a shell per node that keeps the contract a real one keeps:
// outputs in order, records durable before what follows them, and after a crash nothing but the durable records.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { compareText, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { type Certificate, decodeCertificate } from '../certificate.ts';
import { buildEngine } from '../engine.ts';
import type { Engine, EngineInput, EngineLimits, EngineOutput } from '../engine-types.ts';
import type { Evidence } from '../evidence.ts';
import { decodeFrame } from '../frame.ts';
import { decodeEntry, type InstanceId, isLeaderless, type Subject, type Vote } from '../messages.ts';
import { type FaultBudget, leaderlessThresholds, thresholdsOf } from '../quorum.ts';
import { type Rules, soundRules } from '../rules.ts';

export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
}

/** mulberry32 (Tommy Ettinger, public domain): small, seedable, good enough to schedule tests. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

export interface TestMesh {
  readonly identities: readonly Identity[];
  readonly config: EpochConfig;
  readonly meshId: Uint8Array;
}

export function testMesh(
  identities: readonly Identity[],
  budget: FaultBudget,
  crypto: Crypto,
  options: { weights?: readonly number[]; epoch?: number } = {},
): TestMesh {
  const members = identities.map(({ id }, i) => ({
    id,
    weight: options.weights?.[i] ?? 1,
    name: `node-${i}`,
    site: 'here',
    operator: 'op',
    modelFamily: 'none',
  }));
  members.sort((a, b) => compareText(a.id, b.id));
  const config: EpochConfig = { epoch: options.epoch ?? 0, members, ...budget, previous: new Uint8Array(32) };
  return { identities, config, meshId: crypto.sha256(utf8.encode('test mesh')) };
}

export interface SimOptions {
  readonly mesh: TestMesh;
  readonly crypto: Crypto;
  /** Who runs, where that differs from the members: twins run one identity twice. */
  readonly running?: readonly Identity[];
  readonly seed?: number;
  readonly rules?: Rules;
  readonly baseMs?: number;
  /** One-way delay in milliseconds. */
  readonly delayMs?: (from: number, to: number, nowMs: number, chance: Chance) => number;
  /** False: this frame is lost. Delivered twice where it says 'twice'. */
  readonly delivers?: (from: number, to: number, frame: Uint8Array, nowMs: number, chance: Chance) => boolean | 'twice';
  readonly isValid?: (payload: Uint8Array, node: number) => boolean;
  readonly limits?: Partial<EngineLimits>;
  /** A node's log is rewritten once it holds this many records more than after the last time. Never, by default. */
  readonly rewriteAfter?: number;
}

interface SimNode {
  readonly index: number;
  readonly identity: Identity;
  engine: Engine;
  isUp: boolean;
  /** Counts restarts, so that timers of a former life are void. */
  life: number;
  durable: Uint8Array[];
  /** Records that the last rewriting left. */
  kept: number;
  rewrites: number;
  readonly decided: Map<InstanceId, { value: string; atMs: number; certificate: Certificate; payload: Uint8Array }>;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Sim {
  readonly options: SimOptions;
  readonly nodes: SimNode[];
  readonly chance: Chance;
  readonly evidence: Evidence[] = [];
  readonly refusals: { readonly node: number; readonly from: NodeId; readonly reason: string }[] = [];
  readonly joins: string[] = [];
  /** Every statement any engine ever sent, by signer and slot: more than one text in a slot is a double vote. */
  readonly said = new Map<string, Set<string>>();
  readonly votes: { readonly signer: NodeId; readonly vote: Vote }[] = [];
  readonly certificates: Certificate[] = [];
  messageCount = 0;
  byteCount = 0;
  nowMs = 0;
  /** Called before each output of a node is carried out; true crashes the node right there. */
  crashAt: ((node: number, output: EngineOutput) => boolean) | undefined;
  /** Sees every frame any engine sends, whatever becomes of it. */
  onSend: ((from: number, frame: Uint8Array) => void) | undefined;
  /** Instances in which nobody leads round 0. */
  readonly #leaderless = new Set<InstanceId>();
  #queue: Event[] = [];
  #order = 0;

  constructor(options: SimOptions) {
    this.options = options;
    this.chance = seededChance(options.seed ?? 1);
    this.nodes = (options.running ?? options.mesh.identities).map((identity, index) => ({
      index,
      identity,
      engine: this.#engine(identity),
      isUp: true,
      life: 0,
      durable: [],
      kept: 0,
      rewrites: 0,
      decided: new Map(),
    }));
  }

  #engine(identity: Identity): Engine {
    const { mesh, crypto, baseMs = 100, rules = soundRules, limits = {} } = this.options;
    const { meshId, config } = mesh;
    const timeouts = { baseMs, maxMs: baseMs * 20 };
    return buildEngine({ self: identity, meshId, config, crypto, timeouts, limits }, rules);
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle]!;
      if (other.atMs < atMs || (other.atMs === atMs && other.order < event.order)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, event);
  }

  /** Runs until `isDone` or `untilMs`; true where it was done. */
  run(untilMs: number, isDone: () => boolean = () => false): boolean {
    while (!isDone()) {
      const event = this.#queue[0];
      if (event === undefined || event.atMs > untilMs) {
        this.nowMs = untilMs;
        return isDone();
      }
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
    }
    return true;
  }

  input(index: number, ...inputs: EngineInput[]): void {
    const node = this.nodes[index]!;
    if (!node.isUp) return;
    this.#carryOut(node, node.engine.handleAll(inputs));
    if (!node.isUp || node.durable.length <= node.kept + (this.options.rewriteAfter ?? Number.POSITIVE_INFINITY))
      return;
    node.durable = node.engine.snapshot();
    node.kept = node.durable.length;
    node.rewrites++;
  }

  start(index: number, subject: Subject, payload?: Uint8Array): void {
    if (isLeaderless(subject.domain)) this.#leaderless.add(this.nodes[index]!.engine.instanceId(subject));
    this.input(index, payload === undefined ? { type: 'start', subject } : { type: 'start', subject, payload });
  }

  crash(index: number): void {
    this.nodes[index]!.isUp = false;
    this.nodes[index]!.life++;
  }

  restart(index: number): void {
    const node = this.nodes[index]!;
    if (node.isUp) return;
    node.engine = this.#engine(node.identity);
    node.isUp = true;
    const outputs = node.engine.handleAll(node.durable.map((record) => ({ type: 'restore', record })));
    if (outputs.length > 0) throw new Error('restoring has outputs');
    this.input(index, { type: 'resume' });
  }

  /** Hands a frame over as if `from` had sent it. */
  inject(from: NodeId, to: number, frame: Uint8Array): void {
    this.#observe(frame);
    this.input(to, { type: 'frame', from, bytes: frame });
  }

  #carryOut(node: SimNode, outputs: readonly EngineOutput[]): void {
    const { life } = node;
    for (const output of outputs) {
      if (this.crashAt?.(node.index, output) === true) this.crash(node.index);
      if (!node.isUp || node.life !== life) return;
      this.#carryOutOne(node, output);
    }
  }

  #carryOutOne(node: SimNode, output: EngineOutput): void {
    const { life, index } = node;
    const later = (delayMs: number, input: EngineInput): void =>
      this.at(this.nowMs + delayMs, () => {
        if (node.life === life) this.input(index, input);
      });
    switch (output.type) {
      case 'persist':
        node.durable.push(output.record);
        return;
      case 'send':
        this.#observe(output.frame);
        this.onSend?.(index, output.frame);
        for (const to of this.nodes)
          if (to !== node && (output.to === 'all' || output.to === to.identity.id)) this.#post(node, to, output.frame);
        return;
      case 'timer':
        later(output.delayMs, {
          type: 'timeout',
          instance: output.instance,
          kind: output.kind,
          round: output.round,
        });
        return;
      case 'validate':
        later(0, {
          type: 'validated',
          instance: output.instance,
          value: output.value,
          ok: this.options.isValid?.(output.payload, index) ?? true,
        });
        return;
      case 'decided': {
        const { instance, value, certificate, payload } = output;
        const before = node.decided.get(instance);
        if (before !== undefined && before.value !== value) throw new Error(`node ${index} decided twice`);
        if (before === undefined) node.decided.set(instance, { value, atMs: this.nowMs, certificate, payload });
        this.certificates.push(certificate);
        return;
      }
      case 'evidence':
        this.evidence.push(output.evidence);
        return;
      case 'refused':
        this.refusals.push({ node: index, from: output.from, reason: output.reason });
        return;
      case 'joined':
        this.joins.push(output.instance);
        return;
      case 'wanted':
        return;
    }
  }

  #post(from: SimNode, to: SimNode, frame: Uint8Array): void {
    this.messageCount++;
    this.byteCount += frame.length;
    const verdict = this.options.delivers?.(from.index, to.index, frame, this.nowMs, this.chance) ?? true;
    for (let copy = verdict === 'twice' ? 2 : Number(verdict); copy > 0; copy--) {
      const delayMs = this.options.delayMs?.(from.index, to.index, this.nowMs, this.chance) ?? 10;
      this.at(this.nowMs + delayMs, () =>
        this.input(to.index, { type: 'frame', from: from.identity.id, bytes: frame }),
      );
    }
  }

  #observe(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    const own =
      frame.batch === undefined ? [] : frame.batch.entries.map((entry) => ({ entry, signer: frame.batch!.signer }));
    for (const { entry, signer } of [...own, ...frame.relayed]) {
      const decoded = decodeEntry(entry);
      const { instance, round } = decoded.type === 'vote' ? decoded.vote : decoded.proposal;
      const slot = `${signer} ${instance} ${round} ${decoded.type === 'vote' ? decoded.vote.kind : 'proposal'}`;
      const texts = this.said.get(slot) ?? new Set();
      const text = Buffer.from(entry).toString('hex');
      if (decoded.type === 'vote' && !texts.has(text)) this.votes.push({ signer, vote: decoded.vote });
      this.said.set(slot, texts.add(text));
    }
    for (const certificate of frame.certificates) this.certificates.push(decodeCertificate(certificate));
  }

  // --- what must hold ----------------------------------------------------------------------------------------------------------------

  /** Violations of agreement, of one vote per slot, and of evidence that names an honest node. */
  violations(byzantine: readonly number[] = []): string[] {
    const found: string[] = [];
    const honest = new Set(
      this.nodes.filter(({ index }) => !byzantine.includes(index)).map(({ identity }) => identity.id),
    );
    const values = new Map<InstanceId, string>();
    for (const certificate of this.certificates) {
      if (certificate.kind === 'POLKA') continue;
      const other = values.get(certificate.instance);
      if (other !== undefined && other !== certificate.value)
        found.push(`two values are certified in ${certificate.instance.slice(0, 8)}`);
      values.set(certificate.instance, certificate.value);
    }
    for (const [instance, others] of this.#certifiable()) {
      const value = values.get(instance);
      if (others.size > 1 || (value !== undefined && others.size > 0 && !others.has(value)))
        found.push(`two values could be certified in ${instance.slice(0, 8)} from what was ever said`);
    }
    for (const node of this.nodes) {
      for (const [instance, { value }] of node.decided) {
        if (values.get(instance) !== value) found.push(`node ${node.index} decided what no certificate shows`);
      }
    }
    for (const [slot, texts] of this.said) {
      if (texts.size > 1 && honest.has(slot.split(' ')[0]!)) found.push(`an honest node said two things in ${slot}`);
    }
    for (const { signer, vote } of this.votes) {
      if (vote.kind !== 'precommit' || vote.value === null || !honest.has(signer)) continue;
      if (this.#prevoteWeight(vote) < thresholdsOf(this.options.mesh.config).quorum)
        found.push(`an honest node locked in round ${vote.round} without a polka`);
    }
    for (const { culprit, kind } of this.evidence)
      if (honest.has(culprit)) found.push(`evidence (${kind}) names an honest node`);
    return found;
  }

  /** Values that certificates could be made for from every vote that was ever sent, whether or not anybody did. */
  #certifiable(): Map<InstanceId, Set<string>> {
    const { config } = this.options.mesh;
    const weights = new Map(config.members.map(({ id, weight }) => [id, weight]));
    const signers = new Map<string, { readonly vote: Vote; readonly by: Set<NodeId> }>();
    for (const { signer, vote } of this.votes) {
      const { kind, instance, round, value } = vote;
      if (value === null || (kind === 'prevote' && round > 0)) continue;
      const key = `${instance} ${kind} ${round} ${value}`;
      const known = signers.get(key) ?? { vote, by: new Set() };
      signers.set(key, known);
      known.by.add(signer);
    }
    const found = new Map<InstanceId, Set<string>>();
    for (const { vote, by } of signers.values()) {
      const { quorum, fast } = this.#leaderless.has(vote.instance)
        ? leaderlessThresholds(thresholdsOf(config))
        : thresholdsOf(config);
      const weight = [...by].reduce((sum, id) => sum + (weights.get(id) ?? 0), 0);
      if (weight >= (vote.kind === 'prevote' ? fast : quorum))
        found.set(vote.instance, (found.get(vote.instance) ?? new Set()).add(vote.value!));
    }
    return found;
  }

  #prevoteWeight({ instance, round, value }: Vote): number {
    const same = this.votes.filter(
      ({ vote }) =>
        vote.kind === 'prevote' && vote.instance === instance && vote.round === round && vote.value === value,
    );
    const signers = new Set(same.map(({ signer }) => signer));
    return this.options.mesh.config.members.reduce((sum, { id, weight }) => sum + (signers.has(id) ? weight : 0), 0);
  }
}
