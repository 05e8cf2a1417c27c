// Law: every schema error is said in words, with the place it is at.
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { relationProblems } from '../../consensus/index.ts';
import { nearestName } from './nearest.ts';
import { draftSchema, type PlanDraft, planSchema } from './plan.ts';

export type Path = readonly (string | number)[];

/** What is wrong, with what, and where in the plan: `path` leads to the value, `atKey` says that its key is meant. */
export interface PlanProblem {
  readonly path: Path;
  readonly atKey: boolean;
  readonly task?: string;
  readonly message: string;
}

export interface SchemaProblem {
  readonly path: Path;
  readonly atKey: boolean;
  readonly message: string;
}

/** More are not reported: a thousand wrong rows are one mistake. */
const maximumProblems = 20;
const compiled = new WeakMap<object, ValidateFunction>();
// Without the meta-schemas: compiling those costs more than all our schemas together.
const ajv = new Ajv2020({
  allErrors: true,
  strict: false,
  validateFormats: false,
  verbose: true,
  meta: false,
  validateSchema: false,
});

function validatorOf(schema: object): ValidateFunction {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    // Its own cache would keep every schema for ever.
    ajv.removeSchema(schema);
    compiled.set(schema, validate);
  }
  return validate;
}

/** Where `value` breaks `schema`. The pointer is cut into the keys it names; array positions become numbers. */
export function schemaProblems(value: unknown, schema: object): readonly SchemaProblem[] {
  let validate: ValidateFunction;
  try {
    validate = validatorOf(schema);
  } catch (error) {
    return [
      {
        path: [],
        atKey: false,
        message: `cannot be checked: the schema itself is wrong (${(error as Error).message})`,
      },
    ];
  }
  if (validate(value)) return [];
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if' && keyword !== 'propertyNames');
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  // The branches of a union each complain; the union's own line says it once.
  const told = errors.filter(
    (error) => !unions.some((union) => union !== error && error.schemaPath.startsWith(`${union.schemaPath}/`)),
  );
  return told.slice(0, maximumProblems).map((error) => problemOf(error, value));
}

function problemOf(error: ErrorObject, root: unknown): SchemaProblem {
  const path = pathOf(error.instancePath, root);
  const { params } = error;
  const name = path.length === 0 ? '' : `${pathText(path)} `;
  const wanted = (error.parentSchema as { readonly wanted?: string } | undefined)?.wanted;
  // What is said of a key names it.
  switch (error.propertyName === undefined ? error.keyword : '') {
    case 'additionalProperties': {
      const key = String(params.additionalProperty);
      const near = nearestName(key, Object.keys((error.parentSchema?.properties as object | undefined) ?? {}));
      const hint =
        near === undefined
          ? `known are ${Object.keys((error.parentSchema?.properties as object | undefined) ?? {}).join(', ')}`
          : `did you mean "${near}"?`;
      return { path: [...path, key], atKey: true, message: `${name}has an unknown property "${key}"; ${hint}` };
    }
    case 'required':
      return { path, atKey: false, message: `${name}lacks "${String(params.missingProperty)}"` };
    case 'enum':
      return { path, atKey: false, message: `${name}must be one of ${(params.allowedValues as unknown[]).join(', ')}` };
    case 'const':
      return { path, atKey: false, message: `${name}must be ${JSON.stringify(params.allowedValue)}` };
    case 'type':
      return {
        path,
        atKey: false,
        message: `${name}must be ${wanted ?? `of type ${[params.type].flat().join(' or ')}`}, and is ${valueInWords(error.data)}`,
      };
    case 'pattern':
      return {
        path,
        atKey: false,
        message: `${name}must ${wanted === undefined ? `match ${String(params.pattern)}` : `be ${wanted}`}, and is ${valueInWords(error.data)}`,
      };
    case 'anyOf':
    case 'oneOf':
      return {
        path,
        atKey: false,
        message: `${name}has none of the allowed forms${wanted === undefined ? '' : `: ${wanted}`}`,
      };
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
    case 'minLength':
    case 'maxLength': {
      const what = /Length$/.test(error.keyword) ? 'character' : /Items$/.test(error.keyword) ? 'item' : 'key';
      const limit = Number(params.limit);
      const bound = error.keyword.startsWith('min') ? 'at least' : 'at most';
      return { path, atKey: false, message: `${name}must hold ${bound} ${limit} ${what}${limit === 1 ? '' : 's'}` };
    }
    case 'minimum':
    case 'maximum':
      return {
        path,
        atKey: false,
        message: `${name}must be ${error.keyword === 'minimum' ? 'at least' : 'at most'} ${String(params.limit)}, and is ${valueInWords(error.data)}`,
      };
    default: {
      const key = error.propertyName;
      if (key !== undefined)
        return {
          path: [...path, key],
          atKey: true,
          message: `${name}holds the key "${key}", which ${error.message ?? 'is not allowed'}`,
        };
      return { path, atKey: false, message: `${name}${error.message ?? 'is not valid'}` };
    }
  }
}

/** Short, for the end of a sentence. */
function valueInWords(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function pathOf(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  let at = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at) ? Number(key) : key);
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  }
  return path;
}

/** `tasks[2].input.limit` */
function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`))
    .join('');
}

/** Whether `value` has the shape of a plan or of a draft. Problems inside a task name the task. */
export function shapeProblems(value: unknown, kind: 'plan' | 'draft'): readonly PlanProblem[] {
  const problems = schemaProblems(value, kind === 'plan' ? planSchema : draftSchema);
  if (problems.length === 0) return relationsOf(value as Pick<PlanDraft, 'tasks'>);
  return problems.map((problem) => {
    const task = taskAt(value, problem.path);
    if (task !== undefined) {
      // The line names the task already; what is left is the place inside it.
      const inside = problem.message.slice(pathText(problem.path.slice(0, 2)).length).replace(/^[.\s]+/, '');
      return { ...problem, task, message: inside };
    }
    return problem.path.length - (problem.atKey ? 1 : 0) === 0
      ? { ...problem, message: `the plan ${problem.message}` }
      : problem;
  });
}

function relationsOf({ tasks }: Pick<PlanDraft, 'tasks'>): readonly PlanProblem[] {
  return tasks.flatMap(({ id, relation }, index) =>
    relation === undefined
      ? []
      : relationProblems(relation).map(({ path, ...problem }) => ({
          ...problem,
          path: ['tasks', index, 'relation', ...path],
          task: id,
        })),
  );
}

/** The id of the task that `path` leads into, if it has one. */
function taskAt(value: unknown, path: Path): string | undefined {
  if (path[0] !== 'tasks' || typeof path[1] !== 'number') return undefined;
  const tasks = (value as { tasks?: unknown }).tasks;
  const task: unknown = Array.isArray(tasks) ? tasks[path[1]] : undefined;
  const id = typeof task === 'object' && task !== null ? (task as { id?: unknown }).id : undefined;
  return typeof id === 'string' ? id : undefined;
}
