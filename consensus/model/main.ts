// Law: the whole of `npm run model`: every configuration must show nothing, every mutant must show something. Rows come one by one, so
// that whoever prints them can say how long each took.
import { explore } from './explore.ts';
import {
  anyThresholdUp,
  type Configuration,
  configurations,
  mutants,
  oneValueThresholdUp,
  rulesOf,
  twoValuesThresholdDown,
  twoValuesThresholdUp,
} from './rules.ts';
import { judgeAllMemberships } from './weighted.ts';

export interface Row {
  readonly part: 'configuration' | 'mutant' | 'weights' | 'mutant with weights';
  readonly name: string;
  /** States or sets of reports looked at. */
  readonly looked: number;
  /** What was found, in words; undefined where nothing was. */
  readonly disagreement: string | undefined;
  readonly blocked: string | undefined;
  /** Nothing found where nothing may be, something where something must be, and nothing left out. */
  readonly isAsExpected: boolean;
}

export function configurationInWords({ mode, n, f, c, p, rounds, values }: Configuration): string {
  return `${mode} n=${n} f=${f} c=${c} p=${p}, ${rounds} rounds, ${values} values`;
}

export function* modelRows(options: {
  readonly statesMax: number;
  readonly weightedMembersMax: number;
}): Generator<Row> {
  for (const configuration of configurations) {
    const { states, disagreement, blocked, isCut } = explore(configuration, rulesOf(configuration), options.statesMax);
    const isAsExpected = disagreement === undefined && blocked === undefined && !isCut;
    yield {
      part: 'configuration',
      name: configurationInWords(configuration),
      looked: states,
      disagreement,
      blocked,
      isAsExpected,
    };
  }
  for (const { name, configuration, bend } of mutants) {
    const { states, disagreement, blocked } = explore(configuration, bend(rulesOf(configuration)), options.statesMax);
    yield {
      part: 'mutant',
      name,
      looked: states,
      disagreement,
      blocked,
      isAsExpected: disagreement !== undefined || blocked !== undefined,
    };
  }
  yield* weightedRows(options.weightedMembersMax);
}

function* weightedRows(membersMax: number): Generator<Row> {
  const rules = rulesOf(configurations[0]!);
  const trials = [
    { name: 'every sound (f, c, p)', judge: rules.judge, beyondSlack: 0 },
    { name: 'one value reported: threshold one too high', judge: oneValueThresholdUp(rules).judge, beyondSlack: 0 },
    { name: 'two values reported: threshold one too high', judge: twoValuesThresholdUp(rules).judge, beyondSlack: 0 },
    { name: 'two values reported: threshold one too low', judge: twoValuesThresholdDown(rules).judge, beyondSlack: 0 },
    { name: 'a slack one beyond the largest sound one', judge: rules.judge, beyondSlack: 1 },
    { name: 'leaderless: every sound (f, c, p)', judge: rules.judge, beyondSlack: 0, isLeaderless: true },
    {
      name: 'leaderless: threshold one too high',
      judge: anyThresholdUp(rules).judge,
      beyondSlack: 0,
      isLeaderless: true,
    },
    { name: 'leaderless: a slack one beyond the largest', judge: rules.judge, beyondSlack: 1, isLeaderless: true },
  ];
  for (const { name, judge, beyondSlack, isLeaderless = false } of trials) {
    const { memberships, sets, unsafe, blocked } = judgeAllMemberships({
      membersMax,
      weightMax: 3,
      judge,
      beyondSlack,
      isLeaderless,
    });
    const isMutant = !name.includes('every sound');
    yield {
      part: isMutant ? 'mutant with weights' : 'weights',
      name: `${name}, ${memberships} memberships of up to ${membersMax}`,
      looked: sets,
      disagreement: unsafe > 0 ? `${unsafe} sets permit a value while another may be decided` : undefined,
      blocked: blocked > 0 ? `${blocked} sets permit nothing` : undefined,
      isAsExpected: isMutant === unsafe + blocked > 0,
    };
  }
}
