// Law: a plan's files are names of bytes, never paths; what a task reads is fixed before it is offered.
import type { BlobRef } from '../system/index.ts';
import type { FileSource, Json, Plan, PlanDraft, PlanTask } from './plan.ts';

/** The local paths a draft names, each once, in order of appearance. */
export function draftPaths(draft: PlanDraft): readonly string[] {
  const paths = new Set<string>();
  for (const task of draft.tasks) {
    for (const source of Object.values(task.files)) if ('path' in source) paths.add(source.path);
  }
  return [...paths];
}

/** Puts the stored payloads in place of the paths. Throws for a path that `blobs` lacks. */
export function bindFiles(draft: PlanDraft, blobs: ReadonlyMap<string, BlobRef>): Plan {
  const bind = (source: PlanDraft['tasks'][number]['files'][string], task: string, file: string): FileSource => {
    if (!('path' in source)) return source;
    const blob = blobs.get(source.path);
    if (blob === undefined)
      throw new Error(
        `task "${task}": file "${file}" comes from ${source.path}, which was not stored; store it and bind again`,
      );
    return { blob };
  };
  return {
    ...draft,
    tasks: draft.tasks.map((task) => ({
      ...task,
      files: Object.fromEntries(
        Object.entries(task.files).map(([file, source]) => [file, bind(source, task.id, file)]),
      ),
    })),
  };
}

/** What a task it waited for came to: its output, or why there is none (only an optional task may be absent). */
export type TaskOutput =
  | { readonly kind: 'output'; readonly blob: BlobRef }
  | { readonly kind: 'absent'; readonly reason: string };

/**
 * The call a task stands for once everything it waits for is finished. Files from absent optional tasks are left out, and where
 * the input has a list `missing`, each absent site is added to it as `{site, reason}`, in plan order: the answer names it.
 * Throws where an output is not given, or a task that is not optional is absent.
 */
export function bindTask(
  plan: Plan,
  task: PlanTask,
  outputs: ReadonlyMap<string, TaskOutput>,
): { readonly input: Json; readonly files: Readonly<Record<string, BlobRef>> } {
  const files: Record<string, BlobRef> = {};
  const absent = new Map<string, string>();
  for (const [file, source] of Object.entries(task.files)) {
    if ('blob' in source) {
      files[file] = source.blob;
      continue;
    }
    const output = outputs.get(source.task);
    if (output === undefined) throw new Error(`task "${task.id}": "${source.task}" is not finished; wait for it`);
    if (output.kind === 'output') files[file] = output.blob;
    else if (plan.tasks.find(({ id }) => id === source.task)?.optional === true) absent.set(source.task, output.reason);
    else throw new Error(`task "${task.id}": "${source.task}" has no output (${output.reason}) and is not optional`);
  }
  const input = task.input;
  if (
    absent.size === 0 ||
    typeof input !== 'object' ||
    input === null ||
    !('missing' in input) ||
    !Array.isArray(input.missing)
  )
    return { input, files };
  const named = plan.tasks
    .filter(({ id }) => absent.has(id))
    .map((source) => ({ site: source.placement?.site ?? source.id, reason: absent.get(source.id)! }));
  return { input: { ...input, missing: [...(input.missing as readonly Json[]), ...named] }, files };
}
