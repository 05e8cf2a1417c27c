// Law: what a scenario expects is judged by the run's own meters, and what it misses is a violation like any other, with the figure.
import { quantile, type Violation } from '../check/index.ts';
import type { RunResult } from '../run.ts';
import type { Expectations } from './schema.ts';

export function missed(expected: Expectations, result: RunResult): Violation[] {
  const { meters, workflows, events, virtualMs } = result;
  const found: Violation[] = [];
  const miss = (text: string): void =>
    void found.push({ law: 'expectation', atMs: Math.round(virtualMs), event: events, node: -1, text });
  const { completed, p50, p99, messagesPerDecision, reached } = expected;
  if (completed !== undefined) {
    const due = workflows.completed + workflows.failed;
    if (due === 0) miss('no workflow came to an end');
    else if (workflows.completed / due < completed)
      miss(`${workflows.completed} of ${due} workflows completed; expected a share of ${completed}`);
  }
  for (const [share, mostMs, words] of [
    [0.5, p50, 'p50'],
    [0.99, p99, 'p99'],
  ] as const) {
    if (mostMs === undefined) continue;
    const ms = quantile(meters.completedMs, share);
    if (!(ms <= mostMs)) miss(`${words} of completed workflows is ${Math.round(ms)} ms; expected at most ${mostMs} ms`);
  }
  if (messagesPerDecision !== undefined) {
    const each = meters.messages / meters.decisions;
    if (!(each <= messagesPerDecision))
      miss(`${each.toFixed(1)} messages per decision; expected at most ${messagesPerDecision}`);
  }
  for (const name of reached) if (!result.reached.includes(name)) miss(`never reached: ${name}`);
  return found;
}

export function judged(expected: Expectations | undefined, result: RunResult): RunResult {
  const more = expected === undefined ? [] : missed(expected, result);
  return more.length === 0 ? result : { ...result, verdict: 'violation', violations: [...result.violations, ...more] };
}
