// Law: a certificate file proves its result, or that there is none, or is refused with the reason; there is no other answer. Needs no network, no node and no
// clock: the mesh id is the only thing a verifier has to know beforehand, and everything else in the file must lead back to it.
import {
  decodeCertificate,
  decodeDecision,
  endorsementInWords,
  judgeAgainstTerms,
  judgeGenesis,
  verifyConfigLink,
  verifyDecided,
} from '../../consensus/index.ts';
import { createMeshChain, decodeConfig, decodeGenesis, type MeshChain } from '../../protocols/mesh/index.ts';
import { equalBytes, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import { canonicalBytes, decodePlan, planDigest } from '../plan/index.ts';
import type { Crypto } from '../system/index.ts';
import {
  attemptOf,
  type Certified,
  emptyRecord,
  progressOf,
  resultBlob,
  taskStatus,
  termsOf,
  workflowId,
} from '../workflow/index.ts';
import { certifiedEntriesOf, fromBase64 } from './entries.ts';
import { type About, type CertificateFile, readFile, renderFile } from './file.ts';
import { checkLogged, type Logged } from './logged.ts';
import { Refused } from './refused.ts';
import { about } from './words.ts';

export interface VerifyOptions {
  readonly crypto: Crypto;
  /** The result whose digest must be the certified one. */
  readonly result?: Uint8Array;
  /** Lower-case hex: the mesh the verifier trusts. Without it the file can only speak for the mesh it names itself. */
  readonly meshId?: string;
  /** The epoch that the verifier knows the mesh to be in: certificates of earlier ones count only under the log that closed theirs. */
  readonly currentEpoch?: number;
}

export type Verification =
  | {
      readonly ok: true;
      /** What is proven, in words. */
      readonly lines: readonly string[];
      readonly about: About;
      /** The verifier named the mesh, rather than the file. */
      readonly isAnchored: boolean;
    }
  | { readonly ok: false; readonly reason: string; readonly hint?: string };

export function verifyCertificateFile(bytes: Uint8Array, options: VerifyOptions): Verification {
  try {
    return verify(bytes, options);
  } catch (error) {
    if (error instanceof Refused)
      return { ok: false, reason: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
    if (error instanceof MalformedBytes || (error as Error).name === 'PlanInvalid')
      return { ok: false, reason: `a part of it is malformed: ${(error as Error).message}` };
    throw error;
  }
}

function verify(bytes: Uint8Array, options: VerifyOptions): Verification {
  const { crypto } = options;
  const read = readFile(bytes);
  if (!read.ok) throw new Refused(read.reason);
  const { file } = read;
  const chain = chainOf(file.mesh, crypto);
  if (options.meshId !== undefined && options.meshId !== chain.meshIdHex) {
    throw new Refused(
      `it is of mesh ${chain.meshIdHex}, not of mesh ${options.meshId}`,
      'A certificate is worth what its mesh is worth: compare the id with the one `parley status` shows.',
    );
  }
  const config = chain.config(file.opened.epoch);
  if (config === undefined)
    throw new Refused(`it names epoch ${file.opened.epoch}, and its chain of configs ends at ${chain.current.epoch}`);
  if (chain.current.epoch !== file.opened.epoch)
    throw new Refused('its chain of configs goes beyond the epoch that decided');

  const plan = decodePlan(canonicalBytes(file.plan));
  const digest = planDigest(plan, crypto);
  const workflow = workflowId(
    { meshId: chain.meshId, epoch: file.opened.epoch, idempotencyKey: file.opened.idempotencyKey, planDigest: digest },
    crypto,
  );
  const record = emptyRecord(workflow);
  record.opened = {
    gateway: config.members[0]!.id,
    idempotencyKey: file.opened.idempotencyKey,
    words: plan.goal,
    plan,
    planDigest: digest,
    epoch: file.opened.epoch,
    approved: true,
    atMs: 0,
  };

  const decided: Certified[] = [];
  const electorate = { config, meshId: chain.meshId };
  for (const item of file.decisions) {
    const decisionBytes = fromBase64(item.decision);
    const certificateBytes = fromBase64(item.certificate);
    const decision = decodeDecision(decisionBytes, crypto);
    const certificate = decodeCertificate(certificateBytes);
    const name = `the decision on ${decision.task}, attempt ${decision.attempt}`;
    if (hex.encode(decision.workflow) !== workflow || hex.encode(decision.planDigest) !== digest)
      throw new Refused(`${name} is about another workflow or plan than the one in the file`);
    const check = verifyDecided(certificate, { decision, bytes: decisionBytes }, electorate, crypto);
    if (!check.ok) throw new Refused(`${name} is not proven: ${check.reason}`);
    const attempt = attemptOf(record, decision.task, decision.attempt);
    if (attempt.certified !== undefined) throw new Refused(`${name} stands in the file twice`);
    attempt.certified = { decision, decisionBytes, certificate, certificateBytes };
    decided.push(attempt.certified);
  }
  checkTerms(decided, record, chain, crypto);

  const progress = progressOf(record);
  const saysNoResult = file.format.startsWith('parley-no-result');
  if (progress.kind !== 'done' && progress.kind !== 'failed')
    throw new Refused('decisions are missing: the plan’s result does not follow from those in the file');
  if (progress.kind === 'failed' && !saysNoResult) throw new Refused(`its workflow failed: ${progress.message}`);
  if (progress.kind === 'done' && saysNoResult) throw new Refused('its workflow has a result');
  const end = progress.kind === 'done' ? progress.result : progress.certified;
  const expected = plan.tasks.reduce(
    (count, task) => count + (record.tasks.has(task.id) ? taskStatus(record, task).attempt + 1 : 0),
    0,
  );
  if (expected !== decided.length) throw new Refused('it holds decisions that its result does not rest on');
  const blob = resultBlob(end.decision);
  if (options.result !== undefined) {
    if (progress.kind === 'failed' || blob === undefined)
      throw new Refused(
        'it proves that there is no result, so nothing is certified of the one given',
        'Without a result to compare, parley verify says what it proves.',
      );
    const given = hex.encode(crypto.sha256(options.result));
    if (given !== blob.digest)
      throw new Refused(
        `the result given (SHA-256 ${given}) is not the certified one (${blob.digest})`,
        'The file was changed after it was certified, or it is another result.',
      );
  }
  const described = about({
    chain,
    workflow,
    plan,
    epoch: file.opened.epoch,
    decided,
    end,
    failed: progress.kind === 'failed' ? progress.message : undefined,
    basis: endorsementInWords(end.decision, config),
  });
  const rendered = renderFile({ ...(file as CertificateFile), about: described, plan });
  if (!equalBytes(rendered, bytes))
    throw new Refused('its readable part does not say what its signatures prove, or its spelling was changed');
  const logged =
    file.audit && checkLogged(file.audit, certifiedEntriesOf(file.decisions), config, chain.meshId, crypto);
  if ((options.currentEpoch ?? 0) > config.epoch && logged?.isClosed !== true)
    throw new Refused(
      `it is of epoch ${config.epoch}, which is over, and does not show that its decisions stand in the log that closed it`,
      'Keys of an epoch that is over may be in other hands. Ask a node to add the proof: parley audit prove FILE --embed.',
    );
  const lines = [
    ...linesOf(described, options),
    ...(logged === undefined ? [] : [loggedInWords(logged, config.epoch)]),
  ];
  return { ok: true, about: described, isAnchored: options.meshId !== undefined, lines };
}

function loggedInWords({ size, weight, isClosed }: Logged, epoch: number): string {
  const closed = isClosed ? ', which closed it' : '';
  return `logged   in the audit log of epoch ${epoch}, under its checkpoint at size ${size}${closed}, cosigned by weight ${weight}`;
}

/** The chain of configs in a file, each link proven by the one before it. */
export function chainOf(mesh: CertificateFile['mesh'], crypto: Crypto): MeshChain {
  const genesis = decodeGenesis(fromBase64(mesh.genesis));
  const founding = judgeGenesis(genesis);
  if (!founding.ok) throw new Refused(`its mesh is not sound: ${founding.reason}`);
  const chain = createMeshChain(genesis, crypto);
  for (const link of mesh.configs) {
    const config = decodeConfig(fromBase64(link.config));
    const certificate = fromBase64(link.certificate);
    const check = verifyConfigLink(config, certificate, chain.current, chain.meshId, crypto);
    if (!check.ok) throw new Refused(`the members of epoch ${config.epoch} are not proven: ${check.reason}`);
    chain.append({ config, certificate }, true);
  }
  return chain;
}

/** Every decision answers the very call that the plan and the decisions before it define. */
function checkTerms(
  decided: readonly Certified[],
  record: ReturnType<typeof emptyRecord>,
  chain: MeshChain,
  crypto: Crypto,
): void {
  for (const { decision } of decided) {
    // The skill's version is what the members attested to; a verifier years later need not have the skill at all.
    const skillVersion = decision.kind === 'REASSIGN' ? '' : decision.skillVersion;
    const terms = termsOf(record, decision.task, decision.attempt, { chain, crypto, skillVersion: () => skillVersion });
    if (terms === undefined)
      throw new Refused(`the decision on ${decision.task} rests on outputs that are not in the file`);
    const verdict = judgeAgainstTerms(decision, terms);
    if (!verdict.ok) throw new Refused(`the decision on ${decision.task} does not answer the plan: ${verdict.reason}`);
  }
}

function linesOf(described: About, options: VerifyOptions): string[] {
  return [
    `"${described.goal}"`,
    described.failed === undefined
      ? `result   SHA-256 ${described.resultDigest} (${described.resultSizeBytes} bytes)${options.result === undefined ? '' : ': the file given is this result'}`
      : `result   NONE: ${described.failed}`,
    `basis    ${described.basis}`,
    `decided  by the votes of ${described.decidedBy.toSorted().join(', ')}`,
    `holds    ${described.tolerance}`,
    ...described.tasks.map((line) => `task     ${line}`),
    `mesh     ${described.meshName} ${described.meshId}${options.meshId === undefined ? ' (as the file names it; give --mesh to check that it is yours)' : ' (the one you named)'}`,
  ];
}
