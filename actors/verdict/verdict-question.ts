// Law: a member votes for a decision only if it is borne out by members' signed statements and answers exactly what the plan asks at this
// point of the record. It recomputes nothing and asks no model.
import {
  decodeDecision,
  encodeCertificate,
  judgeAgainstTerms,
  judgeDecision,
  readVerdictKey,
  type Subject,
  verdictKey,
} from '../../consensus/index.ts';
import { equalBytes, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Question } from '../consensus/index.ts';
import type { Parts } from '../parts/index.ts';
import { termsOf } from '../workflow/index.ts';

export function verdictQuestion(parts: Parts): Question {
  const { board, chain, world } = parts;
  const { crypto } = world;
  const workflowOf = (subject: Subject): string => hex.encode(readVerdictKey(subject.key).workflow);
  return {
    domain: 'verdict',
    workflowOf,
    judge(subject, payload, epoch) {
      try {
        const decision = decodeDecision(payload, crypto);
        if (!equalBytes(subject.key, verdictKey(decision)))
          return { ok: false, reason: 'the decision is about another task attempt than its instance' };
        const config = chain.config(epoch);
        if (config === undefined || decision.epoch !== epoch)
          return { ok: false, reason: 'the decision is of another epoch than its instance' };
        const sound = judgeDecision(decision, { config, meshId: chain.meshId }, crypto);
        if (!sound.ok) return sound;
        const record = board.get(hex.encode(decision.workflow));
        if (record?.opened === undefined) return 'unknown';
        const terms = termsOf(record, decision.task, decision.attempt, {
          chain,
          crypto,
          skillVersion: (skill) => parts.manifests.find(({ name }) => name === skill)?.version,
        });
        if (terms === undefined) return 'unknown';
        return judgeAgainstTerms(decision, terms);
      } catch (error) {
        if (error instanceof MalformedBytes) return { ok: false, reason: error.message };
        throw error;
      }
    },
    decided({ payload, certificate }) {
      const decision = decodeDecision(payload, crypto);
      board.decided(hex.encode(decision.workflow), {
        decision,
        decisionBytes: payload,
        certificate,
        certificateBytes: encodeCertificate(certificate),
      });
    },
    voted({ subject, signer, vote: { kind, round, value } }) {
      const { workflow, task, attempt } = readVerdictKey(subject.key);
      const id = hex.encode(workflow);
      parts.events.emit(id, {
        key: `vote|${task}|${attempt}|${signer}|${kind}|${round}`,
        atMs: world.clock.wallMs(),
        type: 'vote',
        task,
        attempt,
        node: chain.nameOf(signer),
        kind,
        round,
        value,
      });
    },
  };
}
