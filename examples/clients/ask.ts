// Asks a mesh over NATS and prints its certified answer. Nothing of Parley is imported: this is all there is to it.
//   NATS_URL=nats://client:PASSWORD@localhost:4222 node ask.ts "total revenue per region in sales.csv, top 5" sales.csv
// The same key names the same workflow: whoever runs this again with KEY=… gets the first answer, and no second run.
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { connect, createInbox, type Msg } from '@nats-io/transport-node';

const [words, ...paths] = process.argv.slice(2);
const idempotencyKey = process.env.KEY ?? randomUUID();
const { username, password, host } = new URL(process.env.NATS_URL ?? 'nats://localhost:4222');
const nats = await connect({ servers: host, ...(username === '' ? {} : { user: username, pass: password }) });

const files = paths.map((path) => ({ name: basename(path), content: readFileSync(path).toString('base64') }));
const intent = JSON.stringify({ words, files, idempotencyKey });
type Answer = { ok?: boolean; workflow: string; heldBy: number; error: { message: string; hint?: string } };
const reply = (await nats.request('parley.intent.submit', intent, { timeout: 30_000 })).json<Answer>();
if (!reply.ok) {
  console.error(reply.error.message, reply.error.hint ?? '');
  process.exit(1);
}
console.error(`workflow ${reply.workflow}, held by ${reply.heldBy} other nodes, key ${idempotencyKey}`);

const inbox = createInbox();
const messages: AsyncIterable<Msg> = nats.subscribe(inbox);
nats.publish(`parley.workflow.${reply.workflow}.follow`, '', { reply: inbox });
for await (const message of messages) {
  if (message.data.length === 0) break;
  const told = message.json<
    Answer & Record<'type' | 'task' | 'node' | 'state' | 'certificate', string> & { result?: object }
  >();
  if (told.type === 'outcome') {
    console.log(JSON.stringify(told.result ?? told, null, 2));
    if (told.certificate !== undefined) writeFileSync('certificate.json', Buffer.from(told.certificate, 'base64'));
    process.exitCode = told.state === 'completed' ? 0 : 1;
  } else if (told.ok === false) {
    throw new Error(told.error.message);
  } else if (told.type !== 'keepalive') console.error(told.type, told.task ?? '', told.node ?? '');
}
await nats.close();
