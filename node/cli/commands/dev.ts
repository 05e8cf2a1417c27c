// Law: what `dev` shows is what happened: four processes, one intent, every vote, a proof; and at its end nothing of it still runs.
import { join, resolve } from 'node:path';
import { MeshClient, StoredFiles, type WorkflowEvent } from '../../client/index.ts';
import { conclude } from '../conclude.ts';
import { DevMesh, memoryOf, memoryText } from '../dev/dev-mesh.ts';
import { type DevNode, examples, layOut, meshNameFor, plainNodes, siteNodes } from '../dev/layout.ts';
import { pause, rejectOnAbort } from '../dev/node-process.ts';
import { CliFailure, exitCodes, failureJson, failureText, toFailure } from '../failure.ts';
import { filesNamedIn, inputFiles } from '../input-files.ts';
import { ProgressView } from '../progress-view.ts';
import { printNext, type Session } from '../session.ts';
import { submit } from '../submission.ts';
import { duration, short } from '../terminal.ts';

export interface DevOptions {
  readonly folder: string;
  readonly data?: readonly string[];
  readonly nodes: number;
  readonly keep: boolean;
  readonly chaos: boolean;
  readonly example?: 'packages' | 'sites';
  readonly yes: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

interface Question {
  readonly words: string;
  readonly data: readonly string[];
  readonly nodes: readonly DevNode[];
}

/** Another program may take a port between its choice and its use. */
const layOutTries = 3;

export async function dev(session: Session, words: string | undefined, options: DevOptions): Promise<number> {
  const question = questionOf(session, words, options);
  const files = new StoredFiles(inputFiles(question.data, session.cwd));
  const root = resolve(session.cwd, options.folder);
  const { terminal } = session;
  const { paint } = terminal;
  if (!session.json) {
    terminal.out(
      `${paint.bold('parley dev')}  ${question.nodes.length} nodes · libp2p over TCP on loopback · planner: built-in rules, no model`,
    );
  }
  let mesh: DevMesh | undefined;
  try {
    mesh = await startMesh(session, root, question.nodes, (started) => {
      mesh = started;
    });
    const formedMs = performance.now();
    let code: number = exitCodes.ok;
    try {
      await work(session, mesh, question, files, options, formedMs);
    } catch (error) {
      // With --keep the mesh is what was asked for: a question that failed does not end it.
      if (!options.keep || session.signal.aborted) throw error;
      code = tellFailure(session, error);
    }
    if (options.keep) await stayUp(session, mesh, options.folder);
    return code;
  } finally {
    if (mesh !== undefined) {
      const startedMs = performance.now();
      await mesh.stop();
      if (!session.json)
        terminal.out(paint.dim(`\nstopped ${mesh.names.join(', ')} in ${duration(performance.now() - startedMs)}`));
    }
  }
}

/** Says what is wrong as the end of the command would. Returns its exit code. */
function tellFailure({ json, terminal }: Session, error: unknown): number {
  const failure = toFailure(error);
  if (!(failure instanceof CliFailure)) throw failure;
  terminal.err(json ? failureJson(failure) : failureText(failure, terminal.paint));
  return failure.exitCode;
}

function questionOf(session: Session, words: string | undefined, options: DevOptions): Question {
  if (options.example === 'sites') {
    return { words: words ?? examples.sites.words, data: options.data ?? [], nodes: siteNodes() };
  }
  const nodes = plainNodes(options.nodes);
  if (words === undefined && options.data !== undefined) {
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      '--data needs words that say what to do with it',
      `For example: ${session.program} dev "${examples.packages.words}" --data ./packages.csv`,
    );
  }
  if (words === undefined) return { words: examples.packages.words, data: [examples.packages.file], nodes };
  return { words, data: options.data ?? filesNamedIn(words, session.cwd), nodes };
}

async function startMesh(
  session: Session,
  root: string,
  nodes: readonly DevNode[],
  starting: (mesh: DevMesh) => void,
): Promise<DevMesh> {
  for (let tries = 1; ; tries++) {
    const mesh = new DevMesh(session, await layOut(root, meshNameFor(root), nodes, session.program));
    starting(mesh);
    try {
      await mesh.start();
      return mesh;
    } catch (error) {
      if (!(error instanceof CliFailure) || error.code !== 'port_in_use' || tries >= layOutTries) throw error;
      await mesh.stop();
      if (!session.json)
        session.terminal.out(session.terminal.paint.yellow(`  ${error.message}; starting again with other ports`));
    }
  }
}

async function work(
  session: Session,
  mesh: DevMesh,
  question: Question,
  files: StoredFiles,
  options: DevOptions,
  formedMs: number,
): Promise<void> {
  const { terminal } = session;
  const { paint } = terminal;
  const progress = session.json ? undefined : new ProgressView(terminal);
  const client = new MeshClient(mesh.sockets, { onMove: ({ from, to, reason }) => progress?.moved(from, to, reason) });
  const status = await client.status(session.signal);
  if (!session.json) {
    terminal.out(
      `  ${paint.dim('mesh')}   ${status.mesh.name} · ${short(status.mesh.id)} · ${status.mesh.tolerance} · formed after ${duration(formedMs)}`,
    );
    terminal.out(`\n${paint.bold('ask')}   "${question.words}"\n`);
  }
  const chaos = options.chaos ? new Chaos(session, mesh) : undefined;
  const submitted = await submit(session, client, progress, {
    intent: { words: question.words },
    files,
    yes: options.yes,
    dryRun: false,
    wait: true,
    timeoutMs: options.timeout,
    onEvent: (event) => chaos?.see(event),
  });
  const resultMs = performance.now();
  const workMs = submitted.kind === 'ended' ? submitted.elapsedMs : 0;
  const memory = await memoryOf(mesh);
  await conclude(session, client, status, submitted, {
    times: { meshFormedMs: Math.round(formedMs), resultMs: Math.round(resultMs), workMs: Math.round(workMs) },
    memoryBytes: memory,
  });
  if (!session.json) {
    terminal.out(
      `\n${paint.dim('times')}   start → mesh formed ${duration(formedMs)} → result ${duration(resultMs)} · the mesh's own work, intent to certified result: ${duration(workMs)}`,
    );
    terminal.out(`${paint.dim('memory')}  ${memoryText(memory)}`);
  }
  if (submitted.kind === 'ended') await chaos?.bringBack(submitted.detail.workflow);
}

/** Kills one node in the middle of the work, and brings it back afterwards. */
class Chaos {
  readonly #session: Session;
  readonly #mesh: DevMesh;
  #steward: string | undefined;
  #victim: string | undefined;

  constructor(session: Session, mesh: DevMesh) {
    this.#session = session;
    this.#mesh = mesh;
  }

  see(event: WorkflowEvent): void {
    if (event.type === 'steward') this.#steward = event.node;
    if (event.type !== 'assigned' || this.#victim !== undefined) return;
    this.#steward ??= event.node;
    // The steward assigns: losing it is the hardest loss.
    this.#victim = this.#mesh.names.includes(this.#steward) ? this.#steward : this.#mesh.names[0]!;
    const pid = this.#mesh.pidOf(this.#victim);
    this.#mesh.kill(this.#victim);
    const { terminal } = this.#session;
    const role = this.#victim === this.#steward ? ', the steward of this workflow' : '';
    if (!this.#session.json)
      terminal.out(
        terminal.paint.red(terminal.paint.bold(`  ⚡ chaos: SIGKILL to ${this.#victim} (pid ${pid}${role})`)),
      );
  }

  /** Restarts the victim from its folder and waits until it knows how the workflow ended. */
  async bringBack(workflow: string): Promise<void> {
    const victim = this.#victim;
    if (victim === undefined) return;
    const { terminal, signal, json } = this.#session;
    const startedMs = performance.now();
    if (!json) terminal.out(`\n${terminal.paint.bold('chaos')}  starting ${victim} again from its folder`);
    await this.#mesh.restart(victim);
    const { node } = await this.#mesh.statusOf(victim);
    const client = new MeshClient([this.#mesh.sockets[this.#mesh.names.indexOf(victim)]!]);
    for (;;) {
      const state = await client.workflow(workflow, signal).then(
        (detail) => detail.state,
        (error: Error & { code?: string }) => {
          if (error.code === 'not_found' || error.code === 'not_ready') return undefined;
          throw error;
        },
      );
      if (state === 'completed') break;
      if (performance.now() - startedMs > 30_000) {
        throw new CliFailure(
          exitCodes.failed,
          'not_caught_up',
          `${victim} is back but after 30 s still does not know how workflow ${short(workflow)} ended (${state ?? 'unknown to it'})`,
          `See ${join(node.folder, 'node.log')}.`,
        );
      }
      await pause(100, signal);
    }
    if (!json)
      terminal.out(
        terminal.paint.green(
          `  ${victim} is back and has caught up: workflow ${short(workflow)} completed (${duration(performance.now() - startedMs)} after its start)`,
        ),
      );
  }
}

async function stayUp(session: Session, mesh: DevMesh, folder: string): Promise<void> {
  if (!session.json) {
    const flag = folder === '.parley/dev' ? '' : ` --folder ${folder}`;
    session.terminal.out(
      `\n${session.terminal.paint.bold('The mesh stays up.')} Press Ctrl-C here to stop it, or use it from another terminal:`,
    );
    printNext(session, [
      [`status${flag}`, 'who is there'],
      [`ask "…" --data FILE${flag}`, 'your own question'],
      [`down${flag}`, 'stop it'],
    ]);
  }
  const stop = new AbortController();
  try {
    await Promise.race([mesh.allGone(), rejectOnAbort(session.signal, stop.signal)]);
  } finally {
    stop.abort();
  }
}
