// Law: dependencies are read where a manifest states them simply, with the version as it is written there; what takes a build tool to
// know is left out, never guessed.
import { basename } from 'node:path/posix';

export interface Dependency {
  readonly name: string;
  /** As written: a range, a pin, or null where none is given. */
  readonly version: string | null;
  readonly scope: 'runtime' | 'development';
}

export interface PackageFile {
  readonly ecosystem: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly licence: string | null;
  readonly dependencies: readonly Dependency[];
}

type Reader = (text: string) => PackageFile;

const readers: Readonly<Record<string, Reader>> = {
  'package.json': readPackageJson,
  'pyproject.toml': readPyproject,
  'Cargo.toml': readCargo,
  'go.mod': readGoMod,
  'pom.xml': readPom,
  'requirements.txt': readRequirements,
};

/** Reads `text` as the package file its path names. `undefined`: not a package file. Throws where it is malformed. */
export function readPackageFile(path: string, text: string): PackageFile | undefined {
  const name = basename(path);
  const reader = readers[name] ?? (/^requirements[\w.-]*\.txt$/.test(name) ? readRequirements : undefined);
  return reader?.(text);
}

export function isPackageFile(path: string): boolean {
  const name = basename(path);
  return name in readers || /^requirements[\w.-]*\.txt$/.test(name);
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function readPackageJson(text: string): PackageFile {
  const value = JSON.parse(text) as Record<string, unknown>;
  const section = (key: string, scope: Dependency['scope']): Dependency[] =>
    Object.entries((value[key] ?? {}) as Record<string, unknown>).map(([name, version]) => ({
      name,
      version: textOrNull(version),
      scope,
    }));
  const licence = value.license;
  return {
    ecosystem: 'npm',
    name: textOrNull(value.name),
    version: textOrNull(value.version),
    licence: textOrNull(licence) ?? textOrNull((licence as { type?: unknown } | undefined)?.type),
    dependencies: [
      ...section('dependencies', 'runtime'),
      ...section('peerDependencies', 'runtime'),
      ...section('optionalDependencies', 'runtime'),
      ...section('devDependencies', 'development'),
    ],
  };
}

/** The `key = value` lines of a TOML text by section; arrays over several lines are joined. Values stay as written. */
function tomlSections(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  sections.set('', current);
  let open: { key: string; value: string } | undefined;
  const balanced = (value: string): boolean => {
    const bare = value.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '');
    return bare.split('[').length === bare.split(']').length && bare.split('{').length === bare.split('}').length;
  };
  for (const raw of text.split(/\r?\n/)) {
    const line = raw
      .replace(/("(?:[^"\\]|\\.)*"|'[^']*')|#.*$/g, (_all, quoted: string | undefined) => quoted ?? '')
      .trim();
    if (open !== undefined) {
      open.value += ` ${line}`;
      if (balanced(open.value)) {
        current.set(open.key, open.value);
        open = undefined;
      }
      continue;
    }
    const section = /^\[\[?\s*([^\]]+?)\s*\]\]?$/.exec(line);
    if (section !== null) {
      const name = section[1]!.replace(/["']/g, '');
      current = sections.get(name) ?? new Map();
      sections.set(name, current);
      continue;
    }
    const pair = /^("[^"]+"|'[^']+'|[\w.-]+)\s*=\s*(.+)$/.exec(line);
    if (pair === null) continue;
    const key = pair[1]!.replace(/^["']|["']$/g, '');
    if (balanced(pair[2]!)) current.set(key, pair[2]!);
    else open = { key, value: pair[2]! };
  }
  return sections;
}

function tomlString(value: string | undefined): string | null {
  const match = /^["'](.*)["']$/.exec(value?.trim() ?? '');
  return match === null ? null : match[1]!;
}

/** `"1.2"` or `{ version = "1.2", … }`. */
function tomlVersion(value: string): string | null {
  return tomlString(value) ?? /\bversion\s*=\s*["']([^"']*)["']/.exec(value)?.[1] ?? null;
}

/** A PEP 508 requirement: name, then its version specifiers. */
function requirement(text: string, scope: Dependency['scope']): Dependency[] {
  const match = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*\(?((?:[=<>!~]=?=?\s*[^=;)#\s,]+\s*,?\s*)*)/.exec(
    text.trim().slice(0, 500),
  );
  if (match === null) return [];
  const version = match[2]!.replace(/\s+/g, '').replace(/,$/, '');
  return [{ name: match[1]!, version: version || null, scope }];
}

function readPyproject(text: string): PackageFile {
  const sections = tomlSections(text);
  const project = sections.get('project') ?? new Map<string, string>();
  const poetry = sections.get('tool.poetry') ?? new Map<string, string>();
  const quotedItems = (value: string | undefined): string[] =>
    [...(value ?? '').matchAll(/"([^"]+)"|'([^']+)'/g)].map((match) => match[1] ?? match[2] ?? '');
  const dependencies = quotedItems(project.get('dependencies')).flatMap((item) => requirement(item, 'runtime'));
  for (const value of (sections.get('project.optional-dependencies') ?? new Map<string, string>()).values()) {
    dependencies.push(...quotedItems(value).flatMap((item) => requirement(item, 'development')));
  }
  for (const [section, entries] of sections) {
    const scope =
      section === 'tool.poetry.dependencies'
        ? 'runtime'
        : /^tool\.poetry\.(?:group\.[\w-]+\.|dev-)dependencies$/.test(section)
          ? 'development'
          : undefined;
    if (scope === undefined) continue;
    for (const [name, value] of entries)
      if (name !== 'python') dependencies.push({ name, version: tomlVersion(value), scope });
  }
  const licence = project.get('license');
  return {
    ecosystem: 'python',
    name: tomlString(project.get('name')) ?? tomlString(poetry.get('name')),
    version: tomlString(project.get('version')) ?? tomlString(poetry.get('version')),
    licence:
      tomlString(licence) ??
      /\btext\s*=\s*["']([^"']*)["']/.exec(licence ?? '')?.[1] ??
      tomlString(poetry.get('license')),
    dependencies,
  };
}

function readCargo(text: string): PackageFile {
  const sections = tomlSections(text);
  const own = sections.get('package') ?? new Map<string, string>();
  const dependencies: Dependency[] = [];
  for (const [section, entries] of sections) {
    const match =
      /^(?:target\..+\.|workspace\.)?(dependencies|build-dependencies|dev-dependencies)(?:\.([\w-]+))?$/.exec(section);
    if (match === null) continue;
    const scope = match[1] === 'dependencies' ? 'runtime' : 'development';
    if (match[2] !== undefined)
      dependencies.push({ name: match[2], version: tomlString(entries.get('version')), scope });
    else for (const [name, value] of entries) dependencies.push({ name, version: tomlVersion(value), scope });
  }
  return {
    ecosystem: 'cargo',
    name: tomlString(own.get('name')),
    version: tomlString(own.get('version')),
    licence: tomlString(own.get('license')),
    dependencies,
  };
}

function readGoMod(text: string): PackageFile {
  const dependencies: Dependency[] = [];
  let name: string | null = null;
  let inRequire = false;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/\/\/.*$/, '').trim();
    const [first = '', second, third] = line.split(/\s+/);
    if (first === 'module' && second !== undefined) name = second;
    if (first === 'require' && second !== undefined && second !== '(' && third !== undefined) {
      dependencies.push({ name: second, version: third, scope: 'runtime' });
    }
    if (inRequire && first !== ')' && second !== undefined)
      dependencies.push({ name: first, version: second, scope: 'runtime' });
    inRequire = /^require\s*\(/.test(line) || (inRequire && first !== ')');
  }
  return { ecosystem: 'go', name, version: null, licence: null, dependencies };
}

/** Splits `text` into what stands between `open` and `close`, and the rest, in one pass (a lazy pattern could take time squared). */
function cut(text: string, open: string, close: string): { inside: string[]; outside: string } {
  const inside: string[] = [];
  let outside = '';
  let from = 0;
  for (;;) {
    const start = text.indexOf(open, from);
    const end = start < 0 ? -1 : text.indexOf(close, start + open.length);
    if (end < 0) return { inside, outside: outside + text.slice(from) };
    outside += text.slice(from, start);
    inside.push(text.slice(start + open.length, end));
    from = end + close.length;
  }
}

function readPom(text: string): PackageFile {
  const body = cut(text, '<!--', '-->').outside;
  const element = (source: string, name: string): { inside: string[]; outside: string } =>
    cut(source, `<${name}>`, `</${name}>`);
  const value = (source: string, name: string): string | null => element(source, name).inside[0]?.trim() || null;
  const foreign = ['dependencyManagement', 'dependencies', 'build', 'parent', 'profiles', 'licenses'];
  const own = foreign.reduce((rest, name) => element(rest, name).outside, body);
  return {
    ecosystem: 'maven',
    name: value(own, 'artifactId'),
    version: value(own, 'version'),
    licence: value(value(body, 'licenses') ?? '', 'name'),
    dependencies: element(body, 'dependency').inside.map((block) => ({
      name: `${value(block, 'groupId') ?? ''}:${value(block, 'artifactId') ?? ''}`,
      version: value(block, 'version'),
      scope: value(block, 'scope') === 'test' ? 'development' : 'runtime',
    })),
  };
}

function readRequirements(text: string): PackageFile {
  const dependencies = text
    .split(/\r?\n/)
    .flatMap((line) => (/^\s*(?:#|-|$)/.test(line) ? [] : requirement(line, 'runtime')));
  return { ecosystem: 'python', name: null, version: null, licence: null, dependencies };
}
