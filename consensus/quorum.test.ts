import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filesIn, sharedPath } from '../test/support/shared.ts';
import { jointCommitted, jointVote, majorityCommitted, majorityVote } from './majority.ts';
import {
  defaultFaultBudget,
  faultBudgetOf,
  largestFastSlack,
  soundnessOf,
  thresholdsOf,
  toleranceInWords,
  UnsoundQuorum,
  voteQuorum,
} from './quorum.ts';

const members = (weights: readonly number[]) =>
  weights.map((weight, i) => ({ id: `n${i}`, weight, name: `n${i}`, site: 's', operator: 'o', modelFamily: 'm' }));
const unit = (n: number, f: number, c: number, p: number) => ({ members: members(Array(n).fill(1)), f, c, p });

/** Cases of a datadriven file of etcd: a command line, `----`, and the expected lines up to an empty one. */
function cases(file: string): { command: string; lists: Record<string, string[]>; expected: string; line: number }[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((separator, at) => {
    if (separator !== '----') return [];
    const words = lines[at - 1]!.match(/^(\w+)(.*)$/)!;
    const lists: Record<string, string[]> = {};
    for (const [, name, list] of words[2]!.matchAll(/(\w+)=(zero|\([^)]*\))/g)) {
      lists[name!] =
        list === 'zero'
          ? []
          : list!
              .slice(1, -1)
              .split(',')
              .map((item) => item.trim())
              .filter((item) => item !== '');
    }
    let end = at + 1;
    while (end < lines.length && lines[end] !== '') end++;
    return [{ command: words[1]!, lists, expected: lines[end - 1]!, line: at }];
  });
}

describe('the strongest budget of weights', () => {
  test('is sound whatever they are, and that of as many members where each weighs 1', () => {
    for (let count = 1; count <= 40; count++)
      expect(faultBudgetOf(Array.from({ length: count }, () => 1))).toEqual(defaultFaultBudget(count));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (weights) => {
        const budget = faultBudgetOf(weights);
        expect(soundnessOf(weights, budget)).toMatchObject({ sound: true });
        // No liar more could be borne: either the weight does not allow it, or one member weighs more than all of it.
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let f = budget.f + 1; f <= total; f++)
          expect(soundnessOf(weights, { f, c: 0, p: 0 }).sound, `${weights} f=${f}`).toBe(false);
      }),
    );
  });
});

describe('majority and joint quorums (cases of etcd-io/raft, quorum/testdata)', () => {
  const counted: Record<string, number> = {};
  const folder = sharedPath('conformance/etcd-quorum');
  if (folder === undefined) test.skip('the tables are not here', () => {});
  // Whatever tables there are.
  const names = folder === undefined ? [] : filesIn(folder, '.txt');
  for (const name of names) {
    test(`every case of ${name} has etcd's outcome`, () => {
      const all = cases(`${folder}/${name}`);
      counted[name] = all.length;
      for (const { command, lists, expected, line } of all) {
        const incoming = new Set(lists.cfg ?? []);
        const outgoing = new Set(lists.cfgj ?? []);
        const joint = lists.cfgj !== undefined;
        const voters = [...new Set([...incoming, ...outgoing])];
        const answers = (lists.votes ?? lists.idx ?? [])
          .map((text, i) => [voters[i]!, text] as const)
          .filter(([, text]) => text !== '_');
        let outcome: string;
        if (command === 'vote') {
          const votes = new Map(answers.map(([id, text]) => [id, text === 'y']));
          const result = joint ? jointVote(incoming, outgoing, votes) : majorityVote(incoming, votes);
          outcome = { won: 'VoteWon', lost: 'VoteLost', pending: 'VotePending' }[result];
        } else {
          const indices = new Map(answers.map(([id, text]) => [id, BigInt(text)]));
          const result = joint ? jointCommitted(incoming, outgoing, indices) : majorityCommitted(incoming, indices);
          outcome = result === Number.POSITIVE_INFINITY ? '∞' : String(result);
        }
        expect(expected.endsWith('∞') ? '∞' : expected.trim(), `${name}:${line}`).toBe(outcome);
      }
    });
  }
  test.skipIf(folder === undefined)('none of the 127 known cases was passed over', () => {
    expect(Object.values(counted).reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(127);
  });
});

describe('odd quorums', () => {
  test('indices beyond 2^53 are told apart, alone, among many and where nobody is left to ask', () => {
    const near = 2n ** 64n - 1n;
    const acknowledged = new Map([
      ['a', near],
      ['b', near - 1n],
      ['c', near - 2n],
      ['stranger', near],
    ]);
    expect(majorityCommitted(new Set(['a']), acknowledged)).toBe(near);
    expect(majorityCommitted(new Set(['a', 'b', 'c']), acknowledged)).toBe(near - 1n);
    expect(majorityCommitted(new Set(['a', 'b', 'c', 'd']), acknowledged)).toBe(near - 2n);
    expect(jointCommitted(new Set(['a', 'b', 'c']), new Set(['c']), acknowledged)).toBe(near - 2n);
    expect(jointCommitted(new Set(['a', 'b']), new Set<string>(), acknowledged)).toBe(near - 1n);
    expect(majorityCommitted(new Set(['nobody']), acknowledged)).toBe(0);
    expect(jointCommitted(new Set<string>(), new Set<string>(), acknowledged)).toBe(Number.POSITIVE_INFINITY);
    expect(majorityVote(new Set(['a']), new Map([['a', false]]))).toBe('lost');
    expect(jointVote(new Set(['a']), new Set(['b']), new Map([['a', true]]))).toBe('pending');
  });
});

describe('thresholds', () => {
  test('are those of the table in the reference, row by row', () => {
    const rows = [
      [3, 0, 1, 1, 2, 2],
      [5, 0, 2, 2, 3, 3],
      [4, 1, 0, 1, 3, 3],
      [5, 1, 0, 1, 4, 4],
      [6, 1, 0, 2, 4, 4],
      [6, 1, 1, 1, 4, 5],
      [7, 2, 0, 1, 5, 6],
      [7, 1, 1, 2, 5, 5],
      [10, 3, 0, 1, 7, 9],
    ] as const;
    for (const [n, f, c, p, quorum, fast] of rows)
      expect(thresholdsOf(unit(n, f, c, p))).toMatchObject({ quorum, fast, available: n - f - c, skip: f + 1 });
  });

  test('any two quorums share more than f, a quorum can always be waited for, and a fast decision meets every quorum in an honest member', () => {
    for (let n = 1; n <= 24; n++) {
      for (let f = 0; f < n; f++) {
        for (let c = 0; c < n; c++) {
          for (let p = 0; p < n; p++) {
            const result = soundnessOf(Array(n).fill(1), { f, c, p });
            expect(result.sound).toBe(n > 3 * f + 2 * c && p <= largestFastSlack(n, f, c));
            if (!result.sound) continue;
            const { quorum, available, fast } = result.thresholds;
            expect(2 * quorum - n).toBeGreaterThan(f);
            expect(2 * (quorum - 1) - n).toBeLessThanOrEqual(f);
            expect(available).toBeGreaterThanOrEqual(quorum);
            expect(quorum + fast - n).toBeGreaterThan(f);
            expect(fast).toBeGreaterThanOrEqual(quorum);
          }
        }
      }
    }
  });

  test('n = 5 and n = 6 with f = 1 need 4 votes, not 2f + 1 = 3', () => {
    expect([voteQuorum(4, 1), voteQuorum(5, 1), voteQuorum(6, 1)]).toEqual([3, 4, 4]);
  });

  test('an unsound config is refused with the reason in words', () => {
    const reason = (weights: number[], f: number, c: number, p: number) => {
      const result = soundnessOf(weights, { f, c, p });
      return result.sound ? 'sound' : result.reason;
    };
    expect(reason([1, 1, 1], 1, 0, 0)).toContain('cannot tolerate 1 lying');
    expect(reason([1, 1, 1, 1], 1, 0, 2)).toContain('at most p = 1');
    expect(reason([3, 1, 1, 1, 1], 2, 0, 0)).toContain('a member weighs 3');
    expect(reason([1, 1], 0, 1, 0)).toContain('2·1');
    expect(reason([1, 0], 0, 0, 0)).toContain('at least 1');
    expect(reason([1, 1.5], 0, 0, 0)).toContain('whole numbers');
    expect(reason([1], -1, 0, 0)).toContain('f is -1');
    expect(reason([], 0, 0, 0)).toBe('there are no members');
    expect(() => thresholdsOf(unit(3, 1, 0, 0))).toThrow(UnsoundQuorum);
  });

  test('the default budget of every size is sound, and Byzantine from four members on', () => {
    for (let n = 1; n <= 100; n++) {
      const budget = defaultFaultBudget(n);
      expect(soundnessOf(Array(n).fill(1), budget).sound).toBe(true);
      expect(budget.f > 0).toBe(n >= 4);
      // As large as it can be: one more of either kind would not be sound.
      expect(soundnessOf(Array(n).fill(1), { ...budget, c: budget.c + 1, p: 0 }).sound).toBe(false);
    }
    expect(defaultFaultBudget(6)).toEqual({ f: 1, c: 1, p: 1 });
  });

  test('what a config promises is said in words, and small meshes are labelled', () => {
    expect(toleranceInWords(unit(4, 1, 0, 1))).toBe('3 of 4 members, any 1 may be lying');
    expect(toleranceInWords(unit(6, 1, 1, 1))).toBe('4 of 6 members, any 1 may be lying and any 1 more silent');
    expect(toleranceInWords(unit(3, 0, 1, 1))).toBe('2 of 3 members, any 1 may be silent; no Byzantine tolerance');
    expect(toleranceInWords(unit(2, 0, 0, 0))).toBe('2 of 2 members, none may be missing; no Byzantine tolerance');
    expect(toleranceInWords(unit(1, 0, 0, 0))).toBe('1 of 1 member, none may be missing; no Byzantine tolerance');
    expect(toleranceInWords({ members: members([2, 2, 2, 1]), f: 2, c: 0, p: 0 })).toBe(
      'weight 5 of 7 (4 members), any weighing up to 2 together may be lying',
    );
  });
});
