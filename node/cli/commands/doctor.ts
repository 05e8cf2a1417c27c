// Law: every failed line ends with what to do, and no node has to run for the reasons why none runs to be found.
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isListening, MeshClient } from '../../client/index.ts';
import { hasIdentity, isFree, openHome, readSocketPath } from '../../home/index.ts';
import { type Check, type Section, showSections } from '../checks-view.ts';
import { exitCodes } from '../failure.ts';
import { defaultFolder, devFolder, nodeFoldersIn } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { size } from '../terminal.ts';

const leastFreeBytes = 200_000_000;

export interface DoctorOptions {
  readonly folder?: string;
  /** Shows what is well, too. */
  readonly all: boolean;
}

export async function doctor(session: Session, options: DoctorOptions): Promise<number> {
  const sections: Section[] = [{ title: 'this machine', checks: [nodeVersion(), ...localTools()] }];
  for (const folder of foldersToCheck(session, options.folder))
    sections.push({ title: folder, checks: await folderChecks(session, folder) });
  const checks = sections.flatMap((section) => section.checks);
  if (session.json) printJson(session, { checks });
  else showSections(session, sections, options.all);
  return checks.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failed;
}

function foldersToCheck(session: Session, folder: string | undefined): string[] {
  const named = folder ?? session.env.PARLEY_FOLDER;
  if (named !== undefined) {
    const path = resolve(session.cwd, named);
    const inside = nodeFoldersIn(path);
    return inside.length > 0 ? inside : [path];
  }
  const dev = nodeFoldersIn(resolve(session.cwd, devFolder));
  return dev.length > 0 ? dev : [defaultFolder(session.env)];
}

async function folderChecks(session: Session, folder: string): Promise<Check[]> {
  if (!hasIdentity(folder)) {
    return [
      {
        subject: folder,
        check: 'node',
        ok: false,
        detail: 'no node has been created here',
        fix: `Create one: ${session.program} up --folder ${folder}   or try four on this machine: ${session.program} dev`,
      },
    ];
  }
  const checks: Check[] = [privateKey(folder), writable(folder), space(folder), settings(session, folder)];
  const socket = readSocketPath(folder);
  if (socket !== undefined && (await isListening(socket))) {
    checks.push({ subject: folder, check: 'process', ok: true, detail: `a node answers on ${socket}` });
    try {
      checks.push(...(await new MeshClient([socket], { searchTimeoutMs: 0 }).doctor(session.signal)).checks);
    } catch (error) {
      checks.push({
        subject: folder,
        check: 'answers',
        ok: false,
        detail: (error as Error).message,
        fix: `See ${join(folder, 'node.log')}; stop it (${session.program} down --folder ${folder}) and start it again.`,
      });
    }
    return checks;
  }
  checks.push({
    subject: folder,
    check: 'process',
    ok: false,
    detail:
      socket === undefined
        ? 'no node runs on this folder'
        : `the node that wrote ${join(folder, 'socket')} is gone: it did not stop by itself`,
    fix: `Start it: ${session.program} up --folder ${folder}`,
  });
  if (checks.every(({ check, ok }) => check !== 'settings' || ok)) checks.push(...(await ports(session, folder)));
  return checks;
}

function nodeVersion(): Check {
  const version = process.versions.node;
  const ok = Number(version.split('.')[0]) >= 24;
  return {
    subject: 'this machine',
    check: 'Node',
    ok,
    detail: version,
    ...(ok ? {} : { fix: 'Install Node 24 or newer, or run `npm ci` in the clone, which brings its own.' }),
  };
}

/** What the built-in skills need of the runtime. */
function localTools(): Check[] {
  const ok = process.getBuiltinModule('node:sqlite') !== undefined;
  return [
    {
      subject: 'this machine',
      check: 'SQLite',
      ok,
      detail: ok ? 'built in' : 'this Node was built without it',
      ...(ok ? {} : { fix: 'Use a Node from nodejs.org, or `npm ci` in the clone.' }),
    },
  ];
}

function privateKey(folder: string): Check {
  const path = join(folder, 'identity.key');
  const mode = statSync(path).mode & 0o777;
  const ok = (mode & 0o077) === 0;
  return {
    subject: folder,
    check: 'key',
    ok,
    detail: ok ? 'readable by its owner alone' : `identity.key has mode ${mode.toString(8)}: others can read it`,
    ...(ok ? {} : { fix: `chmod 600 ${path}` }),
  };
}

function writable(folder: string): Check {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return { subject: folder, check: 'folder', ok: true, detail: 'readable and writable' };
  } catch (error) {
    return {
      subject: folder,
      check: 'folder',
      ok: false,
      detail: (error as Error).message,
      fix: `Give it to the user who runs the node: chown -R $(id -un) ${folder}`,
    };
  }
}

function space(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const ok = freeBytes >= leastFreeBytes;
  return {
    subject: folder,
    check: 'disk',
    ok,
    detail: `${size(freeBytes)} free`,
    ...(ok ? {} : { fix: `Free at least ${size(leastFreeBytes)} on the disk of ${folder}.` }),
  };
}

function settings(session: Session, folder: string): Check {
  try {
    const home = openHome(folder);
    const { name, site } = home.node();
    home.secretKey();
    if (home.mesh() === undefined) {
      return {
        subject: folder,
        check: 'settings',
        ok: false,
        detail: `${name} is in no mesh yet`,
        fix: `Start it (a mesh is created): ${session.program} up --folder ${folder}`,
      };
    }
    return { subject: folder, check: 'settings', ok: true, detail: `${name} at site ${site}` };
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return {
      subject: folder,
      check: 'settings',
      ok: false,
      detail: message,
      fix: hint ?? `Restore ${folder} from a backup.`,
    };
  }
}

async function ports(session: Session, folder: string): Promise<Check[]> {
  const addresses = openHome(folder)
    .node()
    .listen.flatMap((address) => {
      const match = /^\/ip4\/([0-9.]+)\/tcp\/(\d+)/.exec(address);
      return match === null || match[2] === '0' ? [] : [{ host: match[1]!, port: Number(match[2]) }];
    });
  return Promise.all(
    addresses.map(async ({ host, port }): Promise<Check> => {
      const ok = await isFree(port, host);
      return {
        subject: folder,
        check: `port ${port}`,
        ok,
        detail: ok ? 'free' : 'another program listens on it',
        ...(ok
          ? {}
          : { fix: `Stop that program, or move the node: ${session.program} up --folder ${folder} --listen PORT` }),
      };
    }),
  );
}
