// Law: whoever proposes in a later round without a polka may pick any set of reports it can lay hands on: any part of the honest ones
// made so far, and for each liar any report or none. What the judge says of each such set is asked once and remembered.
import type { Report } from '../fast-path.ts';
import type { Configuration, Rules } from './rules.ts';

/** The round-0 leader is honest and proposed value 1 alone, or lies and proposed whatever it likes; without a leader, anything goes. */
export type Opening = 'honest leader' | 'lying leader' | 'no leader';

export interface Permission {
  /** permits[v]: some admissible set lets value v be proposed. Values count from 1. */
  readonly permits: readonly boolean[];
  /** A set that a proposer must wait no longer than for, and that permits no proposal at all. */
  readonly stuckOn: string | undefined;
}

const leaderId = 'leader';

/** `made[x]` honest members reported x in round 0 (0 = nil); answers for each such histogram. */
export function createPermissions(
  configuration: Configuration,
  rules: Rules,
  opening: Opening,
): (made: readonly number[]) => Permission {
  const { f, values } = configuration;
  const { thresholds, judge } = rules;
  const { available } = thresholds;
  // A liar reports what it can show a proposal of; a lying leader signs any.
  const isReportable = (value: number): boolean => opening !== 'honest leader' || value === 1 || !rules.needsProposals;
  const lies = Array.from({ length: values + 1 }, (_, value) => value).filter(
    (value) => value === 0 || isReportable(value),
  );
  const leaderLies: readonly (number | undefined)[] = opening === 'lying leader' ? [undefined, ...lies] : [undefined];
  const otherLiars = opening === 'lying leader' ? f - 1 : f;

  const judged = new Map<string, { permits: readonly boolean[]; isStuck: boolean }>();
  /** `counts[x]` members besides a lying leader report x; an honest leader's own report is among them, and is `honestLeader`. */
  const judgeSet = (
    counts: readonly number[],
    leaderReport: number | undefined,
    honestLeader: number | undefined,
  ): { permits: readonly boolean[]; isStuck: boolean } => {
    const key = `${counts.join()}/${leaderReport}/${honestLeader}`;
    const known = judged.get(key);
    if (known !== undefined) return known;
    const reports: Report[] = [];
    const report = (signer: string, value: number): void =>
      void reports.push({ signer, weight: 1, value: value === 0 ? null : `v${value}` });
    counts.forEach((count, value) => {
      for (let i = 0; i < count; i++) report(i === 0 && honestLeader === value ? leaderId : `${value}.${i}`, value);
    });
    if (leaderReport !== undefined) report(leaderId, leaderReport);
    const leader = opening === 'no leader' ? undefined : { id: leaderId, weight: 1 };
    const judgement = judge(reports, thresholds, leader);
    // Where no value is forced the engine is stricter without a leader: only a backed one, or that there is no agreement.
    const permits = Array.from(
      { length: values + 1 },
      (_, v) => v > 0 && judgement.admissible && (judgement.forced === undefined || judgement.forced === `v${v}`),
    );
    const hasTwoValues = new Set(reports.flatMap(({ value }) => (value === null ? [] : [value]))).size > 1;
    const waitedFor =
      opening !== 'no leader' && hasTwoValues
        ? reports.filter(({ signer }) => signer !== leaderId).length
        : reports.length;
    const result = { permits, isStuck: waitedFor >= available && !judgement.admissible };
    judged.set(key, result);
    return result;
  };

  const permissions = new Map<string, Permission>();
  return (made) => {
    const key = made.join();
    const known = permissions.get(key);
    if (known !== undefined) return known;
    const permits = new Array<boolean>(values + 1).fill(false);
    let stuckOn: string | undefined;
    const room = rules.countsReportersOnce ? made : made.map((count) => (count > 0 ? available : 0));
    for (const honest of partsOf(room)) {
      for (const lying of sharesOf(otherLiars, lies, values)) {
        const counts = honest.map((count, value) => count + lying[value]!);
        // Whether the honest leader is in the set, and with which report, matters only to a judge that is told of two values.
        const honestLeaders =
          opening === 'honest leader' ? [undefined, ...lies.filter((value) => honest[value]! > 0)] : [undefined];
        for (const honestLeader of honestLeaders) {
          for (const leaderReport of leaderLies) {
            const result = judgeSet(counts, leaderReport, honestLeader);
            for (let v = 1; v <= values; v++) if (result.permits[v]) permits[v] = true;
            if (result.isStuck && rules.countsReportersOnce) stuckOn ??= inWords(counts, leaderReport);
          }
        }
      }
    }
    const permission = { permits, stuckOn };
    permissions.set(key, permission);
    return permission;
  };
}

/** All ways to take at most room[x] of each x. */
function* partsOf(room: readonly number[], from = 0): Generator<number[]> {
  if (from === room.length) {
    yield [];
    return;
  }
  for (const rest of partsOf(room, from + 1)) for (let take = 0; take <= room[from]!; take++) yield [take, ...rest];
}

/** All ways in which at most `liars` members report one of `lies` each, as counts per value. */
function* sharesOf(liars: number, lies: readonly number[], values: number): Generator<number[]> {
  const room = Array.from({ length: values + 1 }, (_, value) => (lies.includes(value) ? liars : 0));
  for (const share of partsOf(room)) if (share.reduce((sum, count) => sum + count, 0) <= liars) yield share;
}

function inWords(counts: readonly number[], leaderReport: number | undefined): string {
  const name = (value: number): string => (value === 0 ? 'nil' : `v${value}`);
  const others = counts.flatMap((count, value) => (count > 0 ? [`${count} report ${name(value)}`] : []));
  return [...others, ...(leaderReport === undefined ? [] : [`the leader reports ${name(leaderReport)}`])].join(', ');
}
