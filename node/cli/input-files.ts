// Law: only what the user named leaves the disk, by stream, within bounds, and under names that say where in the folder it was.
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { LocalFile } from '../client/index.ts';
import { CliFailure, exitCodes } from './failure.ts';
import type { Session } from './session.ts';
import { size } from './terminal.ts';

const inputLimits = { files: 256, sizeBytes: 4 * 2 ** 30 } as const;

/** Never part of the data that a person means by a folder's name. */
const skippedFolders = new Set(['.git', '.hg', '.svn', 'node_modules', '.parley']);

/** The files that `paths` name; a folder stands for the files in it, named `folder/inner/file`. Links inside folders are not followed. */
export function inputFiles(paths: readonly string[], cwd: string): LocalFile[] {
  const found = new Map<string, { readonly path: string; readonly file: LocalFile }>();
  let sizeBytes = 0;
  const add = (path: string, name: string, bytes: number): void => {
    const other = found.get(name);
    if (other?.path === path) return;
    if (other !== undefined) {
      throw new CliFailure(
        exitCodes.usage,
        'ambiguous_data',
        `two files are both named ${name}: ${other.path} and ${path}`,
        'Rename one, or give the folder that holds them.',
      );
    }
    sizeBytes += bytes;
    if (found.size >= inputLimits.files || sizeBytes > inputLimits.sizeBytes) {
      throw new CliFailure(
        exitCodes.usage,
        'too_much_data',
        `the data is more than ${inputLimits.files} files or ${size(inputLimits.sizeBytes)} (reached at ${path})`,
        'Name a smaller folder or single files with --data.',
      );
    }
    found.set(name, { path, file: { name, sizeBytes: bytes, open: () => createReadStream(path) } });
  };
  const walk = (folder: string, prefix: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isFile()) add(path, `${prefix}/${entry.name}`, statSync(path).size);
      else if (entry.isDirectory() && !skippedFolders.has(entry.name)) walk(path, `${prefix}/${entry.name}`);
    }
  };
  for (const given of paths) {
    const path = resolve(cwd, given);
    try {
      const stats = statSync(path);
      if (stats.isDirectory()) {
        const before = found.size;
        walk(path, basename(path));
        if (found.size === before)
          throw new CliFailure(exitCodes.usage, 'no_data', `${given} holds no files`, 'Name another folder.');
      } else if (stats.isFile()) add(path, basename(path), stats.size);
      else
        throw new CliFailure(
          exitCodes.usage,
          'no_data',
          `${given} is neither a file nor a folder`,
          'Name a regular file.',
        );
    } catch (error) {
      throw unreadable(error, given);
    }
  }
  return [...found.values()].map(({ file }) => file);
}

/** Files in `cwd` that the words name, for an intent given without --data: `packages.csv`, `./logs/auth.log`. */
export function filesNamedIn(words: string, cwd: string): string[] {
  const names = new Set<string>();
  for (const word of words.split(/\s+/)) {
    const name = word.replace(/^["'(]+|["'),;:?!.]+$/g, '');
    if (!/[./]/.test(name) || name.startsWith('-')) continue;
    try {
      if (statSync(resolve(cwd, name)).isFile()) names.add(name);
    } catch {
      // Not a file: only a word with a dot in it.
    }
  }
  return [...names];
}

/** A file that the command line names. Throws CliFailure. */
export function readNamed(session: Pick<Session, 'cwd'>, file: string): Uint8Array {
  try {
    return readFileSync(resolve(session.cwd, file));
  } catch (error) {
    throw unreadable(error, file);
  }
}

export function unreadable(error: unknown, given: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof CliFailure || code === undefined) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new CliFailure(
      exitCodes.usage,
      'no_such_file',
      `${given}: no such file or folder`,
      'Check the path; it is relative to where you are.',
    );
  }
  if (code === 'EISDIR')
    return new CliFailure(exitCodes.usage, 'is_folder', `${given} is a folder`, 'Name a file in it.');
  return new CliFailure(exitCodes.usage, 'unreadable', `${given} cannot be read (${code})`, 'Check its permissions.');
}
