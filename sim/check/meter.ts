// Law: what a run cost and how long its clients waited is counted from outside: messages as they were handed to the network, time by the
// virtual clock.
import type { Submission, Watcher } from '../swarm.ts';

export interface TypeCount {
  messages: number;
  bytes: number;
}

export interface Meters {
  readonly messages: number;
  readonly bytes: number;
  readonly byType: Readonly<Record<string, TypeCount>>;
  /** Attempts that were decided, and those of them with a fast certificate. */
  readonly decisions: number;
  readonly fastDecisions: number;
  /** From asking to the first honest node that knew the end, of each workflow that completed, rising. */
  readonly completedMs: readonly number[];
}

export interface Meter extends Watcher {
  read(): Meters;
}

/** The value below which `share` of `sorted` lies; NaN of none. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? sorted[0]!;
}

export function createMeter(options: {
  readonly nowMs: () => number;
  readonly isHonest: (index: number) => boolean;
  readonly submissions: readonly Submission[];
}): Meter {
  const { nowMs, isHonest, submissions } = options;
  const byType = new Map<string, TypeCount>();
  const decided = new Map<string, boolean>();
  const completedAtMs = new Map<string, number>();
  return {
    sent({ type, sizeBytes }) {
      const count = byType.get(type) ?? { messages: 0, bytes: 0 };
      byType.set(type, count);
      count.messages++;
      count.bytes += sizeBytes;
    },
    board({ index }, { record, entry }) {
      if (!isHonest(index)) return;
      if (entry.kind === 'decided') {
        const certified = record.tasks.get(entry.task)?.attempts.get(entry.attempt)?.certified;
        const place = `${record.workflow}|${entry.task}|${entry.attempt}`;
        if (certified !== undefined && !decided.has(place)) decided.set(place, certified.certificate.kind === 'FAST');
      }
      if (record.ended?.state === 'completed' && !completedAtMs.has(record.workflow))
        completedAtMs.set(record.workflow, nowMs());
    },
    read() {
      const counts = [...byType.values()];
      const askedAtMs = new Map<string, number>();
      for (const { workflow, askedAtMs: atMs } of submissions)
        if (workflow !== undefined) askedAtMs.set(workflow, Math.min(atMs, askedAtMs.get(workflow) ?? atMs));
      return {
        messages: counts.reduce((sum, { messages }) => sum + messages, 0),
        bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
        byType: Object.fromEntries([...byType].sort(([a], [b]) => (a < b ? -1 : 1))),
        decisions: decided.size,
        fastDecisions: [...decided.values()].filter((isFast) => isFast).length,
        completedMs: [...completedAtMs]
          .flatMap(([workflow, atMs]) => {
            const asked = askedAtMs.get(workflow);
            return asked === undefined ? [] : [atMs - asked];
          })
          .sort((a, b) => a - b),
      };
    },
  };
}
