// Law: a parameter is a field of the scenario, by its path; its values are a list or an even ladder, each written as in a scenario.
import { CliFailure, exitCodes } from '../../node/cli/index.ts';

export interface Parameter {
  readonly path: string;
  readonly values: readonly (string | number)[];
}

/** What most sweeps are about, by one word. */
const shorthands: Readonly<Record<string, string>> = {
  loss: 'network.loss',
  latency: 'network.latency',
  jitter: 'network.jitter',
  duplicate: 'network.duplicate',
  reorder: 'network.reorder',
  bandwidth: 'network.bandwidth',
};
const valuesMax = 100;

/** `loss=0:0.3:0.05`, `latency=10ms:100ms:30ms`, `nodes=4,7,10`. */
export function parseParameter(text: string): Parameter {
  const wrong = (why: string): never => {
    throw new CliFailure(
      exitCodes.usage,
      'bad_request',
      `--param ${text}: ${why}`,
      'Write PATH=FROM:TO:STEP or PATH=A,B,C, for example loss=0:0.3:0.05, latency=10ms:100ms:30ms or nodes=4,7.',
    );
  };
  const match = /^([A-Za-z][\w.]*)=(.+)$/.exec(text);
  if (match === null) return wrong('this is no parameter');
  const [, name, written] = match as unknown as [string, string, string];
  const path = shorthands[name] ?? name;
  const ladder = written.split(':');
  if (ladder.length === 1) return { path, values: written.split(',').map(readValue) };
  const parts = ladder.map((part) => /^(-?\d+(?:\.\d+)?)([A-Za-z/]*)$/.exec(part.trim()));
  if (parts.length !== 3 || parts.some((part) => part === null)) return wrong('a ladder is FROM:TO:STEP');
  const [from, to, step] = parts.map((part) => Number(part![1])) as [number, number, number];
  const units = new Set(parts.map((part) => part![2]));
  if (units.size > 1) return wrong('the three numbers of a ladder have one unit');
  if (!(step > 0) || to < from) return wrong('a ladder goes up, by a step above 0');
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count > valuesMax) return wrong(`${count} values; at most ${valuesMax}`);
  const [unit] = [...units] as [string];
  // As written: 0.15 and not 0.15000000000000002.
  const digits = Math.max(...ladder.map((part) => /\.(\d+)/.exec(part)?.[1]?.length ?? 0));
  const values = Array.from({ length: count }, (_, i) => Number((from + i * step).toFixed(digits)));
  return { path, values: values.map((value) => (unit === '' ? value : `${value}${unit}`)) };
}

function readValue(text: string): string | number {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text.trim();
}

/** Every combination. */
export function* settings(parameters: readonly Parameter[]): Generator<Record<string, string | number>> {
  const [first, ...others] = parameters;
  if (first === undefined) return yield {};
  for (const value of first.values) for (const rest of settings(others)) yield { [first.path]: value, ...rest };
}

/** Sets the fields in a scenario as it was written. */
export function withParameters(raw: object, setting: Readonly<Record<string, string | number>>): void {
  for (const [path, value] of Object.entries(setting)) {
    const keys = path.split('.');
    let at = raw as Record<string, unknown>;
    for (const key of keys.slice(0, -1)) {
      const next = at[key];
      if (typeof next !== 'object' || next === null) at[key] = {};
      at = at[key] as Record<string, unknown>;
    }
    at[keys.at(-1)!] = value;
  }
}
