// Law: a seed is worth something only beside the code it ran: eight hex digits over every source file of the node and the simulator.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folders = ['actors', 'consensus', 'node', 'protocols', 'sim'];
let known: string | undefined;

export function sourceHash(): string {
  if (known !== undefined) return known;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const digest = createHash('sha256');
  for (const folder of folders) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(
      // Sources in a clone, compiled files in a package.
      (name) => /(?<!\.d|\.test)\.[tj]s$/.test(name),
    );
    for (const name of files.sort())
      digest.update(`${folder}/${name}\n`).update(readFileSync(join(root, folder, name)));
  }
  known = digest.digest('hex').slice(0, 8);
  return known;
}
