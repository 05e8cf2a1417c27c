#!/usr/bin/env node
// Law: one launcher for a clone and for the published package. In a clone it runs the TypeScript sources, with the
// Node that package.json pins where the machine's own is older than 24; in the package it runs the compiled files.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const major = Number(process.versions.node.split('.')[0]);
const self = fileURLToPath(import.meta.url);
const compiled = fileURLToPath(new URL('../dist/node/cli/main.js', import.meta.url));
const source = fileURLToPath(new URL('../node/cli/main.ts', import.meta.url));
const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
const args = process.argv.slice(2);

// A node lives long and does little at a time: a small young generation and code kept small save it a third of its memory.
// In so small a heap a compiler thread may wait for a collection that the main thread, on its way out, no longer makes: `process.exit` joins
// that thread and one exit in thirty hung (Node 24.21). So code is compiled where it runs.
const nodeFlags = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--v8-pool-size=1',
  '--no-concurrent-recompilation',
  '--no-concurrent-sparkplug',
];
/** glibc keeps an arena per thread and gives little back; one arena, trimmed, is enough for a node's few threads. */
const nodeEnv = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' };
const runsNode = args[0] === 'up' || args[0] === 'join';

if (major < 24) {
  if (!existsSync(pinned)) {
    console.error(
      `parley needs Node 24 or newer; this is Node ${process.versions.node}. Run \`npm ci\` in the clone or \`npm install node@24\` beside the package (both bring their own Node), or install Node 24.`,
    );
    process.exit(1);
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(pinned, [self, ...args], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to the whole group; a signal sent to this process alone must reach the child too. The child takes two
  // within a moment for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
} else if (runsNode && process.execve !== undefined && process.platform !== 'win32' && process.execArgv.length === 0) {
  // The same process goes on under other flags: same id, same streams, same signals.
  process.execve(process.execPath, [process.execPath, ...nodeFlags, self, ...args], { ...nodeEnv, ...process.env });
} else {
  module.enableCompileCache();
  const { main } = await import(existsSync(source) ? source : compiled);
  await main(args);
}
