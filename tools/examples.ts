// Law: what a page says was printed was printed. `npm run examples [PAGE…]` types every command of the pages in an empty folder beside
// which the repository lies, and puts what came out in place of what stood there. Nothing is edited but paths, which become relative.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { consoleBlocks, withOutput } from './documents.ts';
import { root } from './source.ts';

const commandTimeoutMs = 180_000;
const stopTimeoutMs = 10_000;
/** What a command that goes on running prints last when it is ready. */
const readyPattern = /stays up\.|^ready /m;
const settleMs = 500;

export function pages(): string[] {
  const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...examples.sort().map((name) => join('examples', name))];
}

interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly ended: Promise<number>;
}

function start(command: string, cwd: string): Running {
  const { FORCE_COLOR: _, PARLEY_FOLDER: __, ...env } = process.env;
  // Its own group, so that a timeout ends whatever it started.
  const child = spawn('bash', ['-c', `exec 2>&1; ${command}`], {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<number>((done) => {
    child.once('close', (code) => done(code ?? 1));
  });
  return { child, text: () => text, ended };
}

function end({ child, ended }: Running, signal: NodeJS.Signals): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
  return ended;
}

async function until(condition: () => boolean, running: Running, what: string): Promise<void> {
  const deadlineMs = performance.now() + commandTimeoutMs;
  while (!condition()) {
    if (running.child.exitCode !== null || performance.now() > deadlineMs)
      throw new Error(`${what} did not get ready; it printed:\n${running.text()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  await new Promise((done) => setTimeout(done, settleMs));
}

/** Nodes that a page left running would outlive it and its folder. */
async function stopNodes(folder: string): Promise<void> {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (basename(name) === 'socket') await start(`./parley down --folder ${dirname(name)}`, folder).ended;
  }
}

function linesOf(text: string, folder: string): string[] {
  const lines = text
    .replaceAll(`${root}parley`, './parley')
    .replaceAll(`${folder}/`, '')
    .replaceAll(folder, '.')
    .split('\n')
    .map((line) => line.trimEnd())
    // This machine's npm settings are none of the reader's business.
    .filter((line) => !line.startsWith('npm warn'));
  while (lines.at(-1) === '') lines.pop();
  while (lines[0] === '') lines.shift();
  return lines;
}

/** Names in an output that are other ones in every run: workflows in the order they appear, processes by their node. */
export function passingNames(lines: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const workflows = new Set<string>();
  for (const line of lines) {
    const workflow = /\bworkflow +([0-9a-f]{8})\b/.exec(line)?.[1];
    if (workflow !== undefined && !workflows.has(workflow)) {
      names.set(`workflow ${workflows.size}`, workflow);
      workflows.add(workflow);
    }
    const node = /^ +(\w+) +site .* pid (\d+)/.exec(line);
    if (node !== null) names.set(`process of ${node[1]}`, node[2]!);
  }
  return names;
}

function renamed(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(/\b[0-9a-f]+\b/g, (word) => names.get(word) ?? word);
}

/** Runs one page from top to bottom and returns it with what was printed. */
async function play(page: string, folder: string): Promise<string> {
  const markdown = readFileSync(join(root, page), 'utf8');
  const printed: string[][] = [];
  /** The names of this run, by those in the page: a later command may name the workflow or process of an earlier one. */
  const now = new Map<string, string>();
  const background: Running[] = [];
  try {
    for (const block of consoleBlocks(markdown)) {
      for (const step of block.steps) {
        const command = renamed(step.command, now);
        if (block.mode === 'shown') {
          printed.push([...step.output]);
          continue;
        }
        console.log(`  $ ${command}`);
        const running = start(command, folder);
        let code = 0;
        if (block.mode === 'background') {
          background.push(running);
          await until(() => readyPattern.test(running.text()), running, command);
        } else {
          const timer = setTimeout(() => void end(running, 'SIGKILL'), commandTimeoutMs);
          code = await running.ended;
          clearTimeout(timer);
        }
        const lines = linesOf(running.text(), folder);
        const names = passingNames(lines);
        for (const [what, old] of passingNames(step.output)) now.set(old, names.get(what) ?? old);
        printed.push(code === 0 ? lines : [...lines, `exit code ${code}`]);
      }
    }
  } finally {
    for (const running of background.reverse()) {
      const timer = setTimeout(() => void end(running, 'SIGKILL'), stopTimeoutMs);
      await end(running, 'SIGINT');
      clearTimeout(timer);
    }
  }
  // Old names are left in commands and in the text between; what was printed is put in last, and is as it was.
  return withOutput(renamed(markdown, now), printed);
}

if (import.meta.main) {
  const chosen = process.argv.slice(2).map((page) => page.replace(/^\.\//, ''));
  for (const page of chosen.length > 0 ? chosen : pages()) {
    console.log(page);
    const outer = mkdtempSync(join(tmpdir(), 'parley-examples-'));
    const folder = resolve(outer, 'parley');
    mkdirSync(folder);
    for (const name of readdirSync(root)) {
      if (name !== '.parley' && name !== '.git' && name !== 'dist') symlinkSync(join(root, name), join(folder, name));
    }
    try {
      writeFileSync(join(root, page), await play(page, folder));
    } finally {
      await stopNodes(folder);
      rmSync(outer, { recursive: true, force: true });
    }
  }
}
