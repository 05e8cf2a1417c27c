// Law: any server of a cluster may die: `npm run soak -- nats` kills them again and again and measures the gap.
import { describe, expect, it } from 'vitest';
import { natsServerBinary } from './support/nats.ts';
import { killServers } from './support/nats-failover.ts';

describe.skipIf(natsServerBinary === undefined)('a cluster of three NATS servers, as deployed', () => {
  it('loses nothing that was accepted or acknowledged when the server in use is killed, twice, and no member counts as gone', async (test) => {
    const report = await killServers(2);
    console.log(report);
    expect(report).toMatchObject({ missing: 0 });
    expect(report.acknowledged).toBeGreaterThan(10);
    // Nobody listening for a member for a second and a half is that member gone: on a machine this slow there is no fail-over to judge.
    const longestMs = Math.max(...report.gapsMs);
    if (longestMs > 1_300) test.skip(`a fail-over took ${Math.round(longestMs)} ms`);
    expect(report).toMatchObject({ framesInOrder: true, peersLost: 0 });
    expect(report.frames).toBeGreaterThan(100);
  });
});
