// Law: each history of the bench is there for a rule or a shortcut of the checker, and as small as shows it.
import { createRandom } from '../../../actors/system/index.ts';
import { writeHistory } from '../write.ts';
import { recordStore } from './store.ts';

const text = { clients: 50, kind: 'text' } as const;
const register = { clients: 10, keys: 1, kind: 'register' } as const;
const log = (lines: readonly string[]): string =>
  lines
    .map((line) => line.replace(/^(\d+) (\w+) (\w+) (.*)$/, '{:process $1, :type :$2, :f :$3, :value $4}'))
    .join('\n');
const hardKey = writeHistory(recordStore({ ...text, random: createRandom(8), operations: 700, keys: 1 }));
const badKey = `{:process 900, :type :invoke, :f :get, :key "z", :value nil}
{:process 900, :type :ok, :f :get, :key "z", :value "never written"}
`;

export interface BenchHistory {
  readonly text: string;
  readonly verdict: 'ok' | 'violation' | 'unknown';
  /** Enough, and not many more. */
  readonly steps: number;
}

export const bench = {
  'late write': {
    text: log([
      '0 invoke write 1',
      '0 info write :timed-out',
      '1 invoke read nil',
      '1 ok read nil',
      '1 invoke read nil',
      '1 ok read 1',
    ]),
    verdict: 'ok',
    steps: 100,
  },
  'refused wrongly': {
    text: log(['0 invoke write 1', '0 ok write 1', '0 invoke cas [1 2]', '0 fail cas [1 2]']),
    verdict: 'violation',
    steps: 100,
  },
  'lost write': {
    text: log(['0 invoke write 1', '0 ok write 1', '0 invoke read nil', '0 ok read nil']),
    verdict: 'violation',
    steps: 100,
  },
  register: {
    text: writeHistory(recordStore({ ...register, random: createRandom(7), clients: 12, operations: 500 })),
    verdict: 'ok',
    steps: 20_000,
  },
  'many lost': {
    text: writeHistory(recordStore({ ...register, random: createRandom(9), operations: 300, lost: 0.1 })),
    verdict: 'ok',
    steps: 32_000,
  },
  'two texts': {
    text: writeHistory(recordStore({ ...text, random: createRandom(7), clients: 10, operations: 600, keys: 2 })),
    verdict: 'ok',
    steps: 5_000,
  },
  'ten texts': {
    text: writeHistory(recordStore({ ...text, random: createRandom(7), operations: 3_000, keys: 10 })),
    verdict: 'ok',
    steps: 22_000,
  },
  'one bad key': { text: hardKey + badKey, verdict: 'violation', steps: 20_000 },
  'too hard': { text: hardKey, verdict: 'unknown', steps: 20_000 },
} satisfies Record<string, BenchHistory>;
export type BenchName = keyof typeof bench;
