// Law: a run is told in one line: its verdict, what broke first, and everything needed to see it again.
import type { RunResult } from './run.ts';
import { sourceHash } from './source-hash.ts';

/** `command` shows the run again; a seed is worth something only beside the code it ran. */
export function lineOf(result: RunResult, seed: number, command: string): string {
  const { verdict, violations, events, hash, virtualMs, workflows } = result;
  const laws = [...new Set(violations.map(({ law }) => law))].join(',');
  const head = verdict === 'ok' ? 'ok  ' : `FAIL laws=${laws}`;
  const { completed, failed, accepted } = workflows;
  return `${head} seed=${seed} code=${sourceHash()} node=${process.versions.node} events=${events} t=${(virtualMs / 1_000).toFixed(1)}s hash=${hash} workflows=${completed}+${failed}/${accepted} → ${command}`;
}

/** As `lineOf`, with the first violation in words. */
export function missedLine(result: RunResult, seed: number, command: string): string {
  const [first] = result.violations;
  return `${lineOf(result, seed, command)}${first === undefined ? '' : `\n  ${first.law} at ${first.atMs} ms: ${first.text}`}`;
}
