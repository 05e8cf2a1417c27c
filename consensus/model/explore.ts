// Law: every interleaving of the bounded world is visited, up to renaming of honest members and of values. Liars need no steps of
// their own: their weight stands behind every vote at every moment, and any certificate that could exist is known to everybody.
import { createPermissions, type Opening, type Permission } from './reports.ts';
import type { Configuration, Rules } from './rules.ts';

export interface Outcome {
  /** Distinct states visited, over all openings; up to the first violation where there is one. */
  readonly states: number;
  /** The votes of the honest members in a shortest run after which two values are decided. */
  readonly disagreement: string | undefined;
  /** A state and a set of reports with which a round can't go on. */
  readonly blocked: string | undefined;
  /** The state limit was reached before everything was seen. */
  readonly isCut: boolean;
}

/**
 * What one honest member has done: per round it voted in, its prevote and its precommit (0 = nil or none). Rounds it skipped it
 * prevoted nil in, which in round 0 it owes and later makes no difference. Its lock is its last precommit.
 */
interface History {
  readonly prevotes: readonly number[];
  readonly precommits: readonly number[];
  readonly lockedRound: number;
  readonly lockedValue: number;
}

const stateLimitDefault = 10_000_000;

export function explore(configuration: Configuration, rules: Rules, stateLimit = stateLimitDefault): Outcome {
  const openings: Opening[] =
    configuration.mode === 'leaderless'
      ? ['no leader']
      : configuration.f > 0
        ? ['lying leader', 'honest leader']
        : ['honest leader'];
  let states = 0;
  let blocked: string | undefined;
  for (const opening of openings) {
    const outcome = exploreOpening(configuration, rules, opening, stateLimit - states);
    states += outcome.states;
    blocked ??= outcome.blocked;
    if (outcome.disagreement !== undefined || outcome.isCut) return { ...outcome, states, blocked };
  }
  return { states, disagreement: undefined, blocked, isCut: false };
}

function exploreOpening(configuration: Configuration, rules: Rules, opening: Opening, stateLimit: number): Outcome {
  const { n, f, rounds, values } = configuration;
  const { quorum, fast } = rules.thresholds;
  const honest = n - f;
  const permissionsFor = createPermissions(configuration, rules, opening);
  const histories = createHistories();
  const rename = createRenaming(histories, values, opening === 'honest leader' ? 2 : 1);

  const start = String.fromCharCode(...new Array<number>(honest).fill(histories.empty));
  const seen = new Set<string>([start]);
  let frontier = [start];
  let blocked: string | undefined;
  const prevotes = Array.from({ length: rounds }, () => new Int32Array(values + 1));
  const precommits = Array.from({ length: rounds }, () => new Int32Array(values + 1));

  /** Whether `member` may prevote `value` in the round it has not voted in yet. */
  const mayPrevote = (member: History, value: number, permission: Permission | undefined): boolean => {
    const round = member.prevotes.length;
    if (round === 0) return opening !== 'honest leader' || value === 1;
    const isLockedOnOther = member.lockedRound >= 0 && member.lockedValue !== value;
    if ((permission === undefined || permission.permits[value]) && !(isLockedOnOther && rules.keepsLock)) return true;
    for (let polkaRound = 0; polkaRound < round; polkaRound++) {
      const isPolka = prevotes[polkaRound]![value]! + f >= quorum || !rules.needsPolka;
      if (isPolka && (!isLockedOnOther || member.lockedRound <= polkaRound || !rules.needsLaterPolka)) return true;
    }
    return false;
  };

  while (frontier.length > 0) {
    const next: string[] = [];
    for (const state of frontier) {
      for (const counts of [...prevotes, ...precommits]) counts.fill(0);
      const made = new Array<number>(values + 1).fill(0);
      for (let i = 0; i < honest; i++) {
        const member = histories.of(state.charCodeAt(i));
        for (let round = 0; round < member.prevotes.length; round++) {
          prevotes[round]![member.prevotes[round]!]!++;
          precommits[round]![member.precommits[round]!]!++;
        }
        if (member.prevotes.length > 0) made[member.prevotes[0]!]!++;
      }
      let decided = 0;
      for (let value = 1; value <= values; value++) {
        // A value no honest member voted for was never proposed, or is backed by liars alone.
        const isFast = prevotes[0]![value]! > 0 && prevotes[0]![value]! + f >= fast;
        if (isFast || precommits.some((counts) => counts[value]! > 0 && counts[value]! + f >= rules.commitQuorum))
          decided++;
      }
      if (decided > 1) return { states: seen.size, disagreement: inWords(state, histories), blocked, isCut: false };
      const permission = permissionsFor(made);
      if (permission.stuckOn !== undefined)
        blocked ??= `${inWords(state, histories)}; a set in which ${permission.stuckOn} permits nothing`;

      let before = -1;
      for (let i = 0; i < honest; i++) {
        const id = state.charCodeAt(i);
        // States are sorted: equal members stand side by side and have equal futures.
        if (id === before) continue;
        before = id;
        const member = histories.of(id);
        const reach = (successor: number): void => {
          const found = rename(state, i, successor);
          if (seen.has(found)) return;
          seen.add(found);
          next.push(found);
        };
        const last = member.prevotes.length - 1;
        if (last >= 0 && member.precommits[last] === 0) {
          for (let value = 1; value <= values; value++) {
            if (prevotes[last]![value]! > 0 && prevotes[last]![value]! + f >= quorum)
              reach(histories.precommit(id, value));
          }
        }
        if (last + 1 < rounds) {
          reach(histories.prevote(id, 0));
          for (let value = 1; value <= values; value++) {
            if (mayPrevote(member, value, rules.needsReports ? permission : undefined))
              reach(histories.prevote(id, value));
          }
        }
      }
      if (seen.size > stateLimit) return { states: seen.size, disagreement: undefined, blocked, isCut: true };
    }
    frontier = next;
  }
  return { states: seen.size, disagreement: undefined, blocked, isCut: false };
}

interface Histories {
  /** The id of a member that has done nothing. */
  readonly empty: number;
  of(id: number): History;
  prevote(id: number, value: number): number;
  precommit(id: number, value: number): number;
  /** The same history with every value v called `names[v]`. */
  renamed(id: number, names: readonly number[]): number;
}

/** Histories are interned: a state is a sorted string of their ids. */
function createHistories(): Histories {
  const all: History[] = [];
  const ids = new Map<string, number>();
  const intern = (prevotes: readonly number[], precommits: readonly number[]): number => {
    const key = `${prevotes.join()}/${precommits.join()}`;
    const known = ids.get(key);
    if (known !== undefined) return known;
    const lockedRound = precommits.findLastIndex((value) => value > 0);
    all.push({ prevotes, precommits, lockedRound, lockedValue: precommits[lockedRound] ?? 0 });
    ids.set(key, all.length - 1);
    return all.length - 1;
  };
  const empty = intern([], []);
  const memo = new Map<number, number>();
  const remembered = (kind: number, id: number, value: number, make: () => number): number => {
    const key = (id * 16 + value) * 2 + kind;
    let result = memo.get(key);
    if (result === undefined) {
      result = make();
      memo.set(key, result);
    }
    return result;
  };
  return {
    empty,
    of: (id) => all[id]!,
    prevote: (id, value) =>
      remembered(0, id, value, () => intern([...all[id]!.prevotes, value], [...all[id]!.precommits, 0])),
    precommit: (id, value) =>
      remembered(1, id, value, () => intern(all[id]!.prevotes, all[id]!.precommits.with(-1, value))),
    renamed: (id, names) =>
      intern(
        all[id]!.prevotes.map((value) => names[value]!),
        all[id]!.precommits.map((value) => names[value]!),
      ),
  };
}

/** Replaces one member's history in a state and gives the state its one name: least over all renamings of the values from `firstFree` on. */
function createRenaming(
  histories: Histories,
  values: number,
  firstFree: number,
): (state: string, at: number, id: number) => string {
  const free = Array.from({ length: Math.max(0, values - firstFree + 1) }, (_, i) => firstFree + i);
  const namings = permutationsOf(free).map((order) => {
    const names = Array.from({ length: values + 1 }, (_, value) => value);
    order.forEach((name, i) => {
      names[firstFree + i] = name;
    });
    return { names, memo: new Map<number, number>() };
  });
  return (state, at, id) => {
    let least: string | undefined;
    const members = new Uint16Array(state.length);
    for (const { names, memo } of namings) {
      for (let i = 0; i < state.length; i++) {
        const member = i === at ? id : state.charCodeAt(i);
        let renamed = memo.get(member);
        if (renamed === undefined) {
          renamed = histories.renamed(member, names);
          memo.set(member, renamed);
        }
        members[i] = renamed;
      }
      members.sort();
      const name = String.fromCharCode(...members);
      if (least === undefined || name < least) least = name;
    }
    return least!;
  };
}

function permutationsOf(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutationsOf(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** For example "v1/v1 v2/- | v1/- nil/-": per honest member its prevote/precommit in each round. */
function inWords(state: string, histories: Histories): string {
  const members = Array.from(state, (_, i) => histories.of(state.charCodeAt(i)));
  const name = (value: number, none: string): string => (value === 0 ? none : `v${value}`);
  return members
    .map(
      ({ prevotes, precommits }) =>
        prevotes.map((value, round) => `${name(value, 'nil')}/${name(precommits[round]!, '-')}`).join(' ') ||
        'nothing yet',
    )
    .join(' | ');
}
