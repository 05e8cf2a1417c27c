// Law: every complaint about a plan file says the line and column it is about.
import type { Node, Pair } from 'yaml';
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { SkillManifest } from '../planner/index.ts';
import type { PlanDraft, Risk } from './plan.ts';
import { planLimits } from './plan.ts';
import type { Path, PlanProblem } from './shape.ts';
import { shapeProblems } from './shape.ts';
import { problemText, riskOf, validateDraft } from './validate.ts';

export type ParsedPlanFile =
  | { readonly kind: 'draft'; readonly draft: PlanDraft }
  /** One line each, `plan.yaml:12:5 task "total": unknown skill …`, in the order of the file. */
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

/**
 * Reads a plan file (YAML 1.2, of which JSON is a part). Left out may be: `version`, `risk` (that of the skills), `result` (the only
 * task nothing waits for), and in a task `files`, `after` (the tasks it reads are added), `input`, `optional`, `endorsement`,
 * `relation`, `timeoutMs`. A file is a local path, `{task: id}` or `{blob: {digest, sizeBytes}}`.
 */
export function parsePlanFile(text: string, fileName: string, manifests: readonly SkillManifest[]): ParsedPlanFile {
  if (text.length > planLimits.planBytes) {
    return {
      kind: 'invalid',
      errors: [`${fileName}: ${text.length} characters; a plan has at most ${planLimits.planBytes}`],
    };
  }
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const document = parseText(text, lines);
  if (document === undefined) return { kind: 'invalid', errors: [`${at(crowdedAt(text))} ${tooDeep}`] };
  const broken = [...document.errors, ...document.warnings];
  // Each level that the parser could not return through complains.
  const endless = broken.find(({ message }) => isStackEnd(message));
  if (endless !== undefined) return { kind: 'invalid', errors: [`${at(endless.pos[0])} ${tooDeep}`] };
  if (broken.length > 0)
    return { kind: 'invalid', errors: broken.map(({ pos, message }) => `${at(pos[0])} ${message}`) };
  const deep = firstDeeper(document.contents);
  if (deep !== undefined) return { kind: 'invalid', errors: [`${at(deep)} ${tooDeep}`] };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { kind: 'invalid', errors: [`${at(0)} ${(error as Error).message}`] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = text.trim() === '' ? 'empty' : Array.isArray(value) ? 'a list' : 'something else';
    return { kind: 'invalid', errors: [`${at(0)} a plan is a mapping with "goal" and "tasks"; this is ${found}`] };
  }
  const draft = withDefaults(value as Record<string, unknown>, manifests);
  const shape = told(shapeProblems(draft, 'draft'), value);
  const problems = shape.length > 0 ? shape : validateDraft(draft as PlanDraft, manifests);
  if (problems.length === 0) {
    const ends = endsOf((draft as PlanDraft).tasks);
    if ('result' in value || ends.length === 1) return { kind: 'draft', draft: draft as PlanDraft };
    return {
      kind: 'invalid',
      errors: [`${at(0)} nothing waits for ${ends.join(' and ')}; say which is the answer with "result: ID"`],
    };
  }
  const placed = problems.map((problem) => ({ offset: offsetOf(document.contents, problem), problem }));
  placed.sort((left, right) => left.offset - right.offset);
  return { kind: 'invalid', errors: placed.map(({ offset, problem }) => `${at(offset)} ${problemText(problem)}`) };
}

const tooDeep = `values stand deeper inside each other than ${planLimits.nesting} levels; no skill takes such an input`;

/** Undefined where the text nests so deep that the parser does not return. */
function parseText(text: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> | undefined {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Where more than may stand inside each other begins in a row. */
function crowdedAt(text: string): number {
  return Math.max(0, text.search(/(?:[-[{]\s*){65}/));
}

/** The parser's own word for a text that nests without end. */
function isStackEnd(message: string): boolean {
  return /call stack/i.test(message);
}

/** Where the text first nests deeper than a plan may; walked without recursion, for the depth is the text's to choose. */
function firstDeeper(contents: unknown): number | undefined {
  const waiting: { readonly node: unknown; readonly depth: number }[] = [{ node: contents, depth: 0 }];
  let first: number | undefined;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next;
    const isCollection = isMap(node) || isSeq(node);
    if (!isCollection) continue;
    if (depth >= planLimits.nesting) {
      first = Math.min(first ?? Number.POSITIVE_INFINITY, startOf(node));
      continue;
    }
    for (const item of node.items) waiting.push({ node: isPair(item) ? item.value : item, depth: depth + 1 });
  }
  return first;
}

/** Of what the author left out and this file filled in nothing is said beside what the author did write. */
function told(problems: readonly PlanProblem[], value: object): readonly PlanProblem[] {
  if ('result' in value) return problems;
  const isFilledIn = ({ path, message }: PlanProblem): boolean =>
    path[0] === 'result' || (path.length === 0 && message.includes('lacks "result"'));
  const rest = problems.filter((problem) => !isFilledIn(problem));
  return rest.length > 0 ? rest : problems;
}

/** Fills in what may be left out. What is of the wrong type is kept as it is, for the schema to name. */
function withDefaults(value: Record<string, unknown>, manifests: readonly SkillManifest[]): unknown {
  const tasks = Array.isArray(value.tasks)
    ? value.tasks.map((task: unknown) => (isRecord(task) ? taskWithDefaults(task, manifests) : task))
    : value.tasks;
  const known = Array.isArray(tasks) ? tasks.filter(isRecord) : [];
  const risk: Risk = riskOf(
    known.map(({ skill }) => String(skill)),
    manifests,
  );
  // Where several tasks end the plan this is only for the other checks: the author is asked.
  const result = endsOf(known)[0] ?? known.at(-1)?.id;
  return { version: 1, risk, ...(result === undefined ? {} : { result }), ...value, tasks };
}

/** Ids of the tasks that no task waits for. */
function endsOf(tasks: readonly { readonly id?: unknown; readonly after?: unknown }[]): readonly unknown[] {
  const awaited = new Set(tasks.flatMap(({ after }) => (Array.isArray(after) ? (after as unknown[]) : [])));
  return tasks.map(({ id }) => id).filter((id) => !awaited.has(id));
}

function taskWithDefaults(task: Record<string, unknown>, manifests: readonly SkillManifest[]): Record<string, unknown> {
  const files = isRecord(task.files)
    ? Object.fromEntries(
        Object.entries(task.files).map(([name, source]) => [
          name,
          typeof source === 'string' ? { path: source } : source,
        ]),
      )
    : (task.files ?? {});
  const read = isRecord(files)
    ? Object.values(files).flatMap((source) =>
        isRecord(source) && typeof source.task === 'string' ? [source.task] : [],
      )
    : [];
  const given: unknown = task.after ?? [];
  const after = Array.isArray(given) ? [...new Set([...(given as unknown[]), ...read])] : given;
  const minimum = manifests.find(({ name }) => name === task.skill)?.minimumTimeoutMs ?? 0;
  return {
    input: {},
    endorsement: task.placement === undefined ? 'quorum' : 'site',
    optional: false,
    timeoutMs: Math.max(planLimits.defaultTimeoutMs, minimum),
    ...task,
    ...(task.relation === undefined ? {} : { relation: judgedWithDefaults(relationWithDefaults(task.relation), task) }),
    files,
    after,
  };
}

/** Judges judge by the skill for that, unless told otherwise; and of a step that is there to be judged, its own question. */
function judgedWithDefaults(relation: unknown, task: Record<string, unknown>): unknown {
  if (!isRecord(relation) || relation.kind !== 'judges') return relation;
  const ofStep =
    task.skill === 'judge' && relation.input === undefined && isRecord(task.input)
      ? { input: { ...task.input, of: 'files' } }
      : {};
  return { skill: 'judge.opinion', ...relation, ...ofStep };
}

/** A relation without parameters may be given by its name, and a bound as a number: it is kept as the decimal that people read. */
function relationWithDefaults(relation: unknown): unknown {
  if (typeof relation === 'string') return { kind: relation };
  if (Array.isArray(relation)) return relation.map(relationWithDefaults);
  if (!isRecord(relation)) return relation;
  const given = { ...relation };
  for (const bound of ['absolute', 'relative'] as const)
    if (typeof given[bound] === 'number') given[bound] = String(given[bound]);
  if ('of' in given) given.of = relationWithDefaults(given.of);
  if (isRecord(given.fields))
    given.fields = Object.fromEntries(
      Object.entries(given.fields).map(([name, part]) => [name, relationWithDefaults(part)]),
    );
  return given;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where in the text `problem` is: its value, its key, or the nearest thing around it that the text has. */
function offsetOf(contents: unknown, problem: PlanProblem): number {
  let offset = startOf(contents);
  let node: unknown = contents;
  const path: Path = problem.path;
  for (const [index, part] of path.entries()) {
    const next: unknown = isMap(node) ? pairOf(node.items, part) : isSeq(node) ? node.items[Number(part)] : undefined;
    if (next === undefined) break;
    const isLast = index === path.length - 1;
    if (isPair(next)) {
      const value = next.value as Node | null;
      const emptyValue = value === null || (isScalar(value) && value.source === '');
      offset = (isLast && problem.atKey) || emptyValue ? startOf(next.key) : startOf(value);
      node = value;
    } else {
      offset = startOf(next);
      node = next;
    }
  }
  return offset;
}

function pairOf(items: readonly unknown[], key: string | number): Pair | undefined {
  return items
    .filter((item): item is Pair => isPair(item))
    .find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function startOf(node: unknown): number {
  return (node as { range?: readonly number[] } | null)?.range?.[0] ?? 0;
}
