// Law: honest nodes hold the same decisions and the same ends; what is accepted is what an honest computation gives, and what is refused is
// what it refuses; a completed workflow has a certificate that anyone can check.
import { buildCertificateFile, verifyCertificateFile } from '../../actors/proof/index.ts';
import { boundCall, type WorkflowRecord } from '../../actors/workflow/index.ts';
import { failureDigest, isRefusal } from '../../consensus/index.ts';
import { equalBytes, hex } from '../../protocols/wire/index.ts';
import type { SimNode } from '../node.ts';
import { honestOutcome } from '../sandbox.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import type { Epochs } from './epochs.ts';
import { isOpenedHonestly } from './settled.ts';
import type { Book } from './violations.ts';

export interface ResultCheckOptions {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly epochs: Epochs;
  readonly isHonest: (index: number) => boolean;
}

export interface ResultCheck extends Watcher {
  /** Once nothing happens any more at these: their ends are alike, and what completed has a certificate. */
  finish(core: readonly SimNode[]): void;
}

export function createResultCheck({ swarm, book, epochs, isHonest }: ResultCheckOptions): ResultCheck {
  const { crypto } = swarm;
  const decisions = new Map<string, { readonly digest: string; readonly by: string }>();
  const ends = new Map<string, { readonly state: string; readonly by: string }>();
  /** Ends seen, per workflow, node and life. */
  const seen = new Map<string, string>();
  const dishonestSites = (): Set<string> =>
    new Set(swarm.nodes.filter(({ index }) => !isHonest(index)).map(({ site }) => site));

  const expected = (record: WorkflowRecord, taskId: string) => {
    const call = boundCall(record, taskId);
    if (call === undefined) return undefined;
    const { task } = call;
    if (task.placement === undefined) return honestOutcome({ ...call, skill: task.skill }, crypto);
    const { site } = task.placement;
    // A site's own word is worth what its members are worth.
    if (dishonestSites().has(site)) return undefined;
    const dataSet = swarm.nodes.find((node) => node.site === site)?.dataSets[0];
    if (dataSet === undefined) return undefined;
    const blob = { digest: hex.encode(crypto.sha256(dataSet.content)), sizeBytes: dataSet.content.length };
    return honestOutcome(
      {
        input: { ...(call.input as object), minimumGroupSize: 1 },
        files: { ...call.files, [`${dataSet.name}.csv`]: blob },
      },
      crypto,
    );
  };

  const checkDecision = (node: SimNode, record: WorkflowRecord, taskId: string, attempt: number): void => {
    const certified = record.tasks.get(taskId)?.attempts.get(attempt)?.certified;
    if (certified === undefined) return;
    const { decision, decisionBytes } = certified;
    const place = `${record.workflow}|${taskId}|${attempt}`;
    const digest = hex.encode(crypto.sha256(decisionBytes));
    const known = decisions.get(place);
    if (known === undefined) decisions.set(place, { digest, by: node.name });
    else if (known.digest !== digest)
      book.break('one-decision', `${node.name} holds another decision of ${taskId}#${attempt} than ${known.by}`);
    const { votes, kind, epoch } = certified.certificate;
    const electorate = epochs.electorate(epoch);
    const weight = electorate?.weigh(votes.map(({ signer }) => signer)) ?? 0;
    if (electorate === undefined || weight < (kind === 'FAST' ? electorate.fast : electorate.quorum))
      book.break(
        'certificate',
        `${node.name} holds ${kind} of ${taskId}#${attempt} with weight ${weight} of epoch ${epoch}`,
      );
    if (decision.kind === 'REASSIGN') return;
    const honest = expected(record, taskId);
    if (honest === undefined) return;
    if (isRefusal(decision))
      return void book.break('honest-result', `${taskId}#${attempt} was refused by judges, and its plan asks none`);
    const isAccept = decision.kind === 'ACCEPT';
    if (isAccept !== (honest.kind === 'result'))
      return void book.break(
        'honest-result',
        `${taskId}#${attempt} was decided ${decision.kind}, and honest nodes find a ${honest.kind}`,
      );
    const wanted =
      honest.kind === 'result'
        ? crypto.sha256(honest.output)
        : failureDigest({ code: honest.code, message: honest.message }, crypto);
    if (!equalBytes(decision.resultDigest, wanted))
      book.break(
        'honest-result',
        `${taskId}#${attempt} was decided ${decision.kind} with a digest that no honest node found`,
      );
  };

  return {
    board(node, { record, entry }) {
      if (!isHonest(node.index)) return;
      if (entry.kind === 'decided') checkDecision(node, record, entry.task, entry.attempt);
      const { ended, workflow } = record;
      if (ended === undefined) return;
      const life = `${workflow}|${node.index}|${node.lives}`;
      const before = seen.get(life);
      seen.set(life, ended.state);
      // What is certified outlives a cancellation that came too late; nothing else changes an end.
      if (before !== undefined && before !== ended.state && before !== 'cancelled')
        book.break('ends-once', `${node.name} ended ${workflow.slice(0, 12)} as ${before} and then as ${ended.state}`);
      if (ended.state === 'cancelled') return;
      const known = ends.get(workflow);
      if (known === undefined) ends.set(workflow, { state: ended.state, by: node.name });
      else if (known.state !== ended.state)
        book.break(
          'ends-alike',
          `${workflow.slice(0, 12)} ${known.state} at ${known.by} and ${ended.state} at ${node.name}`,
        );
    },
    finish(core) {
      const last = new Map<string, { readonly state: string; readonly by: string }>();
      for (const { name, process } of core) {
        if (process === undefined) continue;
        const { board, chain, events } = process.composed.parts;
        for (const record of board.all()) {
          const state = record.ended?.state ?? 'running';
          const other = last.get(record.workflow);
          last.set(record.workflow, { state, by: name });
          if (other !== undefined && other.state !== state && isOpenedHonestly(record, { swarm, isHonest }))
            book.break(
              'ends-alike',
              `${record.workflow.slice(0, 12)} is ${other.state} at ${other.by} and ${state} at ${name}`,
            );
          const told = events.list(record.workflow).filter(({ type }) => type === 'ended').length;
          if (told > 1)
            book.break('ends-once', `${name} told the end of ${record.workflow.slice(0, 12)} ${told} times`);
          if (record.ended?.state !== 'completed') continue;
          const file = buildCertificateFile(record, chain);
          if (file === undefined) {
            book.break('certificate', `${name} has no certificate of completed ${record.workflow.slice(0, 12)}`);
            continue;
          }
          const verdict = verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex });
          if (!verdict.ok)
            book.break(
              'certificate',
              `${name}: the certificate of ${record.workflow.slice(0, 12)} does not hold: ${verdict.reason}`,
            );
        }
      }
    },
  };
}
