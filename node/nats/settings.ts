// Law: secrets for the NATS server stay in files of their own; settings name them, and what cannot be read is said before anything starts.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { NatsCredentials, NatsServers, NatsTls } from '../../protocols/nats/index.ts';
import { HomeError, type NatsSettings } from '../home/index.ts';

/** Relative paths are relative to the node's folder. Throws HomeError `unreadable`. */
export function natsServersOf(settings: NatsSettings, folder: string): NatsServers {
  const pathOf = (path: string): string => resolve(folder, path);
  const read = (path: string): string => {
    try {
      return readFileSync(pathOf(path), 'utf8');
    } catch (error) {
      throw new HomeError(
        'unreadable',
        `${pathOf(path)}, named under "nats" in node.json, cannot be read (${(error as NodeJS.ErrnoException).code})`,
        'Correct the path or the file’s permissions.',
      );
    }
  };
  const credentials: NatsCredentials = {
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.passwordFile === undefined ? {} : { password: read(settings.passwordFile).trim() }),
    ...(settings.tokenFile === undefined ? {} : { token: read(settings.tokenFile).trim() }),
    ...(settings.credsFile === undefined ? {} : { creds: read(settings.credsFile) }),
    ...(settings.nkeySeedFile === undefined ? {} : { nkeySeed: read(settings.nkeySeedFile).trim() }),
  };
  const tls: NatsTls = {
    ...(settings.caFile === undefined ? {} : { caFile: pathOf(settings.caFile) }),
    ...(settings.certFile === undefined ? {} : { certFile: pathOf(settings.certFile) }),
    ...(settings.keyFile === undefined ? {} : { keyFile: pathOf(settings.keyFile) }),
  };
  return {
    servers: settings.servers,
    ...(Object.keys(credentials).length === 0 ? {} : { credentials }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(settings.domain === undefined ? {} : { domain: settings.domain }),
  };
}
