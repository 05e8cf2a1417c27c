import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { filesIn, sharedPath } from '../test/support/shared.ts';
import type { VoteKind } from './core.ts';
import { canonicalText, type ItfValue, parseItf, type Variant } from './testing/itf.ts';
import {
  applyCertificate,
  applyVote,
  emptyKeeper,
  forgetRounds,
  hasQuorumOfAny,
  hasQuorumOn,
  type KeeperOutput,
  type KeptVote,
  receivedBy,
  type Tally,
  type VoteKeeper,
  votersOf,
} from './vote-keeper.ts';

type Record_ = Readonly<Record<string, ItfValue>>;
const variant = (tag: string, value: ItfValue = []): Variant => ({ tag, value });
const ballot = (value: string | null): ItfValue => (value === null ? variant('Nil') : variant('Val', value));
const kindTag = { prevote: 'Prevote', precommit: 'Precommit' } as const;

function voteOf(raw: Record_): KeptVote {
  const value = raw.valueId as Variant;
  return {
    kind: (raw.voteType as Variant).tag === 'Prevote' ? 'prevote' : 'precommit',
    round: raw.round as number,
    voter: raw.srcAddress as string,
    value: value.tag === 'Nil' ? null : (value.value as string),
  };
}

const outputTag: Record<KeeperOutput['type'], string> = {
  none: 'NoVKOutput',
  polkaAny: 'PolkaAnyVKOutput',
  polkaNil: 'PolkaNilVKOutput',
  polkaValue: 'PolkaValueVKOutput',
  precommitAny: 'PrecommitAnyVKOutput',
  precommitValue: 'PrecommitValueVKOutput',
  skip: 'SkipVKOutput',
};
function itfOutput(output: KeeperOutput): Variant {
  if (output.type === 'none') return variant('NoVKOutput');
  return variant(outputTag[output.type], 'value' in output ? [output.round, output.value] : output.round);
}

function itfKeeper(keeper: VoteKeeper, height: number, validatorSet: ReadonlyMap<ItfValue, ItfValue>): ItfValue {
  const totalWeight = [...validatorSet.values()].reduce((sum: number, weight) => sum + (weight as number), 0);
  const vote = (kept: KeptVote): ItfValue => ({
    srcAddress: kept.voter,
    height,
    round: kept.round,
    valueId: ballot(kept.value),
    voteType: variant(kindTag[kept.kind]),
  });
  const tally = (kept: Tally | undefined, kind: VoteKind, round: number): ItfValue => {
    const weights = new Map<string | null, number>(kept?.certified);
    for (const { value, weight } of kept?.counted ?? [])
      if (value !== undefined) weights.set(value, (weights.get(value) ?? 0) + weight);
    return {
      totalWeight,
      valuesWeights: new Map([...weights].map(([value, weight]) => [ballot(value), weight])),
      votesAddresses: new Set(kept?.counted.map(({ voter }) => voter)),
      receivedVotes: new Set(kept === undefined ? [] : receivedBy(kept, kind, round).map(vote)),
    };
  };
  return {
    height,
    validatorSet,
    evidence: new Set(keeper.evidence.map((votes) => new Set(votes.map(vote)))),
    rounds: new Map(
      keeper.rounds.kept.map(({ round, value: votes }) => [
        round,
        {
          height,
          round,
          prevotes: tally(votes.prevote, 'prevote', round),
          precommits: tally(votes.precommit, 'precommit', round),
          emittedOutputs: new Set(votes.emitted.map(itfOutput)),
          votesAddressesWeights: votersOf(votes),
        },
      ]),
    ),
  };
}

describe('the vote keeper', () => {
  const folder = sharedPath('conformance/tendermint-itf/votekeeper');
  test.skipIf(folder === undefined)(
    'follows every vote-keeper trace of the Quint specification of Tendermint (malachite), step by step',
    () => {
      let steps = 0;
      for (const name of filesIn(folder!, '.json')) {
        const { states, vars } = parseItf(readFileSync(`${folder}/${name}`, 'utf8'));
        if (!vars.includes('weightedVote')) continue;
        const first = states[0]!.bookkeeper as Record_;
        const validators = first.validatorSet as ReadonlyMap<ItfValue, ItfValue>;
        const totalWeight = [...validators.values()].reduce((sum: number, weight) => sum + (weight as number), 0);
        // The specification fixes its thresholds to two and one thirds; ours are parameters.
        const keeper = emptyKeeper({
          quorum: Math.floor((2 * totalWeight) / 3) + 1,
          skip: Math.floor(totalWeight / 3) + 1,
        });
        states.slice(1).forEach((expected, i) => {
          const { tag, value: weighted } = expected.weightedVote as Variant;
          if (tag !== 'WV' && tag !== 'NoWeightedVote')
            throw new Error(`the specification has a step ${tag} that this test does not know`);
          const [raw, weight, currentRound] = weighted as readonly [Record_, number, number];
          const output: KeeperOutput =
            tag === 'WV' ? applyVote(keeper, voteOf(raw), weight, currentRound) : { type: 'none' };
          const where = `${name} state ${i + 1}`;
          expect(canonicalText(itfOutput(output)), where).toBe(canonicalText(expected.lastEmitted!));
          expect(canonicalText(itfKeeper(keeper, first.height as number, validators)), where).toBe(
            canonicalText(expected.bookkeeper!),
          );
          steps++;
        });
      }
      console.info(`vote-keeper traces: ${steps} steps match`);
      expect(steps).toBeGreaterThan(0);
    },
  );

  const prevote = (voter: string, value: string | null, round = 0): KeptVote => ({
    kind: 'prevote',
    round,
    voter,
    value,
  });

  test('counts a member once, however often and whatever it votes', () => {
    const keeper = emptyKeeper({ quorum: 3, skip: 2 });
    for (const vote of [prevote('a', 'v'), prevote('a', 'v'), prevote('a', 'w'), prevote('b', 'v')])
      applyVote(keeper, vote, 1, 0);
    expect(hasQuorumOn(keeper, 'prevote', 0, 'v')).toBe(false);
    expect(hasQuorumOfAny(keeper, 'prevote', 0)).toBe(false);
    expect(keeper.evidence).toHaveLength(1);
  });

  test('a certificate counts a value that an equivocator had hidden behind another vote', () => {
    const keeper = emptyKeeper({ quorum: 3, skip: 2 });
    for (const vote of [prevote('z', 'w'), prevote('a', 'v'), prevote('b', 'v')]) applyVote(keeper, vote, 1, 0);
    const output = applyCertificate(
      keeper,
      'prevote',
      0,
      'v',
      new Map([
        ['a', 1],
        ['b', 1],
        ['z', 1],
      ]),
    );
    expect(output).toEqual({ type: 'polkaValue', round: 0, value: 'v' });
    expect(hasQuorumOn(keeper, 'prevote', 0, 'v')).toBe(true);
    forgetRounds(keeper, (round) => round > 0);
    expect(keeper.rounds.size).toBe(0);
  });
});
