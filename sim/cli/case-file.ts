// Law: a case file holds one run to the byte: the case as data, what it broke, and the code that it broke in.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliFailure, exitCodes, printable } from '../../node/cli/index.ts';
import type { SimCase } from '../case.ts';
import type { RunResult } from '../run.ts';
import type { Expectations } from '../scenario/index.ts';
import { sourceHash } from '../source-hash.ts';

const format = 'parley-simcase/1';

export interface CaseFile {
  readonly format: typeof format;
  /** What it came from: a scenario's name, or `swarm`. */
  readonly name: string;
  /** Of the code that ran. */
  readonly code: string;
  /** Those it broke; none for a run that passed. */
  readonly laws: readonly string[];
  /** Of the whole run: equal code gives an equal hash. */
  readonly hash: string;
  readonly expect?: Expectations;
  readonly case: SimCase;
}

const number = z.number();
const outline = z.looseObject({
  format: z.literal(format),
  name: z.string(),
  code: z.string(),
  laws: z.array(z.string()),
  hash: z.string(),
  case: z.looseObject({
    seed: number,
    nodes: z.array(z.looseObject({ site: z.string() })).min(1),
    signatures: z.string(),
    network: z.looseObject({ near: z.looseObject({}), far: z.looseObject({}) }),
    disk: z.looseObject({}),
    plan: z.looseObject({
      faults: z.array(z.looseObject({ kind: z.string(), when: z.looseObject({}) })),
      liars: z.array(z.looseObject({ node: number, kits: z.array(z.string()) })),
    }),
    workload: z.array(z.looseObject({ id: number, atMs: number, node: number })),
    faultsUntilMs: number,
    settleMs: number,
    heal: z.enum(['quorum', 'all']),
    without: z.array(z.string()),
  }),
});

export function caseFileOf(
  name: string,
  simCase: SimCase,
  expect: Expectations | undefined,
  result: RunResult,
): CaseFile {
  return {
    format,
    name,
    code: sourceHash(),
    laws: [...new Set(result.violations.map(({ law }) => law))],
    hash: result.hash,
    ...(expect === undefined ? {} : { expect }),
    case: simCase,
  };
}

/** Returns the path. */
export function saveCaseFile(path: string, file: CaseFile): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`);
  return path;
}

export function caseFileName({ name, case: { seed }, laws }: CaseFile): string {
  return `${name.replace(/[^a-z0-9-]+/gi, '-')}-${seed}${laws.length === 0 ? '' : `-${laws[0]}`}.simcase.json`;
}

/** Throws CliFailure where there is none, or it is none. */
export function readCaseFile(path: string): CaseFile {
  if (!existsSync(path))
    throw new CliFailure(
      exitCodes.usage,
      'no_file',
      `there is no case file ${path}`,
      'A failing run says which file it saved.',
    );
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CliFailure(exitCodes.usage, 'not_a_case', `${path} is no JSON: ${printable((error as Error).message)}`);
  }
  const parsed = outline.safeParse(value);
  if (parsed.success) return value as CaseFile;
  const [issue] = parsed.error.issues;
  throw new CliFailure(
    exitCodes.usage,
    'not_a_case',
    `${path} is no case file of this version: ${issue!.path.join('.')}: ${issue!.message}`,
    'Case files are written by `sim run --save`, `sim fuzz` and `sim shrink`.',
  );
}

/** Where failing cases are kept, unless told otherwise. */
export function casesFolder(cwd: string): string {
  return join(cwd, '.parley', 'sim');
}
