// Law: sites joined by one link keep to themselves what is theirs, go on by themselves when the link is cut as far as their members make a
// quorum, and lose nothing when it heals. Real processes in network namespaces; skipped with a notice where there can be none.
import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { openHome } from '../../node/home/index.ts';
import { eventually, livenessMs, localFile, pause } from '../support/mesh.ts';
import { namespacesMissing } from '../support/netns.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { SeparateSites } from '../support/separate-sites.ts';
import { createCrypto } from '../support/world.ts';

const north = ['amber', 'birch', 'cedar', 'dahlia'];
const south = ['elm', 'fern'];
const rows = 120_000;
const words = 'total installed_size per section in packages.csv, top 5';
const file = localFile('packages.csv', readFileSync(packagesPath));
const answer = largestSums(readPackages(packagesPath), 5);

describe.skipIf(namespacesMissing !== undefined)('two sites and the link between them', () => {
  let sites: SeparateSites;
  beforeAll(async () => {
    sites = await SeparateSites.start([
      { site: 'north', nodes: north, rows },
      { site: 'south', nodes: south, rows },
    ]);
  });
  afterAll(() => sites?.end());

  const stateAt = async (node: string, workflow: string) => (await sites.mesh.detail(node, workflow))?.state;
  async function expectEverywhere(workflow: string): Promise<void> {
    const meshId = (await sites.mesh.status('amber')).mesh.id;
    for (const name of [...north, ...south]) {
      await eventually(
        `${name} to know the end of ${workflow.slice(0, 8)}`,
        async () => (await stateAt(name, workflow)) === 'completed',
        2 * livenessMs,
      );
      const certificate = await sites.mesh.certificate(name, workflow);
      expect(verifyCertificateFile(certificate, { crypto: createCrypto(), meshId }).ok).toBe(true);
    }
    const detail = (await sites.mesh.detail('fern', workflow))!;
    expect((detail.result!.json as { rows: unknown }).rows).toEqual(answer);
  }

  it('answers a question over both sites’ private tables while next to nothing of them crosses the link', async () => {
    const [set] = openHome(sites.mesh.folder('amber')).node().dataSets;
    const tableBytes = statSync(set!.path).size;
    /** What members say to each other anyway, per millisecond. */
    const idle = await (async () => {
      sites.set({});
      const sinceMs = performance.now();
      await pause(3_000);
      return sites.counted().between.bytes / (performance.now() - sinceMs);
    })();
    sites.set({});
    const startedMs = performance.now();
    const asked = await sites.mesh.ask('average installed_size per section across all sites, top 10', [], {
      node: 'amber',
    });
    const { between, within } = sites.counted();
    const anywayBytes = idle * (performance.now() - startedMs);
    console.log(
      `tables of ${tableBytes} bytes each; over the link ${between.bytes} bytes, ${anywayBytes.toFixed(0)} of them anyway, of one site's own ${within.packets} packets`,
    );
    const { parts } = asked.detail.result!.json as { parts: { site: string; rows: number }[] };
    expect(parts).toMatchObject([
      { site: 'north', rows },
      { site: 'south', rows },
    ]);
    expect(within.packets).toBe(0);
    expect(between.packets).toBeGreaterThan(0);
    expect(between.bytes - anywayBytes).toBeLessThan(tableBytes / 2);
  });

  it('the doctor finds every pair in order, from both ends, clocks too', async () => {
    await eventually('the doctor to find all in order', async () => {
      const { checks } = await sites.mesh.doctor('fern');
      const isFine = (check: string, name: string): boolean =>
        checks.some((each) => each.check === check && each.subject === name && each.ok);
      return [...north, 'elm'].every((name) => isFine('both ways', name) && isFine('clock', name));
    });
  });

  it('cut: the site with a quorum goes on, the other carries out what it can and certifies nothing; healed: nothing is lost', async () => {
    sites.set({ isCut: true });
    await eventually(
      'both sides to know',
      async () =>
        (await sites.mesh.status('amber')).mesh.live === north.length &&
        (await sites.mesh.status('elm')).mesh.live === south.length,
    );
    const [large, small] = await Promise.all([
      sites.mesh.open(words, [file], 'amber'),
      sites.mesh.open(words, [file], 'elm'),
    ]);
    await eventually('the northern one', async () => (await stateAt('birch', large)) === 'completed');
    await eventually('the southern one to wait', async () => (await stateAt('fern', small)) === 'waiting-for-quorum');
    const waiting = await eventually('its task to have been given out', async () => {
      const detail = await sites.mesh.detail('elm', small);
      return (detail?.taskDetails[0]?.executors.length ?? 0) > 0 ? detail : undefined;
    });
    expect(waiting.result).toBeUndefined();
    await expect(sites.mesh.clientOf('elm').certificate(small)).rejects.toMatchObject({ code: 'not_ready' });
    expect([await stateAt('elm', large), await stateAt('amber', small)]).toEqual([undefined, undefined]);
    const { members, quorum, epoch } = (await sites.mesh.status('elm')).mesh;
    expect([members, quorum, epoch]).toEqual([6, 4, 0]);

    const failed = await eventually('the doctor to miss the south', async () => {
      const checks = (await sites.mesh.doctor('amber')).checks.filter(({ ok }) => !ok);
      return south.every((name) => checks.some(({ subject }) => subject === name)) ? checks : undefined;
    });
    for (const { fix } of failed) expect(fix).toMatch(/\w/);

    sites.set({});
    await expectEverywhere(large);
    await expectEverywhere(small);
  });

  it('throttled and lossy: slower, and nothing else', async () => {
    await sites.mesh.formed();
    sites.set({ lossPercent: 5, bitsPerSecond: 500_000 });
    await pause(500);
    await expectEverywhere(await sites.mesh.open(words, [file], 'fern'));
    sites.set({});
  });
});

describe.skipIf(namespacesMissing !== undefined)('members that no packet takes to each other', () => {
  let sites: SeparateSites;
  beforeAll(async () => {
    const hidden = { relay: { wanted: 1 } };
    sites = await SeparateSites.start(
      [
        { site: 'hub', nodes: ['amber'], settings: { relay: { reservations: 8 } } },
        { site: 'east', nodes: ['birch'], settings: hidden },
        { site: 'west', nodes: ['cedar'], settings: hidden },
      ],
      { isHub: true },
    );
  });
  afterAll(() => sites?.end());

  it('are one mesh through a relay, which the doctor names, and work together', async () => {
    await eventually('the doctor to name it', async () => {
      const { checks } = await sites.mesh.doctor('cedar');
      const says = (subject: string, check: string, what: RegExp): boolean =>
        checks.some((each) => each.subject === subject && each.check === check && what.test(each.detail));
      return (
        says('cedar', 'NAT', /can be reached through/) &&
        says('birch', 'both ways', /reached through a relay, and reaches this node through a relay/) &&
        says('amber', 'both ways', /reached directly/)
      );
    });
    const asked = await sites.mesh.ask(words, [file], { node: 'birch' });
    expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(answer);
  });
});
