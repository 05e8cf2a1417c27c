// Law: what the event bus promises is tried a hundred times: consumers die by SIGKILL, nothing is lost, nothing comes out of order in its
// key. Usage: node test/soak/events.ts [kills] [jetstream|lanes]
import { killConsumers } from '../support/event-killing.ts';
import { natsServerBinary } from '../support/nats.ts';

const kills = Number(process.argv[2] ?? 100);
const only = process.argv[3];
for (const carrier of ['jetstream', 'lanes'] as const) {
  if (only !== undefined && only !== carrier) continue;
  if (carrier === 'jetstream' && natsServerBinary === undefined) continue;
  const report = await killConsumers({
    carrier,
    kills,
    // On lanes each new consumer is a new member, which first gets everything that was ever published.
    betweenMs: carrier === 'lanes' ? 3_000 : 1_500,
    eventsPerSecond: carrier === 'lanes' ? 100 : 500,
    onProgress: (text) => console.log(`  ${carrier}: ${text}`),
  });
  const isMet = report.missing === 0 && report.misorder === undefined;
  console.log(
    `${carrier}: ${kills} consumers killed, ${report.published} events published, handled ${report.handled} times, ${report.missing} missing, ${report.misorder ?? 'in order'}: ${isMet ? 'met' : 'missed'}`,
  );
  if (!isMet) process.exitCode = 1;
}
process.exit();
