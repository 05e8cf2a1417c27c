// Law: a file's language is what its name says; nothing is guessed from its content.
import { basename, extname } from 'node:path/posix';

const byExtension: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    C: '.c .h',
    'C#': '.cs',
    'C++': '.cc .cpp .cxx .hpp .hh .hxx',
    Clojure: '.clj .cljs .cljc',
    CSS: '.css .scss .sass .less',
    Dart: '.dart',
    Elixir: '.ex .exs',
    Erlang: '.erl .hrl',
    Fortran: '.f90 .f95 .f03',
    Go: '.go',
    GraphQL: '.graphql .gql',
    Haskell: '.hs',
    HTML: '.html .htm',
    Java: '.java',
    JavaScript: '.js .mjs .cjs .jsx',
    JSON: '.json .jsonl',
    Julia: '.jl',
    Kotlin: '.kt .kts',
    Lua: '.lua',
    Markdown: '.md .markdown',
    'Objective-C': '.m .mm',
    OCaml: '.ml .mli',
    Perl: '.pl .pm',
    PHP: '.php',
    'Protocol Buffers': '.proto',
    Python: '.py .pyi',
    R: '.r',
    Ruby: '.rb',
    Rust: '.rs',
    Scala: '.scala .sc',
    Shell: '.sh .bash .zsh',
    SQL: '.sql',
    Svelte: '.svelte',
    Swift: '.swift',
    TeX: '.tex',
    Terraform: '.tf',
    TOML: '.toml',
    TypeScript: '.ts .mts .cts .tsx',
    Vue: '.vue',
    XML: '.xml',
    YAML: '.yaml .yml',
    Zig: '.zig',
  }).flatMap(([language, extensions]) => extensions.split(' ').map((extension) => [extension, language])),
);
const byFullName: Readonly<Record<string, string>> = {
  Dockerfile: 'Dockerfile',
  Makefile: 'Makefile',
  'CMakeLists.txt': 'CMake',
  Gemfile: 'Ruby',
  Rakefile: 'Ruby',
};

export function languageOf(path: string): string | undefined {
  return byFullName[basename(path)] ?? byExtension[extname(path).toLowerCase()];
}

/** Folders whose files are somebody else's or made by a build. */
const foreignFolders = new Set([
  'node_modules',
  '.git',
  'vendor',
  'dist',
  'build',
  'target',
  '.venv',
  'venv',
  '__pycache__',
  '.tox',
  'coverage',
]);

export function isForeign(path: string): boolean {
  return path
    .split('/')
    .slice(0, -1)
    .some((folder) => foreignFolders.has(folder));
}
