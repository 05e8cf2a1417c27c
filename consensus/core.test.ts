import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { filesIn, sharedPath } from '../test/support/shared.ts';
import {
  type Ballot,
  type CoreInput,
  type CoreOutput,
  type CoreState,
  initialCore,
  learnPolka,
  stepCore,
} from './core.ts';
import { canonicalText, exactInteger, type ItfValue, parseItf, type Variant } from './testing/itf.ts';

const ballot = (value: ItfValue): Ballot =>
  (value as Variant).tag === 'Nil' ? null : ((value as Variant).value as string);
const variant = (tag: string, value: ItfValue = []): Variant => ({ tag, value });
const unballot = (value: Ballot): Variant => (value === null ? variant('Nil') : variant('Val', value));
const pair = (value: ItfValue) => value as readonly [ItfValue, ItfValue];

/** Undefined where nothing happened: a trace may stutter, or begin with another height. */
function inputOf({ tag, value }: Variant): CoreInput | undefined {
  switch (tag) {
    case 'NoConsensusInput':
      return undefined;
    case 'NewRoundCInput':
      return { type: 'newRound', round: value as number };
    case 'NewRoundProposerCInput':
      return { type: 'newRoundAsLeader', round: value as number };
    case 'ProposeValueCInput':
      return { type: 'proposeValue', value: value as string };
    case 'ProposalCInput':
      return { type: 'proposal', value: ballot(pair(value)[1]) };
    case 'ProposalInvalidCInput':
      return { type: 'proposalInvalid' };
    case 'ProposalAndPolkaPreviousAndValidCInput':
      return { type: 'proposalWithPolka', value: ballot(pair(value)[0]), polkaRound: pair(value)[1] as number };
    case 'ProposalAndPolkaAndValidCInput':
      return { type: 'polkaValue', value: ballot(value) };
    case 'ProposalAndPolkaAndInvalidCInput':
      return { type: 'polkaInvalid' };
    case 'PolkaNilCInput':
      return { type: 'polkaNil' };
    case 'PolkaAnyCInput':
      return { type: 'polkaAny' };
    case 'PrecommitAnyCInput':
      return { type: 'precommitAny' };
    case 'ProposalAndCommitAndValidCInput':
      return { type: 'commit', round: pair(value)[0] as number, value: pair(value)[1] as string };
    case 'RoundSkipCInput':
      return { type: 'roundSkip', round: value as number };
    case 'TimeoutProposeCInput':
    case 'TimeoutPrevoteCInput':
    case 'TimeoutPrecommitCInput': {
      const kind = (
        {
          TimeoutProposeCInput: 'propose',
          TimeoutPrevoteCInput: 'prevote',
          TimeoutPrecommitCInput: 'precommit',
        } as const
      )[tag];
      return { type: 'timeout', kind, instance: String(pair(value)[0]), round: pair(value)[1] as number };
    }
    default:
      throw new Error(`the specification has an input ${tag} that this test does not know`);
  }
}

/** The specification's error texts name the input, ours the reason; each refusal is checked against the text of its input. */
function errorText(input: Variant, reason: string): string {
  if (input.tag.startsWith('NewRound')) {
    return reason === 'started'
      ? 'state is not Unstarted or initial step'
      : 'new round is not bigger than current round';
  }
  if (input.tag === 'ProposalInvalidCInput' || input.tag === 'ProposalCInput')
    return 'ProposalCInput when not in ProposeStep';
  if (input.tag === 'RoundSkipCInput') return 'RoundSkipCInput for round not bigger than current round';
  if (input.tag === 'ProposalAndPolkaAndValidCInput') return `${input.tag} when not in PrevoteStep or PrecommitStep`;
  if (input.tag.startsWith('Polka')) return `${input.tag} when not in PrevoteStep`;
  if (input.tag === 'ProposalAndCommitAndValidCInput') return `${input.tag} when in CommitStep`;
  return input.tag;
}

const timeoutTag = { propose: 'ProposeTimeout', prevote: 'PrevoteTimeout', precommit: 'PrecommitTimeout' } as const;

function itfOutput(output: CoreOutput, input: Variant, p: string, height: number | bigint): Variant {
  switch (output.type) {
    case 'none':
      return variant('NoConsensusOutput');
    case 'refused':
      return variant('ErrorOutput', errorText(input, output.reason));
    case 'timer':
      return variant('TimeoutOutput', [output.round, variant(timeoutTag[output.kind])]);
    case 'wantValue':
      return variant('GetValueAndScheduleTimeoutOutput', [height, output.round, variant('ProposeTimeout')]);
    case 'skip':
      return variant('SkipRoundOutput', output.round);
    case 'decide':
      return variant('DecidedOutput', [output.round, output.value]);
    case 'propose':
      return variant('ProposalOutput', {
        srcAddress: p,
        height,
        round: output.round,
        proposal: output.value,
        validRound: output.polkaRound,
      });
    case 'vote': {
      const voteType = variant(output.kind === 'prevote' ? 'Prevote' : 'Precommit');
      return variant('VoteOutput', {
        srcAddress: p,
        height,
        round: output.round,
        valueId: unballot(output.value),
        voteType,
      });
    }
  }
}

const stepTag = {
  new: 'NoStep',
  unstarted: 'UnstartedStep',
  propose: 'ProposeStep',
  prevote: 'PrevoteStep',
  precommit: 'PrecommitStep',
  commit: 'CommitStep',
} as const;

function itfState(state: CoreState, p: string): ItfValue {
  return {
    p,
    height: exactInteger(state.instance),
    round: state.round,
    step: variant(stepTag[state.step]),
    lockedRound: state.lockedRound,
    lockedValue: unballot(state.lockedValue),
    validRound: state.validRound,
    validValue: unballot(state.validValue),
  };
}

describe('the round machine', () => {
  const folder = sharedPath('conformance/tendermint-itf/core');
  test.skipIf(folder === undefined)(
    'follows every core trace of the Quint specification of Tendermint (malachite), step by step',
    () => {
      let steps = 0;
      const inputs = new Map<string, number>();
      for (const name of filesIn(folder!, '.json')) {
        const { states, vars } = parseItf(readFileSync(`${folder}/${name}`, 'utf8'));
        if (!vars.includes('input')) continue;
        const first = states[0]!.state as { p: string; height: number | bigint };
        let state = initialCore(String(first.height));
        expect(canonicalText(itfState(state, first.p)), name).toBe(canonicalText(states[0]!.state!));
        states.slice(1).forEach((expected, i) => {
          const input = expected.input as Variant;
          const step = inputOf(input);
          inputs.set(input.tag, (inputs.get(input.tag) ?? 0) + 1);
          const { height } = expected.state as { height: number | bigint };
          if (step === undefined && String(height) !== state.instance) state = initialCore(String(height));
          const result = step === undefined ? { state, output: { type: 'none' } as const } : stepCore(state, step);
          state = result.state;
          const where = `${name} state ${i + 1}: ${canonicalText(input)}`;
          expect(canonicalText(itfOutput(result.output, input, first.p, height)), where).toBe(
            canonicalText(expected.output!),
          );
          expect(canonicalText(itfState(state, first.p)), where).toBe(canonicalText(expected.state!));
          steps++;
        });
      }
      console.info(
        `core traces: ${steps} steps match; inputs: ${[...inputs].map(([tag, n]) => `${tag} ${n}`).join(', ')}`,
      );
      // Every input of the specification, or a rule of the machine could be wrong unseen.
      expect(inputs.size).toBeGreaterThanOrEqual(16);
      expect(steps).toBeGreaterThan(0);
    },
  );

  test('a polka learnt late becomes the valid value only if it is newer than the known one and older than the round', () => {
    const at = (round: number, validRound: number): CoreState => ({
      ...initialCore('i'),
      round,
      step: 'propose',
      validRound,
      validValue: validRound < 0 ? null : 'old',
    });
    expect(learnPolka(at(3, 0), 2, 'v')).toMatchObject({ validRound: 2, validValue: 'v' });
    expect(learnPolka(at(3, 2), 2, 'v')).toMatchObject({ validRound: 2, validValue: 'old' });
    expect(learnPolka(at(3, -1), 3, 'v')).toMatchObject({ validRound: -1 });
  });
});
