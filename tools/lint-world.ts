// Law: outside the World implementations nothing reads the clock, draws a random number, or opens a socket or a file.
// The list below is the whole of what may; a file is added only because it IS an edge of the World, never to get something through.
import { importsOf, lineAt, readSource, report, sourceFiles } from './source.ts';

const worldImplementations: readonly (readonly [prefix: string, why: string])[] = [
  ['node/world/', 'the real World'],
  ['node/crypto/', 'the Crypto port on node:crypto'],
  ['node/sandbox/', 'runs skills in worker threads: the implementation of the Sandbox port'],
  ['node/skills/', 'runs inside the sandbox, on files the sandbox opened'],
  ['node/models/', 'asks a model server: what the Sandbox port judges by'],
  ['node/home/', 'the node’s own folder: its keys, settings and addresses'],
  ['node/files/', 'files outside the store: a site’s data sets, a workflow’s folder'],
  ['node/gateway/', 'the edge to clients: sockets and their files'],
  ['node/client/', 'a client program’s half of that edge'],
  ['sim/world/', 'the simulated World: its loop, its seal'],
  ['consensus/testing/seeds.ts', 'a command: arguments, output, exit code'],
  ['sim/calibrate/main.ts', 'a command: arguments, output, exit code'],
  ['sim/calibrate/mesh-processes.ts', 'starts a real mesh to hold its simulation against'],
  ['sim/main.ts', 'a command: arguments, output, exit code'],
  ['sim/history/main.ts', 'a command: reads histories from files'],
  ['sim/detect/main.ts', 'a command: arguments, output'],
  ['sim/swarms/main.ts', 'a command: arguments, output, CPU time'],
  ['sim/cli/', 'commands: arguments, threads, files the user names'],
  ['sim/scenarios.ts', 'reads the scenarios that ship, and files the user names'],
  ['sim/regressions.ts', 'reads the kept cases'],
  ['sim/lines.ts', 'names the Node that a command runs on'],
  ['sim/mutants/', 'a command: copies the repository and runs it'],
  ['sim/source-hash.ts', 'names the code that a command runs'],
  ['actors/system/testing/', 'the virtual World of the tests'],
  ['node/cli/', 'a client program: terminal, child processes, files the user names'],
  ['protocols/libp2p/', 'an implementation of the Network port'],
  ['protocols/nats/', 'an implementation of the Network port'],
  ['protocols/network/stream-requests.ts', 'shared by those implementations: its deadlines are theirs'],
  ['node/nats/', 'the edge to NATS clients'],
  ['node/metrics/', 'the edge to monitoring'],
  ['test/', 'tests drive real processes'],
  ['tools/', 'build and lint scripts'],
  ['examples/', 'client programs'],
];

/** Pure computation that happens to live in a node: module. */
const pureModules = new Set(['node:assert', 'node:assert/strict', 'node:util', 'node:buffer']);

const banned: readonly (readonly [pattern: RegExp, what: string, instead: string])[] = [
  [/(?<![.\w$'])Date\b(?!\s*:)/g, 'Date', 'world.clock'],
  [/\bMath\s*\.\s*random\b/g, 'Math.random', 'world.random'],
  [
    /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask|clearTimeout|clearInterval|clearImmediate)\b/g,
    'a timer',
    'world.scheduler',
  ],
  [/(?<![.\w$])performance\s*\./g, 'performance', 'world.clock.monotonicMs()'],
  [/(?<![.\w$])(?:fetch|WebSocket|EventSource|XMLHttpRequest)\b(?=\s*\()/g, 'network I/O', 'world.network'],
  [
    // By member, since a simulated node is a process too and a variable may be called one.
    /(?<![.\w$])process\s*\.\s*(?:argv|cpuUsage|cwd|env|execArgv|execPath|execve|exit|exitCode|hrtime|kill|memoryUsage|nextTick|on|once|pid|platform|ppid|resourceUsage|stderr|stdin|stdout|uptime|version|versions)\b/g,
    'process',
    'configuration passed in by the node',
  ],
  [
    /(?<![.\w$])(?:globalThis\s*\.|crypto\s*\.\s*(?:subtle|getRandomValues|randomUUID)\b)/g,
    'a global',
    'world.crypto, world.random',
  ],
  [/(?<![.\w$])console\s*\./g, 'console', 'world.log'],
  [/(?<![.\w$])(?:require|eval)\s*\(/g, 'require or eval', 'an import'],
];

export function violationsIn(path: string, text: string, code: string): string[] {
  if (path.endsWith('.test.ts') || worldImplementations.some(([prefix]) => path.startsWith(prefix))) return [];
  const found: string[] = [];
  for (const [pattern, what, instead] of banned) {
    for (const match of code.matchAll(pattern))
      found.push(`${path}:${lineAt(code, match.index)} uses ${what}; use ${instead}`);
  }
  for (const { specifier, line } of importsOf({ path, text, code })) {
    if (specifier.startsWith('node:') && !pureModules.has(specifier))
      found.push(`${path}:${line} imports ${specifier}; go through a World port`);
  }
  return found;
}

if (import.meta.main) {
  const files = sourceFiles();
  const violations = files.flatMap((path) => {
    const { text, code } = readSource(path);
    return violationsIn(path, text, code);
  });
  report('world', violations, files.length);
}
