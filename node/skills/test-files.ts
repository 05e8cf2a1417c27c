// Law: a test's files live in a temporary folder of its own and are gone when it ends.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SkillFile } from './skill.ts';
import { SkillFailure } from './skill.ts';

export class TestFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'parley-skills-'));

  /** Writes a file and returns it as a skill sees it. */
  file(name: string, content: string | Uint8Array): SkillFile {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return { name, path, sizeBytes: statSync(path).size };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A file of `examples/data`. */
export function exampleFile(name: string): SkillFile {
  const path = fileURLToPath(new URL(`../../examples/data/${name}`, import.meta.url));
  return { name, path, sizeBytes: readFileSync(path).length };
}

/** The failure a run ends in. Anything else it does is an error of the test. */
export async function failureOf(run: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await run;
  } catch (error) {
    if (error instanceof SkillFailure) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the run did not fail');
}
