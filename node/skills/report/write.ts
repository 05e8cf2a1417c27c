// Law: report.write writes nothing. It renders; the node writes the certified bytes into the workflow's folder, under a plain name that
// can't lead out of it.
import { basename, extname } from 'node:path/posix';
import { maxOutputBytes } from '../canonical.ts';
import { byName, SkillFailure, type SkillFile } from '../skill.ts';
import { firstBytes } from '../text-file.ts';
import { inline } from './markdown.ts';
import { renderResult } from './sections.ts';

export interface ReportInput {
  readonly title: string;
  readonly fileName: string;
  /** A paragraph under the title. */
  readonly introduction?: string;
}

export interface ReportOutput {
  readonly kind: 'report';
  readonly fileName: string;
  readonly markdown: string;
}

/** ASCII: other letters have several spellings, and file systems disagree about them. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,119}$/;
/** Names that mean a device on Windows, whatever their extension. */
const deviceName = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

export async function run(input: unknown, files: readonly SkillFile[]): Promise<ReportOutput> {
  const { title, fileName, introduction } = input as ReportInput;
  if (!plainName.test(fileName) || deviceName.test(fileName) || !/\.(?:md|markdown)$/i.test(fileName)) {
    throw new SkillFailure(
      'bad_file_name',
      `'${fileName}' can't name the report: use a plain name such as report.md, without folders, that ends in .md (a-z, A-Z, 0-9, space, . _ -, at most 120 characters)`,
    );
  }
  if (files.length === 0)
    throw new SkillFailure('missing_file', 'report.write needs at least one result of another task; none was given');
  const blocks = [`# ${inline(title)}`];
  if (introduction !== undefined) blocks.push(inline(introduction));
  for (const file of byName(files)) {
    if (files.length > 1) blocks.push(`## ${inline(basename(file.name, extname(file.name)))}`);
    blocks.push(render(file));
  }
  return { kind: 'report', fileName, markdown: `${blocks.join('\n\n')}\n` };
}

function render(file: SkillFile): string {
  const refuse = (): SkillFailure =>
    new SkillFailure(
      'unknown_result',
      `'${file.name}' is not the result of a task that can be put in a report (a table, a log triage, a search or a repository)`,
    );
  if (file.sizeBytes > maxOutputBytes) throw refuse();
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(firstBytes(file, file.sizeBytes)));
  } catch {
    throw refuse();
  }
  let section: string | undefined;
  try {
    section = renderResult(value);
  } catch (error) {
    // A document that only claims to be of a known kind.
    if (error instanceof TypeError) throw refuse();
    throw error;
  }
  if (section === undefined) throw refuse();
  return section;
}
