// Law: no consumer's death loses an event or brings two of one key out of order; `npm run soak events` does this a hundred times.
import { describe, expect, it } from 'vitest';
import { killConsumers } from './support/event-killing.ts';
import { natsServerBinary } from './support/nats.ts';

describe.skipIf(natsServerBinary === undefined)('a group of consumers that are killed', () => {
  it('handles every event at least once and each key in order, though five of them are killed at work', async () => {
    const report = await killConsumers({ carrier: 'jetstream', kills: 5, betweenMs: 300, eventsPerSecond: 400 });
    console.log(report);
    expect(report.published).toBeGreaterThan(500);
    expect(report).toMatchObject({ missing: 0, misorder: undefined });
  });
});
