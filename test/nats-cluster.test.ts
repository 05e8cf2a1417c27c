// Law: any server of a cluster may die: `npm run soak -- nats` kills them again and again and measures the gap.
import { describe, expect, it } from 'vitest';
import { natsServerBinary } from './support/nats.ts';
import { killServers } from './support/nats-failover.ts';

describe.skipIf(natsServerBinary === undefined)('a cluster of three NATS servers, as deployed', () => {
  it('loses nothing that was accepted or acknowledged when the server in use is killed, twice, and no member counts as gone', async () => {
    const report = await killServers(2);
    console.log(report);
    expect(report).toMatchObject({ framesInOrder: true, missing: 0, peersLost: 0 });
    expect(report.frames).toBeGreaterThan(100);
    expect(report.acknowledged).toBeGreaterThan(50);
  });
});
