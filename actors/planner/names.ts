// Law: a name is met whatever its case, its separators and its plural; anything further off is asked about, never taken.

/** `Installed Size`, `installed_size` and `installedSize` have one key. */
export function nameKey(name: string): string {
  return name
    .normalize('NFC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

function isPluralOf(plural: string, singular: string): boolean {
  return (
    plural === `${singular}s` ||
    plural === `${singular}es` ||
    (singular.endsWith('y') && plural === `${singular.slice(0, -1)}ies`)
  );
}

/** How `said` (a key) names `name` (a key), if it does. */
export function meets(said: string, name: string): 'exact' | 'plural' | 'singular' | undefined {
  if (said === '' || name === '') return undefined;
  if (said === name) return 'exact';
  if (isPluralOf(said, name)) return 'plural';
  return isPluralOf(name, said) ? 'singular' : undefined;
}

export function looksPlural(word: string): boolean {
  return word.endsWith('s') && !word.endsWith('ss') && !word.endsWith('us') && !word.endsWith('is');
}

/** `logs/auth.log` → `auth`. */
export function stem(fileName: string): string {
  const base = fileName.replace(/\/+$/, '').split('/').at(-1) ?? fileName;
  return base.replace(/(?<=.)\.[^.]*$/, '');
}

/** Whether a word is written like a file's name or path. */
export function looksLikeFile(word: string): boolean {
  return /^[\p{L}\p{N}_\-./@+]*\.[a-z][a-z0-9]{0,6}$/iu.test(word) || /^(\.{0,2}\/)./.test(word) || /.\/$/.test(word);
}

/** Whether `said` is this file: its name, its path, or the last part of its path. */
export function isFileName(said: string, fileName: string): boolean {
  const clean = (path: string): string =>
    path
      .replace(/^(\.\/)+/, '')
      .replace(/\/+$/, '')
      .toLowerCase();
  const wanted = clean(said);
  const name = clean(fileName);
  return wanted !== '' && (wanted === name || name.endsWith(`/${wanted}`) || wanted.endsWith(`/${name}`));
}
