// Law: a plan is plain data with bounds on everything; what is not in this schema is not a plan.
import type { RelationSpec } from '../../consensus/index.ts';
import type { BlobRef } from '../system/index.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** In rising order of what can go wrong; see `riskOf`. */
export type Risk = 'read-only' | 'writes' | 'external' | 'destructive';
export const risks: readonly Risk[] = ['read-only', 'writes', 'external', 'destructive'];

/** A payload, or the output of another task as a canonical JSON file. */
export type FileSource = { readonly blob: BlobRef } | { readonly task: string };
/** In a draft a file may also still be a path on the author's machine. */
export type DraftFileSource = FileSource | { readonly path: string };

interface TaskShape<Source> {
  readonly id: string;
  readonly skill: string;
  readonly input: Json;
  /** The file name the skill sees, and where its bytes come from. */
  readonly files: Readonly<Record<string, Source>>;
  /** Ids of the tasks that must be finished first: at least every `{task}` source. */
  readonly after: readonly string[];
  /** Runs only on nodes of this site, on the site's private data set, which never travels. */
  readonly placement?: { readonly site: string; readonly dataSet: string };
  /** Who recomputes: 2f+1 members of the mesh, or only members of the site (the result rests on the site's own word). */
  readonly endorsement: 'quorum' | 'site';
  /** When two results bear each other out. Equal bytes unless given. */
  readonly relation?: RelationSpec;
  /** A REJECT or an unreachable site does not fail the workflow: it is named in the answer. */
  readonly optional: boolean;
  readonly timeoutMs: number;
}

interface PlanShape<Source> {
  readonly version: 1;
  /** The intent in words, for people. */
  readonly goal: string;
  readonly tasks: readonly TaskShape<Source>[];
  /** Id of the task whose output is the answer. */
  readonly result: string;
  readonly risk: Risk;
}

export type PlanTask = TaskShape<FileSource>;
export type Plan = PlanShape<FileSource>;
/** A plan as a person writes it: files still named by local path. `bindFiles` makes it a plan. */
export type PlanDraft = PlanShape<DraftFileSource>;

export const planLimits = {
  tasks: 64,
  filesPerTask: 2_048,
  goalChars: 2_000,
  fileNameChars: 255,
  pathChars: 4_096,
  inputBytes: 65_536,
  planBytes: 524_288,
  /** Arrays and objects inside each other. */
  nesting: 64,
  minimumTimeoutMs: 100,
  maximumTimeoutMs: 3_600_000,
  defaultTimeoutMs: 60_000,
} as const;

const idPattern = '^[a-z][a-z0-9-]{0,39}$';
// `wanted` says in words what is asked for, where the value is something else.
const taskId = {
  type: 'string',
  pattern: idPattern,
  wanted: 'lower-case letters, digits and "-", a letter first, 40 at most',
};
/** Slash-separated, relative, without `.` or `..` segments and control characters: it cannot leave the folder it is put in. */
const fileName = {
  type: 'string',
  minLength: 1,
  maxLength: planLimits.fileNameChars,
  pattern: '^(?!\\.{1,2}(/|$))[^/\\\\\\u0000-\\u001f]+(/(?!\\.{1,2}(/|$))[^/\\\\\\u0000-\\u001f]+)*$',
};
const word = { type: 'string', minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f]+$' };

function sourceOf(property: string, schema: object): object {
  return { type: 'object', required: [property], additionalProperties: false, properties: { [property]: schema } };
}

const blobSource = sourceOf('blob', {
  type: 'object',
  required: ['digest', 'sizeBytes'],
  additionalProperties: false,
  properties: {
    digest: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    sizeBytes: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  },
});
const pathSource = sourceOf('path', { type: 'string', minLength: 1, maxLength: planLimits.pathChars });

function schemaWith(sources: readonly object[]): Readonly<Record<string, unknown>> {
  return {
    type: 'object',
    required: ['version', 'goal', 'tasks', 'result', 'risk'],
    additionalProperties: false,
    properties: {
      version: { const: 1 },
      goal: { type: 'string', minLength: 1, maxLength: planLimits.goalChars },
      result: taskId,
      risk: { enum: risks },
      tasks: {
        type: 'array',
        minItems: 1,
        maxItems: planLimits.tasks,
        items: {
          type: 'object',
          required: ['id', 'skill', 'input', 'files', 'after', 'endorsement', 'optional', 'timeoutMs'],
          additionalProperties: false,
          properties: {
            id: taskId,
            skill: { type: 'string', minLength: 1, maxLength: 64 },
            input: {},
            files: {
              type: 'object',
              maxProperties: planLimits.filesPerTask,
              propertyNames: fileName,
              additionalProperties: {
                anyOf: sources,
                wanted: 'a path, { task: ID } or { blob: { digest, sizeBytes } }',
              },
            },
            after: { type: 'array', maxItems: planLimits.tasks, uniqueItems: true, items: taskId },
            placement: {
              type: 'object',
              required: ['site', 'dataSet'],
              additionalProperties: false,
              properties: { site: word, dataSet: word },
            },
            endorsement: { enum: ['quorum', 'site'] },
            // Its own parameters are checked by `relationProblems`, which names each by its kind.
            relation: {
              type: 'object',
              required: ['kind'],
              wanted: 'exact, canonical, or a mapping with "kind" such as { kind: numeric, absolute: 0.01 }',
            },
            optional: { type: 'boolean' },
            timeoutMs: { type: 'integer', minimum: planLimits.minimumTimeoutMs, maximum: planLimits.maximumTimeoutMs },
          },
        },
      },
    },
  };
}

/** JSON Schema of `Plan`. */
export const planSchema = schemaWith([blobSource, sourceOf('task', taskId)]);
/** JSON Schema of `PlanDraft`. */
export const draftSchema = schemaWith([blobSource, sourceOf('task', taskId), pathSource]);
