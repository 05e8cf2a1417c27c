// Law: a skill's run ends in exactly one outcome, within its time: a result, a failure of its input, or a fault of this run.
//
// What this sandbox isolates: a run has its own thread, its own JavaScript heap with a limit (heap only: buffers outside the heap are
// not counted), no environment variables, no standard output; it can be ended at any moment; and nothing it does to its own globals reaches the
// node. What it does not isolate: the thread belongs to the node's process and could open files and sockets as the node can, and
// a crash of the runtime itself ends the node. It is for the skills of this package, which are trusted code over untrusted data.

import type { SkillManifest } from '../../actors/planner/index.ts';
import type { BlobRef, FileProfile, Sandbox, SkillCall, SkillOutcome } from '../../actors/system/index.ts';
import { manifests as ownManifests } from '../skills/index.ts';
import type { Reply } from './messages.ts';
import { Pool } from './pool.ts';

export interface SandboxOptions {
  /** Absolute path of a blob in the local store. */
  readonly blobPath: (digest: string) => string;
  /** Runs at the same time; further ones wait. Default 2. */
  readonly maxWorkers?: number;
  /** Heap limit of one run in MiB. Default 256. */
  readonly memoryMb?: number;
  /** Other skills than this package's: a module that exports `skills`, and their manifests. */
  readonly registry?: { readonly module: URL; readonly manifests: readonly SkillManifest[] };
}

type Fault = Extract<SkillOutcome, { kind: 'fault' }>['code'];

export function createSandbox({ blobPath, maxWorkers = 2, memoryMb = 256, registry }: SandboxOptions): Sandbox {
  const manifests = registry?.manifests ?? ownManifests;
  const names = new Set(manifests.map(({ name }) => name));
  const pool = new Pool({ maxWorkers, memoryMb, skillsModule: registry?.module.href });
  const fileOf = (name: string, { digest, sizeBytes }: BlobRef) => ({ name, path: blobPath(digest), sizeBytes });

  return {
    manifests: () => manifests,

    async run(call: SkillCall, options): Promise<SkillOutcome> {
      const fault = (code: Fault, message: string, durationMs = 0): SkillOutcome => ({
        kind: 'fault',
        code,
        message,
        durationMs,
      });
      if (!names.has(call.skill)) return fault('unknown_skill', `this node has no skill '${call.skill}'`);
      const files = Object.entries(call.files).map(([name, blob]) => fileOf(name, blob));
      const ended = await pool.run({ kind: 'run', skill: call.skill, input: call.input, files }, options);
      if ('fault' in ended) return fault(ended.fault, `${call.skill}: ${ended.message}`, ended.durationMs);
      return outcomeOf(ended.reply, ended.durationMs);
    },

    async profile({ name, blob }, { timeoutMs }): Promise<FileProfile> {
      const ended = await pool.run({ kind: 'profile', file: fileOf(name, blob) }, { timeoutMs });
      if ('reply' in ended && ended.reply.kind === 'profile') return ended.reply.profile;
      const problem =
        'fault' in ended ? ended.message : 'message' in ended.reply ? ended.reply.message : 'no profile was made';
      return {
        name,
        format: 'unknown',
        sizeBytes: blob.sizeBytes,
        tables: [],
        problem: `'${name}' could not be examined: ${problem}`,
      };
    },

    close: () => pool.close(),
  };
}

function outcomeOf(reply: Reply, durationMs: number): SkillOutcome {
  switch (reply.kind) {
    case 'result':
      return { kind: 'result', output: reply.output, durationMs };
    case 'failure':
      return { kind: 'failure', code: reply.code, message: reply.message, durationMs };
    case 'crashed':
      return { kind: 'fault', code: 'crashed', message: reply.message, durationMs };
    case 'profile':
      return { kind: 'fault', code: 'crashed', message: 'the worker answered another question', durationMs };
  }
}
