// Law: every complaint about a scenario says the line and column it is about, or for one made in code, the field.
import { isCollection, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Scenario, type ScenarioInput, scenarioSchema } from './schema.ts';

/** One complaint a line: `name.yaml:12:5 faults[0].for: expected a time …`. */
export class ScenarioInvalid extends Error {
  override readonly name = 'ScenarioInvalid';
  readonly code = 'bad_request';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const scenarioBytesMax = 256 * 1024;

/** Reads YAML 1.2, of which JSON is a part. `change` may set fields before the check (a sweep does). Throws ScenarioInvalid. */
export function parseScenario(text: string, fileName: string, change?: (raw: object) => void): Scenario {
  if (text.length > scenarioBytesMax)
    throw new ScenarioInvalid([`${fileName}: ${text.length} characters; a scenario has at most ${scenarioBytesMax}`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) throw new ScenarioInvalid(broken.map(({ pos, message }) => `${at(pos[0])} ${message}`));
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ScenarioInvalid([`${at(0)} ${(error as Error).message}`]);
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new ScenarioInvalid([`${at(0)} a scenario is a mapping with at least \`name\``]);
  change?.(raw);
  const parsed = scenarioSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  /** The deepest node of the document on the way to what is complained about. */
  const offsetOf = (path: readonly PropertyKey[]): number => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth) as (string | number)[], true);
      if (isNode(node) && node.range != null)
        return isCollection(node) && depth < path.length ? node.range[0] : node.range[0];
    }
    return 0;
  };
  const problems = complaints(parsed.error).map(({ path, key, message }) => ({
    offset: offsetOf(key === undefined ? path : [...path, key]),
    text: wordsOf(path, message),
  }));
  problems.sort((a, b) => a.offset - b.offset);
  throw new ScenarioInvalid(problems.map(({ offset, text: words }) => `${at(offset)} ${words}`));
}

/** Checks one made in code. Throws ScenarioInvalid. */
export function checkScenario(input: ScenarioInput): Scenario {
  const parsed = scenarioSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ScenarioInvalid(
    complaints(parsed.error).map(
      ({ path, message }) => `scenario ${JSON.stringify(input.name)}: ${wordsOf(path, message)}`,
    ),
  );
}

interface Complaint {
  readonly path: readonly PropertyKey[];
  /** The key that nothing knows, where that is the complaint. */
  readonly key?: string;
  readonly message: string;
}

function complaints(error: z.core.$ZodError): Complaint[] {
  return error.issues.flatMap((issue): Complaint[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: issue.path, key, message: `unknown field \`${key}\`` }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      // Of several forms, that which got furthest is the one that was meant.
      const depth = (list: readonly { readonly path: readonly PropertyKey[] }[]): number =>
        Math.max(...list.map(({ path }) => path.length));
      const meant = issue.errors.reduce((best, each) => (depth(each) > depth(best) ? each : best));
      if (depth(meant) > 0)
        return complaints({ issues: meant } as z.core.$ZodError).map((each) => ({
          ...each,
          path: [...issue.path, ...each.path],
        }));
      return [
        { path: issue.path, message: issue.errors.flatMap((each) => each.map(({ message }) => message)).join(', or ') },
      ];
    }
    return [{ path: issue.path, message: issue.message }];
  });
}

function wordsOf(path: readonly PropertyKey[], message: string): string {
  const place = path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
  return place === '' ? message : `${place}: ${message}`;
}
