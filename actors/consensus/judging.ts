// Law: whether a payload is valid is its question's to say. What cannot be judged yet waits, within bounds, until a record that it may speak
// of has changed; each judgement costs signatures, so it is asked for then and not before.
import type { EngineOutput, InstanceId, Subject } from '../../consensus/index.ts';
import type { Question } from './question.ts';
import type { KeeperState } from './state.ts';

const unjudgedMax = 4_096;

/** The judgement waits in the epoch's queue for the engine's next call. */
export function judge(state: KeeperState, epoch: number, output: Extract<EngineOutput, { type: 'validate' }>): void {
  const verdict = questionOf(state, output.subject)?.judge(output.subject, output.payload, epoch) ?? {
    ok: false,
    reason: 'nobody here asks that',
  };
  if (verdict === 'unknown') {
    const key = `${epoch}|${output.instance}|${output.value}`;
    // The oldest makes room: a member that proposes without end what nobody can judge keeps nothing else out.
    if (state.unjudged.size >= unjudgedMax) state.unjudged.delete(state.unjudged.keys().next().value!);
    state.unjudged.set(key, { ...output, epoch });
    return;
  }
  if (!verdict.ok)
    state.parts.world.log('info', 'a proposal was refused', { instance: output.instance, reason: verdict.reason });
  const { instance, value } = output;
  state.epochs.get(epoch)?.inputs.push({ type: 'validated', instance, value, ok: verdict.ok });
}

/** Judges again what could not be judged, where `isDue` says so of the workflow it is about. */
export function rejudge(state: KeeperState, isDue: (workflow: string | undefined) => boolean): void {
  // A copy: what cannot be judged yet is put back, and a Map's own iteration would come upon it again without end.
  for (const [key, waiting] of [...state.unjudged]) {
    if (!isDue(questionOf(state, waiting.subject)?.workflowOf?.(waiting.subject))) continue;
    state.unjudged.delete(key);
    judge(state, waiting.epoch, waiting);
  }
}

export function forgetUnjudged(state: KeeperState, epoch: number, instance: InstanceId): void {
  for (const key of [...state.unjudged.keys()]) if (key.startsWith(`${epoch}|${instance}|`)) state.unjudged.delete(key);
}

/** Members that went silent since the last look: rounds they lead are waited for less. */
export function noteSuspects({ parts, suspected, epochs }: KeeperState): void {
  for (const { id } of parts.chain.current.members) {
    if (parts.view.isLive(id)) {
      suspected.delete(id);
    } else if (!suspected.has(id)) {
      suspected.add(id);
      for (const { inputs } of epochs.values()) inputs.push({ type: 'suspect', node: id });
    }
  }
}

export function questionOf(state: KeeperState, subject: Subject): Question | undefined {
  return state.questions.find(({ domain }) => domain === subject.domain);
}

export function isOver({ questions }: KeeperState, epoch: number): boolean {
  return questions.some((question) => question.isOver?.(epoch) === true);
}
