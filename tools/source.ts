// Law: the lint scripts see code, never comments or text: both are blanked out, line for line, before a rule looks.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('..', import.meta.url));

const codeFolders = ['actors', 'protocols', 'consensus', 'node', 'sim', 'test', 'tools', 'examples'];

/** Every TypeScript file of the project, as paths relative to the root, sorted. */
export function sourceFiles(): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) walk(path);
      else if (/\.(ts|mts)$/.test(name)) found.push(relative(root, path));
    }
  };
  for (const folder of codeFolders) {
    try {
      walk(join(root, folder));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return found;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text with comments, strings and regular expressions blanked (newlines kept, `${…}` kept). */
  readonly code: string;
}

export function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, code: blank(text) };
}

/** Module specifiers of static and dynamic imports and re-exports, with their line. */
export function importsOf(source: Source): { specifier: string; line: number }[] {
  const found: { specifier: string; line: number }[] = [];
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\1/g;
  for (const match of source.text.matchAll(pattern)) {
    // Comments mention imports too: the keyword must survive blanking at the same offset.
    if (source.code[match.index] === ' ') continue;
    found.push({ specifier: match[2]!, line: lineAt(source.text, match.index) });
  }
  return found;
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = 0; i < index; i++) if (text.charCodeAt(i) === 10) line++;
  return line;
}

/** Replaces comments and literals by spaces of the same length, so that offsets and lines still fit the text. */
export function blank(text: string): string {
  const out = text.split('');
  const erase = (from: number, to: number): void => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  const templates: number[] = []; // brace depth at which each open `${` closes
  let depth = 0;
  let previous = ''; // last significant character: decides whether `/` divides or opens a regular expression
  let i = 0;
  const template = (start: number): number => {
    let j = start;
    while (j < text.length && text[j] !== '`') {
      if (text[j] === '\\') j += 2;
      else if (text[j] === '$' && text[j + 1] === '{') {
        erase(start, j);
        templates.push(depth++);
        return j + 2;
      } else j++;
    }
    erase(start, j);
    return j + 1;
  };
  while (i < text.length) {
    const c = text[i]!;
    if (c === '/' && text[i + 1] === '/') {
      const end = text.indexOf('\n', i);
      const stop = end < 0 ? text.length : end;
      erase(i, stop);
      i = stop;
    } else if (c === '/' && text[i + 1] === '*') {
      const end = text.indexOf('*/', i + 2);
      const stop = end < 0 ? text.length : end + 2;
      erase(i, stop);
      i = stop;
    } else if (c === "'" || c === '"') {
      let j = i + 1;
      while (j < text.length && text[j] !== c && text[j] !== '\n') j += text[j] === '\\' ? 2 : 1;
      erase(i + 1, j);
      previous = c;
      i = j + 1;
    } else if (c === '`') {
      i = template(i + 1);
      previous = '`';
    } else if (
      c === '/' &&
      (previous === '' ||
        /[=(,:;!&|?{}[+\-*%~^<>]/.test(previous) ||
        /\breturn\s*$/.test(text.slice(Math.max(0, i - 8), i)))
    ) {
      let j = i + 1;
      let inClass = false;
      while (j < text.length && text[j] !== '\n' && (inClass || text[j] !== '/')) {
        if (text[j] === '\\') j++;
        else if (text[j] === '[') inClass = true;
        else if (text[j] === ']') inClass = false;
        j++;
      }
      erase(i + 1, j);
      previous = '/';
      i = j + 1;
    } else {
      if (c === '{') depth++;
      if (c === '}') {
        depth--;
        if (templates.at(-1) === depth) {
          templates.pop();
          i = template(i + 1);
          previous = '`';
          continue;
        }
      }
      if (!/\s/.test(c)) previous = c;
      i++;
    }
  }
  return out.join('');
}

/** Prints the violations and ends the process: 1 where there are any. */
export function report(rule: string, violations: readonly string[], checked: number): void {
  for (const violation of violations) console.error(violation);
  console.log(`${rule}: ${violations.length === 0 ? 'ok' : `${violations.length} violation(s)`} in ${checked} files`);
  if (violations.length > 0) process.exitCode = 1;
}
