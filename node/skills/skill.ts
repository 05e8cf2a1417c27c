// Law: a skill is a pure function of its input and its files. What it throws as SkillFailure is a judgement about them that every
// honest node reaches alike; anything else it throws is a fault of this run.
import type { SkillManifest } from '../../actors/planner/index.ts';

/** A file as a skill sees it: the name the plan gave it (relative, `/` between folders) and where its bytes are on this machine. */
export interface SkillFile {
  readonly name: string;
  /** Absolute path of the bytes. Never part of an output or a message: it differs from node to node. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface Skill {
  readonly manifest: SkillManifest;
  /** `input` satisfies the manifest's schema. Resolves to the output as a JSON value; rejects with SkillFailure. */
  run(input: unknown, files: readonly SkillFile[]): Promise<unknown>;
}

export class SkillFailure extends Error {
  override readonly name = 'SkillFailure';
  /** Lower-case words joined by `_`: stable, for programs. The message is for people. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The one file of a skill that takes exactly one. */
export function onlyFile(files: readonly SkillFile[], what: string): SkillFile {
  const [first, second] = files;
  if (first === undefined) throw new SkillFailure('missing_file', `${what} needs a file; none was given`);
  if (second !== undefined) {
    throw new SkillFailure(
      'too_many_files',
      `${what} takes one file; ${files.length} were given, the second is '${second.name}'`,
    );
  }
  return first;
}

/** Files in the order of their names, whatever order they arrived in. */
export function byName(files: readonly SkillFile[]): SkillFile[] {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
