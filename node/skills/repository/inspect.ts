// Law: repo.inspect counts what is in the files it was given and says what it left out: foreign folders by number, unreadable files by name.
import { byCodeUnits } from '../canonical.ts';
import { byName, SkillFailure, type SkillFile } from '../skill.ts';
import { firstBytes, rawChunks } from '../text-file.ts';
import { isForeign, languageOf } from './languages.ts';
import { isLicenceFile, licenceOf } from './licences.ts';
import { isPackageFile, type PackageFile, readPackageFile } from './package-files.ts';

export interface InspectInput {
  readonly largest?: number;
}

const maxPackageFileBytes = 4 * 1024 * 1024;
const maxPackageFiles = 200;
const licenceHeadBytes = 64 * 1024;

export async function run(input: unknown, files: readonly SkillFile[]): Promise<unknown> {
  const { largest = 10 } = input as InspectInput;
  if (files.length === 0)
    throw new SkillFailure('missing_file', 'repo.inspect needs the files of a folder; none were given');
  const own = byName(files).filter((file) => !isForeign(file.name));
  if (own.length === 0) {
    throw new SkillFailure(
      'missing_file',
      `all ${files.length} files are in folders of other people's or built code (node_modules, vendor, dist …); give the repository's own files`,
    );
  }
  const languages = new Map<string, { files: number; lines: number; bytes: number }>();
  const packages: (PackageFile & { path: string })[] = [];
  const licences: { path: string; spdx: string | null }[] = [];
  const problems: { path: string; problem: string }[] = [];
  let totalLines = 0;
  let binaryFiles = 0;

  for (const file of own) {
    const lines = countLines(file);
    if (lines === undefined) binaryFiles++;
    else totalLines += lines;
    const language = lines === undefined ? undefined : languageOf(file.name);
    if (language !== undefined) {
      const entry = languages.get(language) ?? { files: 0, lines: 0, bytes: 0 };
      entry.files++;
      entry.lines += lines!;
      entry.bytes += file.sizeBytes;
      languages.set(language, entry);
    }
    if (isLicenceFile(file.name) && lines !== undefined) {
      licences.push({ path: file.name, spdx: licenceOf(firstBytes(file, licenceHeadBytes).toString('utf8')) ?? null });
    }
    if (!isPackageFile(file.name)) continue;
    if (packages.length === maxPackageFiles) {
      problems.push({ path: file.name, problem: `more than ${maxPackageFiles} package files; this one is not read` });
      continue;
    }
    if (file.sizeBytes > maxPackageFileBytes) {
      problems.push({ path: file.name, problem: `larger than ${maxPackageFileBytes} bytes; not read` });
      continue;
    }
    try {
      const read = readPackageFile(
        file.name,
        firstBytes(file, file.sizeBytes)
          .toString('utf8')
          .replace(/^\uFEFF/, ''),
      );
      if (read !== undefined)
        packages.push({
          path: file.name,
          ...read,
          dependencies: [...read.dependencies].sort((a, b) => byCodeUnits(a.name, b.name)),
        });
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
      problems.push({ path: file.name, problem: 'malformed; its dependencies are not read' });
    }
  }

  return {
    kind: 'repository',
    files: own.length,
    foreignFiles: files.length - own.length,
    binaryFiles,
    bytes: own.reduce((sum, file) => sum + file.sizeBytes, 0),
    lines: totalLines,
    languages: [...languages]
      .map(([language, counts]) => ({ language, ...counts }))
      .sort((a, b) => b.lines - a.lines || byCodeUnits(a.language, b.language)),
    packages,
    licences,
    largestFiles: [...own]
      .sort((a, b) => b.sizeBytes - a.sizeBytes || byCodeUnits(a.name, b.name))
      .slice(0, largest)
      .map((file) => ({ path: file.name, bytes: file.sizeBytes })),
    problems,
  };
}

/** Lines of a text file, its last one counted with or without an end; `undefined` for a binary file (a NUL byte near its start). */
function countLines(file: SkillFile): number | undefined {
  let lines = 0;
  let first = true;
  let lastByte = 10;
  for (const chunk of rawChunks(file)) {
    if (first && chunk.subarray(0, 8192).includes(0)) return undefined;
    first = false;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    lastByte = chunk[chunk.length - 1]!;
  }
  return lastByte === 10 ? lines : lines + 1;
}
