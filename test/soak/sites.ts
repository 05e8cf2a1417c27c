// Law: whatever the link between sites does, for as long as it likes, what was asked for at any node is certified in the end, once, the same
// everywhere; the site that has a quorum never waits for the other.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StoredFiles } from '../../node/client/index.ts';
import { eventually, localFile, pause } from '../support/mesh.ts';
import { namespacesMissing } from '../support/netns.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { type LinkState, SeparateSites } from '../support/separate-sites.ts';
import type { SoakOptions } from './membership.ts';

const north = ['amber', 'birch', 'cedar', 'dahlia'];
const south = ['elm', 'fern'];
const names = [...north, ...south];
const words = 'total installed_size per section in packages.csv, top 5';

const troubles: readonly (readonly [name: string, link: LinkState])[] = [
  ['cut', { isCut: true }],
  ['lossy', { lossPercent: 15 }],
  ['narrow', { bitsPerSecond: 300_000 }],
  ['narrow and lossy', { lossPercent: 5, bitsPerSecond: 500_000 }],
  ['well', {}],
];

/** Resolves with whether all held. */
export async function sitesSoak({ minutes, say }: SoakOptions): Promise<boolean> {
  if (namespacesMissing !== undefined) throw new Error(namespacesMissing);
  const sites = await SeparateSites.start([
    { site: 'north', nodes: north },
    { site: 'south', nodes: south },
  ]);
  const file = localFile('packages.csv', readFileSync(packagesPath));
  const answer = JSON.stringify(largestSums(readPackages(packagesPath), 5));
  const opened: string[] = [];
  const open = async (node: string): Promise<string> => {
    const client = sites.mesh.clientOf(node);
    const files = new StoredFiles([file]);
    const signal = AbortSignal.timeout(60_000);
    const reply = await client.plan({ words }, files, signal);
    if (reply.kind !== 'plan') throw new Error(reply.message);
    const request = { words, plan: reply.plan, idempotencyKey: randomUUID(), approved: false };
    const { workflow } = await client.open(request, files, signal);
    opened.push(workflow);
    return workflow;
  };
  const isCompletedAt = async (name: string, workflow: string): Promise<boolean> =>
    (await sites.mesh.detail(name, workflow))?.state === 'completed';
  const endMs = Date.now() + minutes * 60_000;
  let rounds = 0;
  try {
    while (Date.now() < endMs) {
      const [name, link] = troubles[rounds++ % troubles.length]!;
      sites.set(link);
      await pause(2_000 + Math.random() * 15_000);
      const here = await open(north[rounds % north.length]!);
      await open(south[rounds % south.length]!);
      await eventually(
        `the north to complete its own while the link is ${name}`,
        () => isCompletedAt(north[(rounds + 1) % north.length]!, here),
        120_000,
      );
      say(`round ${rounds}, link ${name}: ${opened.length} asked for`);
    }
    sites.set({});
    for (const workflow of opened)
      for (const node of names) {
        await eventually(
          `${node} to know the end of ${workflow.slice(0, 8)}`,
          () => isCompletedAt(node, workflow),
          180_000,
        );
        const { rows } = (await sites.mesh.detail(node, workflow))!.result!.json as { rows: unknown };
        if (JSON.stringify(rows) !== answer) {
          say(`FAILED: ${node} has another answer for ${workflow}: ${JSON.stringify(rows)}`);
          return false;
        }
      }
    say(`${rounds} rounds, ${opened.length} workflows: all certified, and the same on all ${names.length} nodes`);
    return true;
  } catch (error) {
    say(`FAILED: ${(error as Error).message}`);
    return false;
  } finally {
    await sites.end();
  }
}
