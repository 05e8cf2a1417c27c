// Law: a consumer of the event bus as a process of its own, so that it can be killed at any point. It writes a line per event to a file that
// all consumers share: what the file holds is what was handled, in that order.
// Arguments: carrier, address, identity's index, parent of its folder, file, lease in milliseconds.
import { openSync, writeSync } from 'node:fs';
import { type Carrier, openCarrier } from './event-carriers.ts';

const [carrier, address, index, parent, file, leaseMs] = process.argv.slice(2);
const output = openSync(file!, 'a');
const { bus } = await openCarrier(carrier as Carrier, { address: address!, index: Number(index), parent: parent! });
await bus.join('orders', 'billing', {
  leaseMs: Number(leaseMs),
  // A kill is no verdict on the event that was at hand.
  maxAttempts: 1_000,
  maxEvents: 32,
  async handle(events) {
    for (const { key, data } of events) {
      writeSync(output, `${key} ${Buffer.from(data).toString()}\n`);
      // Time to be killed in.
      if (Number(Buffer.from(data)) % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },
});
