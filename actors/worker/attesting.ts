// Law: a node attests to every candidate of an attempt it is asked about, once, by its own result and under the plan's relation. Equal digests
// need no bytes; where likeness is measured, or a judge is asked, the candidate's bytes are fetched first, so whoever agrees also holds them.
// What a judge said of some bytes is kept until it is on the record: asked again it might say otherwise, and nobody signs both.
import {
  attestations,
  comparedBytesMax,
  type Judgement,
  type Relation,
  type TaskTerms,
} from '../../consensus/index.ts';
import { equalBytes, hex } from '../../protocols/wire/index.ts';
import type { Parts } from '../parts/index.ts';
import type { Context } from '../system/index.ts';
import {
  type AttemptRecord,
  answers,
  type BoundCall,
  boundCall,
  relationOfTask,
  termsOf,
  type WorkflowEntry,
  type WorkflowRecord,
} from '../workflow/index.ts';
import type { RunOutcome } from './runs.ts';

/** What a node found itself. */
export type OwnResult = Pick<Exclude<RunOutcome, { kind: 'fault' }>, 'kind' | 'digest' | 'sizeBytes' | 'durationMs'>;
type Candidate = AttemptRecord['candidates'] extends Map<string, infer Held> ? Held : never;

/** A candidate with what this node is to say of it. */
export interface Comparison {
  readonly workflow: string;
  readonly digest: string;
  readonly terms: TaskTerms;
  readonly judgement: Judgement;
  /** Of what the node found itself; of judges, of what its judge said. */
  readonly ownDigest: Uint8Array;
  readonly durationMs: number;
  /** Of a judge: why, for people. */
  readonly said?: string | undefined;
}

type Found = Pick<Comparison, 'judgement' | 'ownDigest' | 'durationMs' | 'said'>;

/** Comparisons under way and just made, by what they are of, and when those that failed may be tried again. */
export class Comparing {
  readonly #busy = new Set<string>();
  readonly #found = new Map<string, Found>();
  readonly #notBeforeMs = new Map<string, number>();

  begin(key: string, nowMs: number, runningMax: number): boolean {
    if (this.#busy.has(key) || this.#busy.size >= runningMax || nowMs < (this.#notBeforeMs.get(key) ?? 0)) return false;
    this.#busy.add(key);
    return true;
  }

  end(key: string, found: Found): void {
    this.#busy.delete(key);
    this.#notBeforeMs.delete(key);
    if (this.#found.size >= foundMax) this.#found.delete(this.#found.keys().next().value!);
    this.#found.set(key, found);
  }

  found(key: string): Found | undefined {
    return this.#found.get(key);
  }

  failed(key: string, nowMs: number): void {
    this.#busy.delete(key);
    if (this.#notBeforeMs.size >= waitingMax) this.#notBeforeMs.clear();
    this.#notBeforeMs.set(key, nowMs + againMs);
  }
}

const againMs = 2_000;
const waitingMax = 10_000;
/** Until they are on the record, which takes one write to the disk. */
const foundMax = 1_000;
/** Fetches and judgements at the same time. */
const runningMax = 8;

export type ComparingMessage =
  | { readonly type: 'compared'; readonly key: string; readonly comparison: Comparison }
  | { readonly type: 'not-compared'; readonly key: string; readonly message: string };

export interface Attester {
  readonly parts: Parts;
  readonly comparing: Comparing;
  /** This node's own result of the attempt, where it has one. */
  readonly own: OwnResult | undefined;
  readonly record: (key: string, entry: WorkflowEntry) => void;
}

/** Says its word on every candidate of the attempt that it can say one on, or begins to find out. */
export function attest(
  attester: Attester,
  workflow: WorkflowRecord,
  task: string,
  attempt: AttemptRecord,
  ctx: Context<ComparingMessage>,
): void {
  const { parts, own, comparing } = attester;
  const self = parts.identity.id;
  // A worker's judgement weighs nothing: it makes none.
  if (parts.chain.member(self, workflow.opened!.epoch) === undefined) return;
  const open = [...attempt.candidates].filter(
    ([executor, { digest }]) => executor !== self && !attempt.attestations.has(`${self}|${digest}`),
  );
  const call = open.length === 0 ? undefined : boundCall(workflow, task);
  if (call === undefined) return;
  const relation = relationOfTask(call.task, parts.world.crypto);
  const isAsked = attempt.executors.has(self) || attempt.verifiers.has(self);
  if (own === undefined && !(isAsked && relation.judging !== undefined)) return;
  const terms = termsOf(workflow, task, attempt.attempt, {
    chain: parts.chain,
    crypto: parts.world.crypto,
    skillVersion: (skill) => parts.manifests.find(({ name }) => name === skill)?.version,
  });
  if (terms === undefined) return;
  for (const [executor, held] of open) {
    if (!answers(held.candidate, terms)) continue;
    const about = { workflow: workflow.workflow, digest: held.digest, terms };
    const atOnce = byDigest(held, own, relation);
    if (atOnce !== undefined) {
      const { digest: ownDigest, durationMs } = own!;
      sign(attester, { ...about, judgement: atOnce, ownDigest, durationMs });
      continue;
    }
    const before = relation.judging === undefined ? undefined : ownJudgementOf(attempt, self, held);
    if (before !== undefined) {
      const { verdict, score, ownDigest } = before.attestation;
      sign(attester, {
        ...about,
        judgement: { verdict, score },
        ownDigest,
        durationMs: before.durationMs,
        said: before.said,
      });
      continue;
    }
    if (own === undefined && held.candidate.outcome === 'failure') continue;
    // A judge is asked once about the same bytes, whoever made them: asked again, a model might say something else.
    const asked = relation.judging === undefined ? held.digest : hex.encode(held.candidate.resultDigest);
    const key = `${workflow.workflow}|${task}|${attempt.attempt}|${asked}`;
    const { clock } = parts.world;
    const found = comparing.found(key);
    if (found !== undefined) {
      sign(attester, { ...about, ...found });
      continue;
    }
    if (!comparing.begin(key, clock.monotonicMs(), runningMax)) continue;
    ctx.pipe(
      async (signal) => {
        const startedMs = clock.monotonicMs();
        const on = { workflow: workflow.workflow, relation, call, executor, own };
        const compared = await compare(parts, on, held, signal);
        return { ...about, ...compared, durationMs: clock.monotonicMs() - startedMs };
      },
      (comparison) => ({ type: 'compared', key, comparison }),
      (error) => ({ type: 'not-compared', key, message: error.message }),
    );
  }
}

/** What this node signed of the same result by another executor. */
function ownJudgementOf(attempt: AttemptRecord, self: string, { candidate }: Candidate) {
  for (const { candidate: other, digest } of attempt.candidates.values())
    if (other.outcome === candidate.outcome && equalBytes(other.resultDigest, candidate.resultDigest)) {
      const said = attempt.attestations.get(`${self}|${digest}`);
      if (said !== undefined) return said;
    }
  return undefined;
}

/** What digests alone say, or undefined where the bytes have to be looked at. */
function byDigest(held: Candidate, own: OwnResult | undefined, relation: Relation): Judgement | undefined {
  if (own === undefined) return undefined;
  const { outcome, resultDigest, sizeBytes } = held.candidate;
  const isSame = outcome === own.kind && sizeBytes === own.sizeBytes && equalBytes(own.digest, resultDigest);
  const areResults = outcome === 'result' && own.kind === 'result';
  if (relation.judging !== undefined && outcome === 'result') return undefined;
  if (isSame) return { verdict: 1, score: 0 };
  return areResults && relation.id !== 'exact' ? undefined : relation.differs;
}

async function compare(
  parts: Parts,
  asked: {
    readonly workflow: string;
    readonly relation: Relation;
    readonly call: BoundCall;
    readonly executor: string;
    readonly own: OwnResult | undefined;
  },
  { candidate }: Candidate,
  signal: AbortSignal,
): Promise<Pick<Comparison, 'judgement' | 'ownDigest' | 'said'>> {
  const { blobs, world } = parts;
  const { workflow, relation, call, executor, own } = asked;
  const ref = { digest: hex.encode(candidate.resultDigest), sizeBytes: candidate.sizeBytes };
  if (relation.judging === undefined && candidate.sizeBytes > comparedBytesMax)
    return { judgement: relation.differs, ownDigest: own!.digest };
  await blobs.obtain(ref, [executor]);
  if (relation.judging === undefined) {
    const mine = await read(parts, hex.encode(own!.digest));
    return { judgement: relation.compare(mine, await read(parts, ref.digest)), ownDigest: own!.digest };
  }
  const { skill, input } = relation.judging;
  const files = { ...call.files, [judgedFileName]: ref };
  for (const file of Object.values(call.files)) await blobs.obtain(file, [executor]);
  const outcome = await world.sandbox.run(
    { skill, input, files, workflow },
    { timeoutMs: call.task.timeoutMs, signal },
  );
  if (outcome.kind === 'fault') throw new Error(`the judge ${skill} did not run: ${outcome.code} ${outcome.message}`);
  const said = outcome.kind === 'result' ? outcome.output : new Uint8Array(0);
  // Kept: whoever asks why a judge said so has its digest, under the judge's signature.
  await world.storage.blobs.write(once(said));
  const why = outcome.kind === 'failure' ? outcome.message : reasonsIn(said);
  return { judgement: relation.compare(said, said), ownDigest: world.crypto.sha256(said), said: why };
}

const saidMaxChars = 500;

/** What a judge gives as its "reasons", where it gives some. */
function reasonsIn(said: Uint8Array): string | undefined {
  try {
    const { reasons } = JSON.parse(Buffer.from(said).toString('utf8')) as { readonly reasons?: unknown };
    const texts = Array.isArray(reasons) ? reasons.filter((reason) => typeof reason === 'string') : [];
    return texts.length === 0 ? undefined : texts.join('; ').slice(0, saidMaxChars).toWellFormed();
  } catch {
    return undefined;
  }
}

/** What a judge finds the candidate under, beside the files of the call. */
const judgedFileName = 'candidate.json';

async function read(parts: Parts, digest: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of parts.world.storage.blobs.read(digest)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

export function sign({ parts, record }: Pick<Attester, 'parts' | 'record'>, comparison: Comparison): void {
  const { world, identity, chain } = parts;
  const { terms, digest, judgement, ownDigest, workflow, durationMs, said } = comparison;
  const { meshId, epoch, planDigest, task, attempt, callDigest, relation } = terms;
  const attestation = attestations.sign(
    {
      meshId,
      epoch,
      workflow: terms.workflow,
      planDigest,
      task,
      attempt,
      callDigest,
      candidateDigest: hex.decode(digest),
      relation: { id: relation.id, version: relation.version, paramsHash: relation.paramsHash },
      ...judgement,
      ownDigest,
      modelFamily: chain.member(identity.id, epoch)?.modelFamily ?? 'none',
      verifier: identity.id,
    },
    identity.secretKey,
    world.crypto,
  );
  record(`attestation|${workflow}|${task}|${attempt}|${digest}`, {
    kind: 'attestation',
    workflow,
    task,
    attempt,
    attestation: attestations.encode(attestation),
    ...(said === undefined ? {} : { said: said.slice(0, saidMaxChars).toWellFormed() }),
    durationMs,
    atMs: world.clock.wallMs(),
  });
}
