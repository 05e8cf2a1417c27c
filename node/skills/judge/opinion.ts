// Law: a judge looks at what it was given to judge and at nothing else: the very files that the docket names, or the result itself. Rules come
// before taste: where one is broken the answer is no, whatever a model would say.
import { canonicalBytes } from '../canonical.ts';
import { byName, SkillFailure, type SkillFile } from '../skill.ts';
import { utf8Chunks } from '../text-file.ts';
import { candidateName, type Opinion, type OpinionInput } from './asked.ts';
import { run as docketOf } from './docket.ts';
import { brokenBy } from './rules.ts';

const workMaxBytes = 16 * 1024 * 1024;

export async function run(input: unknown, files: readonly SkillFile[]): Promise<Opinion> {
  const { of = 'result', ...asked } = input as OpinionInput;
  const candidate = files.find(({ name }) => name === candidateName);
  if (candidate === undefined)
    throw new SkillFailure('nothing_to_judge', 'judge.opinion judges a result: a relation names it, a task does not');
  const given = files.filter((file) => file !== candidate);
  if (
    of === 'files' &&
    textOf(candidate) !== Buffer.from(canonicalBytes(await docketOf(asked, given))).toString('utf8')
  )
    return { accept: false, by: 'rules', reasons: ['the result does not name what was given to be judged'] };
  const texts = (of === 'files' ? byName(given) : [candidate]).map(textOf);
  const reasons = (asked.rules ?? []).flatMap((rule) => brokenBy(rule, texts) ?? []);
  return { accept: reasons.length === 0, by: 'rules', reasons };
}

/** Throws SkillFailure where it is not text, or too much of it. */
function textOf(file: SkillFile): string {
  if (file.sizeBytes > workMaxBytes)
    throw new SkillFailure(
      'too_large',
      `'${file.name}' has ${file.sizeBytes} bytes; at most ${workMaxBytes} are judged`,
    );
  return Buffer.concat([...utf8Chunks(file)]).toString('utf8');
}
