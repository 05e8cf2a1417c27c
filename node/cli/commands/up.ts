// Law: a node runs from its folder: the first time its identity and a mesh are made there, or it joins the mesh of a ticket.
import { createHome, foundMesh, hasIdentity, openHome } from '../../home/index.ts';
import { detach } from '../background.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { runNode, say } from '../foreground.ts';
import { folderOf, keepSettings, newSettings, type SettingsOptions } from '../node-settings.ts';
import type { Session } from '../session.ts';
import { printable, short } from '../terminal.ts';

export interface UpOptions extends SettingsOptions {
  readonly meshName?: string;
  readonly bootstrap?: readonly string[];
}

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
