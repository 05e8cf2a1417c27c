// Law: a node is asked to stop and is gone when the command returns, or the command says that it is not. One that leaves its mesh stops only
// once the others have agreed to go on without it.
import { resolve } from 'node:path';
import { isListening, type LeaveReply, MeshClient } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { defaultFolder, devFolder, liveSockets } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { duration } from '../terminal.ts';

const stopTimeoutMs = 10_000;

export interface DownOptions {
  readonly folder?: string;
  readonly leave: boolean;
  /** Milliseconds. */
  readonly drain: number;
}

export async function down(session: Session, options: DownOptions): Promise<undefined> {
  const named = options.folder ?? session.env.PARLEY_FOLDER;
  const places =
    named === undefined ? [resolve(session.cwd, devFolder), defaultFolder(session.env)] : [resolve(session.cwd, named)];
  // The first place where something runs: a dev mesh here comes before the node of the whole account.
  let sockets: string[] = [];
  for (const place of places) {
    sockets = await liveSockets(place);
    if (sockets.length > 0) break;
  }
  if (sockets.length === 0) {
    throw new CliFailure(
      exitCodes.failed,
      'no_node',
      `no node is running in ${places.join(' or ')}`,
      'Name the folder of the node to stop with --folder.',
    );
  }
  if (options.leave && sockets.length > 1)
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      `${sockets.length} nodes run in ${places.join(' or ')}, and one leaves at a time`,
      'Name the folder of the one that leaves with --folder.',
    );
  const left = options.leave ? await leave(session, sockets[0]!, options.drain) : undefined;
  const stopped = await Promise.all(sockets.map((socket) => stop(socket, session.signal)));
  if (session.json) printJson(session, { stopped, ...(left === undefined ? {} : { left }) });
  else session.terminal.out(`stopped ${stopped.join(', ')}`);
  return undefined;
}

async function leave(session: Session, socket: string, drainForMs: number): Promise<LeaveReply> {
  const { terminal } = session;
  if (!session.json) terminal.out(terminal.paint.dim(`finishing its work (${duration(drainForMs)} at most) …`));
  const reply = await new MeshClient([socket], { searchTimeoutMs: 0 }).leave({ drainForMs }, session.signal);
  if (!session.json) {
    if (!reply.drained) terminal.out(terminal.paint.yellow('work was still in hand; others take it over'));
    terminal.out(`left in epoch ${reply.epoch}: ${reply.members} members remain, ${reply.tolerance}`);
  }
  return reply;
}

async function stop(socket: string, signal: AbortSignal): Promise<string> {
  const client = new MeshClient([socket]);
  const { node } = await client.status(signal);
  await client.stop(signal);
  const deadlineMs = performance.now() + stopTimeoutMs;
  while (await isListening(socket)) {
    signal.throwIfAborted();
    if (performance.now() > deadlineMs) {
      throw new CliFailure(
        exitCodes.timeout,
        'timeout',
        `${node.name} is still running ${stopTimeoutMs / 1_000} s after it was asked to stop`,
        `See ${node.folder}/node.log.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return node.name;
}
