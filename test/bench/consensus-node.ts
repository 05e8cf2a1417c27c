// Law: the bench's node is the engine as it ships, its write-ahead log on a real disk, and the libp2p network; nothing is simulated, and
// nothing of a workflow runs beside it. It proposes only instances it leads, as many at once as it is told.
// Usage: forked by consensus.ts with one NodeSetup as its argument.
import { openVoteLog } from '../../actors/consensus/index.ts';
import {
  createEngine,
  defaultFaultBudget,
  type EngineInput,
  type EngineOutput,
  InputQueue,
} from '../../consensus/index.ts';
import { createStorage } from '../../node/world/index.ts';
import { createLibp2pNetwork } from '../../protocols/libp2p/index.ts';
import { compareText, utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../support/world.ts';

export interface NodeSetup {
  readonly index: number;
  readonly members: number;
  readonly folder: string;
  readonly bootstrap: readonly string[];
  readonly baseMs: number;
}
/** `count` and `mark` answer without the latencies. */
export type ToNode = { readonly load: number } | 'mark' | 'count' | 'report';
export interface Report {
  readonly decisions: number;
  /** How often this node signed, wrote and sent. */
  readonly flushes: number;
  readonly latenciesMs: readonly number[];
  readonly peers: number;
}

const payloadBytes = 200;
const tickMs = 50;

const setup = JSON.parse(process.argv[2]!) as NodeSetup;
const crypto = createCrypto();
const identities = Array.from({ length: setup.members }, (_, i) => testIdentity(i));
const self = identities[setup.index]!;
const members = identities
  .map(({ id }, i) => ({ id, weight: 1, name: `n${i}`, site: 's', operator: 'o', modelFamily: 'none' }))
  .sort((a, b) => compareText(a.id, b.id));
const meshId = new Uint8Array(32).fill(1);
const engine = createEngine({
  self,
  meshId,
  config: { epoch: 0, members, ...defaultFaultBudget(members.length), previous: new Uint8Array(32) },
  crypto,
  timeouts: { baseMs: setup.baseMs, maxMs: 10_000 },
});
const log = await openVoteLog(await createStorage(setup.folder), 0, crypto);
const network = await createLibp2pNetwork({
  identity: self,
  meshId,
  preSharedKey: new Uint8Array(32).fill(2),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  bootstrap: [...setup.bootstrap],
  allow: () => true,
  log: () => {},
});

const inputs = new InputQueue();
let isFlushing = false;
let load = 0;
let decisions = 0;
let flushes = 0;
let latenciesMs: number[] = [];
let serial = 0;
const startedMs = new Map<string, number>();
/** Timers by the tick in which they fire. */
const wheel = new Map<number, EngineInput[]>();
let tick = Math.floor(performance.now() / tickMs);

/** A node that is busy waits a moment for more, since a signature and a write cost the same for one instance as for many. */
const busyAt = 4;
const waitMs = 1;
let isWaiting = false;

function pump(): void {
  if (isWaiting || isFlushing || inputs.isEmpty) return;
  isWaiting = true;
  const run = (): void => {
    isWaiting = false;
    flush();
  };
  if (engine.liveCount > busyAt) setTimeout(run, waitMs);
  else setImmediate(run);
}

function flush(): void {
  while (!isFlushing && !inputs.isEmpty) {
    const outputs = engine.handleAll(inputs.take());
    const records = outputs.flatMap((output) => (output.type === 'persist' ? [output.record] : []));
    if (records.length === 0) {
      perform(outputs);
      continue;
    }
    isFlushing = true;
    log.append(records).then(() => {
      isFlushing = false;
      if (outputs.some(({ type }) => type === 'send')) flushes++;
      perform(outputs);
      pump();
    }, fail);
  }
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

function perform(outputs: readonly EngineOutput[]): void {
  for (const output of outputs) {
    if (output.type === 'send') {
      for (const to of output.to === 'all' ? network.peers() : [output.to]) network.send(to, output.frame);
    } else if (output.type === 'validate') {
      inputs.push({ type: 'validated', instance: output.instance, value: output.value, ok: true });
    } else if (output.type === 'timer') {
      const { instance, kind, round } = output;
      const due = Math.floor((performance.now() + output.delayMs) / tickMs) + 1;
      const slot = wheel.get(due);
      if (slot === undefined) wheel.set(due, [{ type: 'timeout', instance, kind, round }]);
      else slot.push({ type: 'timeout', instance, kind, round });
    } else if (output.type === 'decided') {
      const atMs = startedMs.get(output.instance);
      if (atMs === undefined) continue;
      startedMs.delete(output.instance);
      decisions++;
      latenciesMs.push(performance.now() - atMs);
      propose();
    } else if (output.type === 'refused') fail(new Error(`refused: ${output.reason}`));
  }
}

function propose(): void {
  while (startedMs.size < load) {
    const subject = { domain: 'verdict', key: utf8.encode(`${setup.index} ${serial++}`) } as const;
    const id = engine.instanceId(subject);
    if (engine.leader(id, 0) !== self.id) continue;
    startedMs.set(id, performance.now());
    inputs.push({ type: 'start', subject, payload: payloadOf(id) });
  }
}

function payloadOf(id: string): Uint8Array {
  const payload = new Uint8Array(payloadBytes);
  payload.set(utf8.encode(id));
  return payload;
}

setInterval(() => {
  for (const now = Math.floor(performance.now() / tickMs); tick <= now; tick++) {
    for (const timeout of wheel.get(tick) ?? []) inputs.push(timeout);
    wheel.delete(tick);
  }
  pump();
}, tickMs);
network.onFrame((from, bytes) => {
  inputs.push({ type: 'frame', from, bytes });
  pump();
});
process.on('message', (message: ToNode) => {
  if (message === 'report') {
    process.send!({ decisions, flushes, latenciesMs, peers: network.peers().length } satisfies Report);
  } else if (message === 'count' || message === 'mark') {
    if (message === 'mark') {
      decisions = 0;
      flushes = 0;
      latenciesMs = [];
    }
    process.send!({ decisions, flushes, latenciesMs: [], peers: network.peers().length } satisfies Report);
  } else {
    load = message.load;
    propose();
    pump();
  }
});
process.on('disconnect', () => process.exit());
process.send!(network.addresses()[0]!);
