// Law: refs, asks, monitors and groups mean over the real transport, between two processes, what they mean in the tests' own network.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  type ActorRef,
  ask,
  defineActor,
  type Message,
  type MonitorId,
  type Signal,
} from '../../actors/system/index.ts';
import { patientMs, until } from '../support/world.ts';
import { openNode, type Tally, tallyGroup } from './remote-peer.ts';

const peer = fileURLToPath(new URL('./remote-peer.ts', import.meta.url));

async function startPeer(): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const child = spawn(process.execPath, [peer], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [address] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, address };
}

test('two processes: found by group, told, asked, watched; killed and started again', async () => {
  const { network, system, remote } = await openNode(0);
  let { child, address } = await startPeer();
  const signals: Signal[] = [];
  let monitor: (ref: ActorRef<never>) => MonitorId = () => {
    throw new Error('the watcher has not started');
  };
  const watcher = defineActor<Message, null>({
    kind: 'watcher',
    start: (ctx) => {
      monitor = (ref) => ctx.monitor(ref);
      return null;
    },
    receive: () => undefined,
    signal: (_state, signal) => void signals.push(signal),
  });
  system.spawn(watcher, undefined);
  const total = (ref: ActorRef<Tally>) => ask(system, ref, { type: 'total' }, { timeoutMs: patientMs });
  const find = async (): Promise<ActorRef<Tally>> => {
    await until('a member of the group', () => remote.groups.members(tallyGroup).length === 1);
    return remote.groups.members<Tally>(tallyGroup)[0]!;
  };
  try {
    await network.dial(address);
    const found = await find();
    monitor(found);
    for (let by = 1; by <= 100; by++) expect(found.tell({ type: 'add', by })).toBe(true);
    expect(await total(found)).toBe(5050);
    const startMs = performance.now();
    for (let count = 0; count < 200; count++) await total(found);
    const askMs = (performance.now() - startMs) / 200;

    found.tell({ type: 'add', by: 'x' } as never);
    expect(await total(found)).toBe(5050);

    const open = ask(system, found, { type: 'never' }, { timeoutMs: patientMs });
    open.catch(() => {});
    child.kill('SIGKILL');
    await expect(open).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'unreachable' } });
    await until('the news', () => signals.length === 1);
    expect(signals).toMatchObject([{ type: 'down', reason: { kind: 'unreachable', node: found.address.node } }]);
    await until('an empty group', () => remote.groups.members(tallyGroup).length === 0);

    ({ child, address } = await startPeer());
    await network.dial(address);
    const again = await find();
    expect(again.address.uid).not.toBe(found.address.uid);
    expect(await total(again)).toBe(0);
    await expect(total(found)).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'noproc' } });
    monitor(again);
    again.tell({ type: 'leave' });
    await until('the crash', () => signals.length === 2);
    expect(signals[1]).toMatchObject({ type: 'down', reason: { kind: 'error', error: { message: 'as told' } } });
    await until('an empty group', () => remote.groups.members(tallyGroup).length === 0);
    console.log(`ask between two processes over libp2p: ${(askMs * 1000).toFixed(0)} µs, one after the other`);
  } finally {
    child.kill('SIGKILL');
    await system.shutdown();
    await network.close();
  }
});
