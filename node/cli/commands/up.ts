// Law: a node runs from its folder and leaves it whole: it says when it is ready, and it stops on Ctrl-C, on `down`, or with its parent.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { isListening } from '../../client/index.ts';
import {
  createHome,
  foundMesh,
  freePorts,
  hasIdentity,
  isFree,
  type NodeSettings,
  openHome,
  readSocketPath,
} from '../../home/index.ts';
import type { RunningNode } from '../../index.ts';
import { launcherPath, pause, type Ready, rejectOnAbort } from '../dev/node-process.ts';
import { CliFailure, exitCodes, Interrupted } from '../failure.ts';
import { defaultFolder } from '../locate.ts';
import { printNext, type Session } from '../session.ts';
import { printable, short } from '../terminal.ts';

interface SettingsOptions {
  readonly output: string;
  readonly folder?: string;
  readonly name?: string;
  readonly site?: string;
  readonly modelFamily?: string;
  readonly listen?: readonly string[];
  readonly nats?: readonly string[];
  readonly natsUser?: string;
  readonly natsPasswordFile?: string;
  readonly metrics?: string;
  readonly detach: boolean;
  readonly exitWithParent: boolean;
}
export interface UpOptions extends SettingsOptions {
  readonly meshName?: string;
  readonly bootstrap?: readonly string[];
}

/** Where a node listens unless told otherwise, when nothing else does. */
const defaultPort = 4101;
const detachTimeoutMs = 30_000;
/** A node that takes longer than this to stop is ended as it is: its folder survives that by design. */
const stopTimeoutMs = 5_000;

export async function up(session: Session, options: UpOptions): Promise<undefined> {
  const folder = folderOf(session, options);
  const home = openHome(folder);
  const isNew = !hasIdentity(folder);
  if (isNew) {
    createHome(folder, await newSettings(options));
    say(session, `created a node in ${folder}`);
  } else keepSettings(session, folder, options);
  if (home.mesh() === undefined) {
    const meshName = options.meshName ?? `mesh-of-${home.node().name}`.slice(0, 63);
    foundMesh(meshName, [home]);
    say(
      session,
      `created the mesh ${meshName} with this node as its only member: no fault is tolerated until others join`,
    );
  } else if (options.meshName !== undefined) {
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      `the node in ${folder} is in a mesh already; --mesh-name is for a new one`,
      'Leave it out, or use another --folder.',
    );
  }
  const bootstrap = options.bootstrap ?? [];
  if (options.detach) await detach(session, folder, bootstrap);
  else await runNode(session, folder, bootstrap, options.exitWithParent);
  return undefined;
}

export async function join_(session: Session, ticket: string, options: SettingsOptions): Promise<undefined> {
  const folder = folderOf(session, options);
  const { joinMesh } = await import('../../index.ts');
  const joined = await joinMesh({ folder, ticket, node: await newSettings(options) }).catch((error: Error) => {
    if (error.name !== 'MalformedBytes') throw error;
    throw new CliFailure(exitCodes.usage, 'bad_ticket', `this is not a ticket: ${error.message}`);
  });
  say(
    session,
    `joined ${printable(joined.meshName)} (${short(joined.meshId)}) as ${joined.role}; the node lives in ${folder}`,
  );
  if (options.detach) await detach(session, folder, []);
  else await runNode(session, folder, [], options.exitWithParent);
  return undefined;
}
export { join_ as join };

function folderOf(session: Session, options: SettingsOptions): string {
  return resolve(session.cwd, options.folder ?? defaultFolder(session.env));
}

async function newSettings(options: SettingsOptions): Promise<Parameters<typeof createHome>[1]> {
  const machine = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63);
  const name = options.name ?? (machine === '' ? 'node' : machine);
  const site = options.site ?? 'local';
  const listen = options.listen ?? [
    `/ip4/0.0.0.0/tcp/${(await isFree(defaultPort, '0.0.0.0')) ? defaultPort : (await freePorts(1))[0]}`,
  ];
  return {
    ...edgesOf(options),
    name,
    site,
    operator: site,
    modelFamily: options.modelFamily ?? 'none',
    listen: [...listen],
    dataSets: [],
  };
}

/** A node that exists keeps its name and site: the mesh knows it by them. Where it listens may change. */
function keepSettings(session: Session, folder: string, options: SettingsOptions): void {
  const home = openHome(folder);
  const settings = home.node();
  for (const [flag, wanted, is] of [
    ['--name', options.name, settings.name],
    ['--site', options.site, settings.site],
    ['--model-family', options.modelFamily, settings.modelFamily],
  ] as const) {
    if (wanted === undefined || wanted === is) continue;
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      `the node in ${folder} is ${is}, and the mesh knows it by that; ${flag} ${wanted} is for a new node`,
      `Leave ${flag} out, or make another node: ${session.program} up --folder OTHER ${flag} ${wanted}`,
    );
  }
  const changed = {
    ...settings,
    ...edgesOf(options, settings),
    ...(options.listen === undefined ? {} : { listen: [...options.listen] }),
  };
  if (JSON.stringify(changed) !== JSON.stringify(settings)) home.saveNode(changed);
}

/** How the node reaches NATS and is watched, where that was said; what else it has set there stays. */
function edgesOf(
  { nats, natsUser, natsPasswordFile, metrics }: SettingsOptions,
  before: Pick<NodeSettings, 'nats'> = {},
): Pick<NodeSettings, 'nats' | 'metrics'> {
  const servers = nats ?? before.nats?.servers;
  if (servers === undefined && (natsUser ?? natsPasswordFile) !== undefined)
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      '--nats-user and --nats-password-file need --nats',
      'For example --nats nats://localhost:4222.',
    );
  return {
    ...(servers === undefined
      ? {}
      : {
          nats: {
            ...before.nats,
            servers: [...servers],
            ...(natsUser === undefined ? {} : { user: natsUser }),
            ...(natsPasswordFile === undefined ? {} : { passwordFile: resolve(natsPasswordFile) }),
          },
        }),
    ...(metrics === undefined ? {} : { metrics }),
  };
}

async function runNode(
  session: Session,
  folder: string,
  bootstrap: readonly string[],
  exitWithParent: boolean,
): Promise<void> {
  const stop = new AbortController();
  const told = rejectOnAbort(session.signal, stop.signal);
  const orphaned = exitWithParent ? parentGone() : new Promise<never>(() => {});
  try {
    // Told to end before it is ready, it ends as it is: a start that is cut short is what the folder is made to survive.
    const node = await Promise.race([start(session, folder, bootstrap), told, orphaned]);
    try {
      announce(session, folder, node);
      if (node.hasLeft)
        session.terminal.err(
          `${printable(node.name)} is in its mesh no more, and the others do not talk to it. To come back with what it has: stop it, ask a member for a ticket (\`${session.program} invite\`), and ${session.program} join TICKET --folder ${folder}`,
        );
      const failure = await Promise.race([node.ended, told, orphaned]);
      if (failure !== undefined)
        throw new CliFailure(
          exitCodes.failed,
          'node_ended',
          failure,
          'See node.log in its folder; then start it again with `up`.',
        );
    } finally {
      say(session, 'stopping …');
      const limit = setTimeout(() => process.exit(exitCodes.failed), stopTimeoutMs);
      await node.stop();
      clearTimeout(limit);
    }
  } catch (error) {
    // Ctrl-C is how a node in the foreground is meant to be stopped.
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    stop.abort();
  }
}

async function start(session: Session, folder: string, bootstrap: readonly string[]): Promise<RunningNode> {
  const { startNode } = await import('../../index.ts');
  try {
    return await startNode({ folder, bootstrap });
  } catch (error) {
    throw startFailure(error, folder, session.program);
  }
}

/** The two errors a person meets most, said with what to do about them. */
function startFailure(error: unknown, folder: string, program: string): unknown {
  const { message, code } = error as { readonly message: string; readonly code?: unknown };
  const refused = /(\/(?:ip4|ip6)\/\S+?): Error: listen (EADDRINUSE|EADDRNOTAVAIL|EACCES)/.exec(message);
  if (refused !== null) {
    const [, address, why] = refused;
    return new CliFailure(
      exitCodes.failed,
      why === 'EADDRINUSE' ? 'port_in_use' : 'cannot_listen',
      `the node in ${folder} cannot listen on ${address} (${listenErrors[why!]})`,
      'Stop the program that does, or choose another port with --listen.',
      { cause: error },
    );
  }
  if (code === 'in_use') {
    return new CliFailure(
      exitCodes.failed,
      'folder_in_use',
      message,
      `Stop that node: ${program} down --folder ${folder}`,
      {
        cause: error,
      },
    );
  }
  return error;
}

const listenErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need privileges',
};

function announce(session: Session, folder: string, node: RunningNode): void {
  const { site } = openHome(folder).node();
  const { name, nodeId, meshId, addresses, socket } = node;
  if (session.json) {
    const ready: Ready = { name, site, id: nodeId, mesh: meshId, addresses, socket, folder, pid: process.pid };
    session.terminal.out(JSON.stringify(ready));
  } else showReady(session, folder, { name, site, mesh: meshId, addresses });
}

function showReady(
  session: Session,
  folder: string,
  node: { readonly name: string; readonly site: string; readonly mesh: string; readonly addresses: readonly string[] },
): void {
  const { terminal } = session;
  terminal.out(
    `${terminal.paint.green(terminal.paint.bold('ready'))}  ${node.name} at ${node.site} · mesh ${short(node.mesh)} · ${printable(node.addresses.join('  '))}`,
  );
  const flag = folder === defaultFolder(session.env) ? '' : ` --folder ${folder}`;
  printNext(session, [
    [`status${flag}`, 'the mesh as this node sees it'],
    [`invite${flag}`, 'a ticket for another node'],
    [`ask "…" --data FILE${flag}`, 'work for the mesh'],
    [`down${flag}`, 'stop this node (or Ctrl-C here)'],
  ]);
}

/** Rejects when the pipe on standard input ends: it does when the process that holds its other end does, however that ended. */
function parentGone(): Promise<never> {
  return new Promise((_, reject) => {
    for (const event of ['end', 'close', 'error'] as const) {
      process.stdin.once(event, () => reject(new Interrupted('SIGHUP')));
    }
    process.stdin.resume();
  });
}

/** Starts the node as a process of its own and waits until it answers. */
async function detach(session: Session, folder: string, bootstrap: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Whatever answers there from here on is to be the node that is started now.
  const before = readSocketPath(folder);
  if (before !== undefined && (await isListening(before)))
    throw new CliFailure(
      exitCodes.failed,
      'folder_in_use',
      `a node runs in ${folder} already`,
      `Stop that node first: ${session.program} down --folder ${folder}`,
    );
  const logPath = join(folder, 'node.log');
  const log = openSync(logPath, 'a', 0o600);
  const logStartBytes = fstatSync(log).size;
  const child = spawn(
    process.execPath,
    [launcherPath, 'up', '--folder', folder, '-o', 'json', ...bootstrap.flatMap((address) => ['--bootstrap', address])],
    {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: session.cwd,
      env: session.env,
    },
  );
  closeSync(log);
  let isGone = false;
  child.once('exit', () => {
    isGone = true;
  });
  child.unref();
  const deadlineMs = performance.now() + detachTimeoutMs;
  for (;;) {
    const socket = readSocketPath(folder);
    if (!isGone && socket !== undefined && (await isListening(socket))) break;
    if (isGone) throw errorInLog(logPath, logStartBytes);
    if (performance.now() > deadlineMs)
      throw new CliFailure(
        exitCodes.timeout,
        'timeout',
        `the node in ${folder} (pid ${child.pid}) is not ready after ${detachTimeoutMs / 1_000} s`,
        `See ${logPath}.`,
      );
    await pause(50, session.signal);
  }
  const flag = folder === defaultFolder(session.env) ? '' : ` --folder ${folder}`;
  if (session.json) session.terminal.out(JSON.stringify({ ready: true, folder, pid: child.pid }));
  else {
    session.terminal.out(`ready  pid ${child.pid}, log in ${logPath}`);
    printNext(session, [
      [`status${flag}`, 'the mesh as this node sees it'],
      [`down${flag}`, 'stop it'],
    ]);
  }
}

function errorInLog(logPath: string, fromBytes: number): CliFailure {
  const lines = existsSync(logPath)
    ? readFileSync(logPath).subarray(fromBytes).toString('utf8').trim().split('\n')
    : [];
  for (const line of lines.reverse()) {
    try {
      const { error } = JSON.parse(line) as { error?: { code: string; message: string; hint?: string } };
      if (typeof error?.message === 'string')
        return new CliFailure(exitCodes.failed, error.code, error.message, error.hint);
    } catch {
      // A line of the log that is not an error report.
    }
  }
  return new CliFailure(exitCodes.failed, 'node_ended', 'the node ended before it was ready', `See ${logPath}.`);
}

function say(session: Session, text: string): void {
  if (!session.json) session.terminal.out(session.terminal.paint.dim(text));
}
