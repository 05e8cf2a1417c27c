// Law: what is put before judges is named by the digests of its bytes, so that what they said yes to can be no other file of that name. The
// skill judges nothing: who it is accepted by is what counts.
import { createHash } from 'node:crypto';
import { byName, type SkillFile } from '../skill.ts';
import { rawChunks } from '../text-file.ts';
import type { JudgeInput } from './asked.ts';

export interface Docket extends Required<JudgeInput> {
  readonly kind: 'judged';
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly sizeBytes: number }[];
}

export async function run(input: unknown, files: readonly SkillFile[]): Promise<Docket> {
  const { question, criteria = [], rules = [] } = input as JudgeInput;
  return {
    kind: 'judged',
    question,
    criteria,
    rules,
    files: byName(files).map((file) => ({ name: file.name, sha256: sha256Of(file), sizeBytes: file.sizeBytes })),
  };
}

function sha256Of(file: SkillFile): string {
  const hash = createHash('sha256');
  for (const chunk of rawChunks(file)) hash.update(chunk);
  return hash.digest('hex');
}
