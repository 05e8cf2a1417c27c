// Law: this is Tendermint's round machine and nothing else: one state, one input, one output, no memory beside the state. It holds no
// votes and judges no value; whoever drives it says what became true. Line numbers are those of the paper (arXiv 1807.04938, algorithm 1).

/** A value's name: lower-case hex SHA-256 of its payload. `null` stands for nil. */
export type ValueId = string;
export type Ballot = ValueId | null;
export type VoteKind = 'prevote' | 'precommit';
export type TimeoutKind = 'propose' | 'prevote' | 'precommit';
export type Step = 'new' | 'unstarted' | 'propose' | 'prevote' | 'precommit' | 'commit';

export interface CoreState {
  /** The instance that is voted on; a timeout of another instance is refused. */
  readonly instance: string;
  /** −1 until the first round starts. */
  readonly round: number;
  readonly step: Step;
  readonly lockedRound: number;
  readonly lockedValue: Ballot;
  readonly validRound: number;
  readonly validValue: Ballot;
}

export type CoreInput =
  | { readonly type: 'newRound'; readonly round: number }
  | { readonly type: 'newRoundAsLeader'; readonly round: number }
  | { readonly type: 'proposeValue'; readonly value: ValueId }
  | { readonly type: 'proposal'; readonly value: Ballot }
  | { readonly type: 'proposalInvalid' }
  | { readonly type: 'proposalWithPolka'; readonly value: Ballot; readonly polkaRound: number }
  | { readonly type: 'polkaValue'; readonly value: Ballot }
  | { readonly type: 'polkaInvalid' }
  | { readonly type: 'polkaNil' }
  | { readonly type: 'polkaAny' }
  | { readonly type: 'precommitAny' }
  | { readonly type: 'commit'; readonly round: number; readonly value: ValueId }
  | { readonly type: 'roundSkip'; readonly round: number }
  | { readonly type: 'timeout'; readonly kind: TimeoutKind; readonly instance: string; readonly round: number };

export type RefusedInput =
  | 'started'
  | 'round not higher'
  | 'not proposing'
  | 'not prevoting'
  | 'not voting'
  | 'polka not usable'
  | 'decided'
  | 'stale timeout';

export type CoreOutput =
  | { readonly type: 'none' }
  | { readonly type: 'propose'; readonly round: number; readonly value: ValueId; readonly polkaRound: number }
  | { readonly type: 'wantValue'; readonly round: number }
  | { readonly type: 'vote'; readonly kind: VoteKind; readonly round: number; readonly value: Ballot }
  | { readonly type: 'timer'; readonly kind: TimeoutKind; readonly round: number }
  | { readonly type: 'decide'; readonly round: number; readonly value: ValueId }
  | { readonly type: 'skip'; readonly round: number }
  | { readonly type: 'refused'; readonly reason: RefusedInput };

export interface CoreResult {
  readonly state: CoreState;
  readonly output: CoreOutput;
}

export function initialCore(instance: string): CoreState {
  return { instance, round: -1, step: 'new', lockedRound: -1, lockedValue: null, validRound: -1, validValue: null };
}

export function stepCore(state: CoreState, input: CoreInput): CoreResult {
  switch (input.type) {
    case 'newRoundAsLeader': // lines 14–19
    case 'newRound': {
      // lines 11, 20–21
      if (state.step !== 'new' && state.step !== 'unstarted') return refused(state, 'started');
      if (input.round <= state.round) return refused(state, 'round not higher');
      const next: CoreState = { ...state, step: 'propose', round: input.round };
      if (input.type === 'newRound')
        return { state: next, output: { type: 'timer', kind: 'propose', round: input.round } };
      if (next.validValue === null) return { state: next, output: { type: 'wantValue', round: input.round } };
      return {
        state: next,
        output: { type: 'propose', round: input.round, value: next.validValue, polkaRound: next.validRound },
      };
    }
    case 'proposeValue': // line 19; the driver knows that it leads and has not proposed yet
      return {
        state,
        output: { type: 'propose', round: state.round, value: input.value, polkaRound: state.validRound },
      };
    case 'proposal': // lines 22–26, of the current round and judged valid by the driver
      if (state.step !== 'propose') return refused(state, 'not proposing');
      return prevote(state, state.lockedRound === -1 || state.lockedValue === input.value ? input.value : null);
    case 'proposalInvalid': // line 26
      if (state.step !== 'propose') return refused(state, 'not proposing');
      return prevote(state, null);
    case 'proposalWithPolka': // lines 28–32
      if (state.step !== 'propose' || input.polkaRound < 0 || input.polkaRound >= state.round)
        return refused(state, 'polka not usable');
      return prevote(
        state,
        state.lockedRound <= input.polkaRound || state.lockedValue === input.value ? input.value : null,
      );
    case 'polkaInvalid': // line 32 as the outside specification has it; no driver of ours raises it, since a polka proves validity
      return prevote(state, null);
    case 'polkaAny': // line 34
      if (state.step !== 'prevote') return refused(state, 'not prevoting');
      return { state, output: { type: 'timer', kind: 'prevote', round: state.round } };
    case 'polkaValue': {
      // lines 36–43
      if (state.step !== 'prevote' && state.step !== 'precommit') return refused(state, 'not voting');
      const valid: CoreState = { ...state, validValue: input.value, validRound: state.round };
      if (state.step === 'precommit') return { state: valid, output: { type: 'none' } };
      return precommit({ ...valid, lockedValue: input.value, lockedRound: state.round }, input.value);
    }
    case 'polkaNil': // line 44
      if (state.step !== 'prevote') return refused(state, 'not prevoting');
      return precommit(state, null);
    case 'precommitAny': // line 47
      return { state, output: { type: 'timer', kind: 'precommit', round: state.round } };
    case 'commit': // line 49
      if (state.step === 'commit') return refused(state, 'decided');
      return {
        state: { ...state, step: 'commit' },
        output: { type: 'decide', round: input.round, value: input.value },
      };
    case 'roundSkip': // line 55
      if (input.round <= state.round) return refused(state, 'round not higher');
      return { state: { ...state, step: 'unstarted' }, output: { type: 'skip', round: input.round } };
    case 'timeout':
      return timeout(state, input.kind, input.instance === state.instance && input.round === state.round);
  }
}

function timeout(state: CoreState, kind: TimeoutKind, current: boolean): CoreResult {
  if (!current) return refused(state, 'stale timeout');
  if (kind === 'propose' && state.step === 'propose') return prevote(state, null); // line 57
  if (kind === 'prevote' && state.step === 'prevote') return precommit(state, null); // line 61
  if (kind === 'precommit')
    return { state: { ...state, step: 'unstarted' }, output: { type: 'skip', round: state.round + 1 } }; // line 65
  return refused(state, 'stale timeout');
}

function prevote(state: CoreState, value: Ballot): CoreResult {
  return { state: { ...state, step: 'prevote' }, output: { type: 'vote', kind: 'prevote', round: state.round, value } };
}

function precommit(state: CoreState, value: Ballot): CoreResult {
  return {
    state: { ...state, step: 'precommit' },
    output: { type: 'vote', kind: 'precommit', round: state.round, value },
  };
}

function refused(state: CoreState, reason: RefusedInput): CoreResult {
  return { state, output: { type: 'refused', reason } };
}

/**
 * The one rule beside the paper's: a polka of an earlier round, learnt late from a certificate, becomes the valid value. Without it a
 * lone locked node could hold the others up for ever (the hidden lock).
 */
export function learnPolka(state: CoreState, polkaRound: number, value: ValueId): CoreState {
  if (polkaRound <= state.validRound || polkaRound >= state.round) return state;
  return { ...state, validRound: polkaRound, validValue: value };
}
