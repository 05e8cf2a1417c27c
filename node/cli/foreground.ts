// Law: a node in the foreground says when it is ready, and it stops on Ctrl-C, on `down`, or with its parent, leaving its folder whole.
import { openHome } from '../home/index.ts';
import type { RunningNode } from '../index.ts';
import { type Ready, rejectOnAbort } from './dev/node-process.ts';
import { CliFailure, exitCodes, Interrupted } from './failure.ts';
import { defaultFolder } from './locate.ts';
import { printNext, type Session } from './session.ts';
import { printable, short } from './terminal.ts';

/** A node that takes longer than this to stop is ended as it is: its folder survives that by design. */
const stopTimeoutMs = 5_000;

/** For people alone: with -o json nothing but results is printed. */
export function say(session: Session, text: string): void {
  if (!session.json) session.terminal.out(session.terminal.paint.dim(text));
}

/** Resolves when the node was told to stop and has. */
export async function runNode(
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
  const { startNode } = await import('../index.ts');
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
