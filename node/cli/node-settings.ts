// Law: what is typed becomes the settings of a new node; one that exists keeps its name and site, since the mesh knows it by them.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type createHome, freePorts, isFree, type NodeSettings, openHome } from '../home/index.ts';
import { CliFailure, exitCodes } from './failure.ts';
import { defaultFolder } from './locate.ts';
import type { Session } from './session.ts';

export interface SettingsOptions {
  readonly output: string;
  readonly folder?: string;
  readonly name?: string;
  readonly site?: string;
  readonly modelFamily?: string;
  readonly model?: string;
  readonly modelUrl?: string;
  readonly listen?: readonly string[];
  readonly nats?: readonly string[];
  readonly natsUser?: string;
  readonly natsPasswordFile?: string;
  readonly metrics?: string;
  readonly detach: boolean;
  readonly exitWithParent: boolean;
}

/** Where a node listens unless told otherwise, when nothing else does. */
const defaultPort = 4101;

export function folderOf(session: Session, options: SettingsOptions): string {
  return resolve(session.cwd, options.folder ?? defaultFolder(session.env));
}

export async function newSettings(options: SettingsOptions): Promise<Parameters<typeof createHome>[1]> {
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

/** Where a node that exists listens, and its edges, may change; throws CliFailure where its name or site should. */
export function keepSettings(session: Session, folder: string, options: SettingsOptions): void {
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

/** Where a model server listens unless told otherwise. */
const defaultModelUrl = 'http://127.0.0.1:11434';

/** How the node reaches NATS and its model and is watched, where that was said; what else it has set there stays. */
function edgesOf(
  { nats, natsUser, natsPasswordFile, metrics, model, modelUrl }: SettingsOptions,
  before: Pick<NodeSettings, 'nats' | 'model'> = {},
): Pick<NodeSettings, 'nats' | 'metrics' | 'model'> {
  const servers = nats ?? before.nats?.servers;
  if (servers === undefined && (natsUser ?? natsPasswordFile) !== undefined)
    throw new CliFailure(
      exitCodes.usage,
      'usage',
      '--nats-user and --nats-password-file need --nats',
      'For example --nats nats://localhost:4222.',
    );
  const modelName = model ?? before.model?.name;
  if (modelName === undefined && modelUrl !== undefined)
    throw new CliFailure(exitCodes.usage, 'usage', '--model-url needs --model', 'For example --model llama3.2.');
  return {
    ...(modelName === undefined
      ? {}
      : { model: { name: modelName, url: modelUrl ?? before.model?.url ?? defaultModelUrl } }),
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
