// Law: the launcher that stands between an older Node and the node is not in the way: what is sent to it alone reaches the node.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/mesh.ts';
import { repository } from './support/process.ts';

/** A Node of this machine that cannot run the sources itself. */
const older = (process.env.PATH ?? '')
  .split(delimiter)
  .concat('/usr/local/bin', '/usr/bin')
  .map((folder) => join(folder, 'node'))
  .find((path) => {
    if (!existsSync(path)) return false;
    const version = spawnSync(path, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' });
    return version.status === 0 && Number(version.stdout) < 24;
  });
if (older === undefined) console.warn('notice: skipped, this machine has no Node older than 24 to launch from');

describe.skipIf(older === undefined)('the launcher under an older Node', () => {
  it('hands on an interrupt that is sent to it alone, and ends as the node does', async () => {
    const folder = temporaryFolder('parley-launcher-');
    const child = spawn(
      older!,
      [join(repository, 'bin/parley.mjs'), 'up', '--folder', folder, '--listen', '127.0.0.1:0', '-o', 'json'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const gone = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGINT');
      expect(await gone).toBe(0);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
