// Law: a command that needs a node finds one that runs, in a documented order, or says how to start one.
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isListening, MeshClient, type Move } from '../client/index.ts';
import { readSocketPath } from '../home/index.ts';
import { CliFailure, exitCodes } from './failure.ts';
import type { Session } from './session.ts';

export function defaultFolder(env: NodeJS.ProcessEnv): string {
  return env.PARLEY_FOLDER ?? join(env.HOME ?? homedir(), '.parley');
}

export const devFolder = join('.parley', 'dev');

/** Folders that may hold a node: `folder` itself, or each folder in it. Sorted by name. */
export function nodeFoldersIn(folder: string): string[] {
  if (isFile(join(folder, 'node.json'))) return [folder];
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return names
      .map(({ name }) => join(folder, name))
      .filter((path) => isFile(join(path, 'node.json')))
      .sort();
  } catch {
    return [];
  }
}

/** Sockets of the nodes in `folder` that accept connections now. */
export async function liveSockets(folder: string): Promise<string[]> {
  const paths = nodeFoldersIn(folder).flatMap((path) => readSocketPath(path) ?? []);
  const live = await Promise.all(paths.map((path) => isListening(path)));
  return paths.filter((_, index) => live[index]);
}

export async function findSockets(session: Session, folder: string | undefined): Promise<string[]> {
  const named = folder ?? session.env.PARLEY_FOLDER;
  if (named !== undefined) {
    const path = resolve(session.cwd, named);
    const sockets = await liveSockets(path);
    if (sockets.length > 0) return [...sockets, ...(await siblings(path, sockets))];
    // The folder is still the way to its neighbours: the node named may be the one that died.
    const others = await siblings(path, sockets);
    if (others.length > 0) return others;
    if (isClosedToUs(path))
      throw new CliFailure(
        exitCodes.failed,
        'no_access',
        `${path} cannot be read: it belongs to another user`,
        'Run this as the user who runs the node.',
      );
    throw new CliFailure(
      exitCodes.failed,
      'no_node',
      `no node runs in ${path}`,
      nodeFoldersIn(path).length > 0
        ? `Start it: ${session.program} up --folder ${named}`
        : `It holds no node. Create one: ${session.program} up --folder ${named}`,
    );
  }
  for (const place of [resolve(session.cwd, devFolder), defaultFolder(session.env)]) {
    const sockets = await liveSockets(place);
    if (sockets.length > 0) return sockets;
  }
  throw new CliFailure(
    exitCodes.failed,
    'no_node',
    `no node is running (looked in ./${devFolder} and ${defaultFolder(session.env)})`,
    `Start four on this machine: ${session.program} dev --keep\n   or one that others can join: ${session.program} up\n   or name its folder: --folder F`,
  );
}

/** Live nodes of the same dev mesh. */
async function siblings(path: string, known: readonly string[]): Promise<string[]> {
  const root = dirname(path);
  if (!isFile(join(root, devFileName))) return [];
  return (await liveSockets(root)).filter((socket) => !known.includes(socket));
}

/** Written by `parley dev` into the folder that holds its nodes' folders. */
export const devFileName = 'dev.json';

export async function connect(
  session: Session,
  options: { readonly folder?: string | undefined },
  onMove?: (move: Move) => void,
): Promise<MeshClient> {
  const sockets = await findSockets(session, options.folder);
  return new MeshClient(sockets, onMove === undefined ? {} : { onMove });
}

/** Where the client keeps the certificates of work given to the node in `nodeFolder`: they outlive a dev mesh's folders. */
export function certificatesFolder(nodeFolder: string): string {
  const root = dirname(nodeFolder);
  if (!isFile(join(root, devFileName))) return join(nodeFolder, 'certificates');
  return basename(dirname(root)) === '.parley' ? join(dirname(root), 'certificates') : join(root, 'certificates');
}

/** The folder, or one on the way to it, is there and not for this user. */
function isClosedToUs(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
