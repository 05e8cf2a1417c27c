import { afterEach, expect, test } from 'vitest';
import {
  type ActorRef,
  ask,
  createSystem,
  defineActor,
  give,
  type Message,
  type Signal,
  type System,
  supervisor,
  supervisorHandle,
} from '../../actors/system/index.ts';
import { patientMs } from '../../test/support/world.ts';
import { realClock, realRandom, realScheduler } from './real.ts';
import { createWorkerHost, type WorkerHost } from './worker-host.ts';
import type { Work } from './worker-test-actors.ts';

const module = new URL('./worker-test-actors.ts', import.meta.url);
const open: { system: System; host: WorkerHost }[] = [];
afterEach(async () => {
  for (const { system, host } of open.splice(0)) {
    await system.shutdown();
    await host.close();
  }
});

function start(threads: number) {
  const clock = realClock();
  const logged: string[] = [];
  const log = (level: string, text: string): void => void logged.push(`${level} ${text}`);
  const system = createSystem('main', { clock, random: realRandom(), scheduler: realScheduler(clock), log });
  const host = createWorkerHost(system, { threads, log });
  open.push({ system, host });
  const inThread = host.inThread<Work, number>(module, 'worker');
  const count = (ref: ActorRef<Work>): Promise<number> => ask(system, ref, { type: 'count' }, { timeoutMs: patientMs });
  return { system, host, inThread, count, logged };
}

function watch(system: System, ref: ActorRef<never>): Promise<Signal> {
  return new Promise((resolve) => {
    const watcher = defineActor<Message, null>({
      kind: 'watcher',
      start: (ctx) => {
        ctx.monitor(ref);
        return null;
      },
      receive: () => undefined,
      signal: (_state, signal) => {
        if (signal.type === 'down') resolve(signal);
      },
    });
    system.spawn(watcher, undefined);
  });
}

test('an actor in a thread is told and asked like any other, and keeps the order', async () => {
  const { system, inThread, count } = start(1);
  const ref = system.spawn(inThread, 5);
  const numbers = new Uint8Array(100_000).fill(2);
  expect(await ask(system, ref, { type: 'sum', numbers }, { timeoutMs: patientMs })).toBe(200_000);
  expect(await count(ref)).toBe(6);
  const blank = await ask(system, ref, { type: 'blank', sizeBytes: 2_000_000 }, { timeoutMs: patientMs });
  expect(blank.length).toBe(2_000_000);
  const told: string[] = [];
  const listener = defineActor<Message, null>({
    kind: 'listener',
    start: () => null,
    receive: (_state, { type }) => void told.push(type),
  });
  const here = system.spawn(listener, undefined);
  for (let index = 0; index < 100; index++) ref.tell({ type: 'add', listener: here });
  expect(await count(ref)).toBe(108);
  expect(told).toHaveLength(100);
});

test('a byte string that was given away is moved to the thread, any other is copied; both arrive whole, and so do those of answers', async () => {
  const { system, inThread } = start(2);
  const [one, two] = [system.spawn(inThread, 0), system.spawn(inThread, 0)];
  const sumOf = (ref: ActorRef<Work>, numbers: Uint8Array): Promise<number> =>
    ask(system, ref, { type: 'sum', numbers }, { timeoutMs: patientMs });
  const [kept, given, small, part] = [1_000_000, 1_000_000, 100, 100_000].map((size) => new Uint8Array(size).fill(1));
  expect(await sumOf(one, kept!)).toBe(1_000_000);
  expect(kept!.length).toBe(1_000_000);
  expect(await sumOf(one, give(given!))).toBe(1_000_000);
  expect(given!.length).toBe(0);
  expect(await sumOf(one, give(small!))).toBe(100);
  expect(await sumOf(one, give(part!.subarray(0, 50_000)))).toBe(50_000);
  expect([small!.length, part!.length]).toEqual([100, 100_000]);
  // Given once and sent twice in one turn, to threads that are up: the second is a copy, made before the first is moved.
  expect(await sumOf(two, new Uint8Array(10).fill(1))).toBe(10);
  const shared = give(new Uint8Array(200_000).fill(1));
  expect(await Promise.all([sumOf(one, shared), sumOf(two, shared)])).toEqual([200_000, 200_000]);
  const answer = await ask(system, one, { type: 'blank', sizeBytes: 3_000_000 }, { timeoutMs: patientMs });
  expect([answer.length, answer.buffer.byteLength]).toEqual([3_000_000, 3_000_000]);
  // To an actor of this thread it makes no difference.
  const here = defineActor<Work, null>({
    kind: 'here',
    start: () => null,
    receive: (_state, message) => void (message.type === 'sum' && message.replyTo.send(message.numbers.length)),
  });
  const local = give(new Uint8Array(100_000));
  expect([await sumOf(system.spawn(here, undefined), local), local.length]).toEqual([100_000, 100_000]);
});

test('a thread that floods keeps neither timers nor actors here from their turns', async () => {
  const { system, inThread, count } = start(1);
  const ref = system.spawn(inThread, 0);
  await count(ref);
  let heard = 0;
  const listener = defineActor<Message, null>({ kind: 'listener', start: () => null, receive: () => void heard++ });
  const here = system.spawn(listener, undefined);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const flood = 200_000;
  const flooded = ask(system, ref, { type: 'flood', listener: here, messages: flood }, { timeoutMs: patientMs });
  expect(await flooded).toBe(flood);
  clearInterval(timer);
  while (heard + system.deadLetters.count < flood) await new Promise((resolve) => setTimeout(resolve, 1));
  // Handled in turns of 256 frames, which a mailbox of 1,024 takes; the timers fire between them.
  expect(heard + system.deadLetters.count).toBe(flood);
  expect(heard).toBeGreaterThan(flood / 2);
  expect(ticks).toBeGreaterThan(10);
});

test('the loop of this thread goes on while an actor in another computes', async () => {
  const { system, inThread, count } = start(1);
  const ref = system.spawn(inThread, 0);
  await count(ref);
  const spun = ask(system, ref, { type: 'spin', forMs: 500 }, { timeoutMs: patientMs });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await spun;
  clearInterval(timer);
  // A hundred where there is a processor for each; none if it computed here.
  expect(ticks).toBeGreaterThan(1);
});

test('actors spread over the threads there may be, which start when needed', async () => {
  const { system, host, inThread, count } = start(2);
  expect(host.threads).toBe(0);
  const refs: ActorRef<Work>[] = [];
  for (let index = 0; index < 4; index++) {
    refs.push(system.spawn(inThread, 0));
    await count(refs.at(-1)!);
    expect(host.threads).toBe(Math.min(index + 1, 2));
  }
});

test('its end and its crash are those of the actor behind it; a thread that dies is a crash too, and asks fail at once', async () => {
  const { system, inThread, count, host } = start(1);
  const [leaving, crashing, dying] = [system.spawn(inThread, 0), system.spawn(inThread, 0), system.spawn(inThread, 0)];
  await Promise.all([leaving, crashing, dying].map(count));
  const ends = [leaving, crashing, dying].map((ref) => watch(system, ref));
  leaving!.tell({ type: 'leave' });
  crashing!.tell({ type: 'crash' });
  expect(await ends[0]).toMatchObject({ reason: { kind: 'normal' } });
  expect(await ends[1]).toMatchObject({ reason: { kind: 'error', error: { message: 'as told' } } });
  const unanswered = ask(system, dying!, { type: 'never' }, { timeoutMs: patientMs });
  const failed = expect(unanswered).rejects.toMatchObject({ code: 'stopped' });
  dying!.tell({ type: 'die' });
  await failed;
  expect(await ends[2]).toMatchObject({
    reason: { kind: 'error', error: { message: 'the thread main/thread-1 died' } },
  });
  expect(host.threads).toBe(0);
});

test('under a supervisor the same ref goes on, in a new thread', async () => {
  const { system, host, inThread, count } = start(1);
  const sup = system.spawn(supervisor({ intensity: 5, children: [{ id: 'a', actor: inThread, args: 7 }] }), undefined);
  const ref = await new Promise<ActorRef<Work>>((resolve) => {
    const look = (): void => {
      const found = supervisorHandle(system, sup).child<Work>('a');
      if (found === undefined) setTimeout(look, 5);
      else resolve(found);
    };
    look();
  });
  expect(await count(ref)).toBe(7);
  expect(await count(ref)).toBe(8);
  const first = host.threads;
  ref.tell({ type: 'die' });
  // Its thread is gone when an ask that was with it fails; what is asked from then on is answered by the next life.
  await expect(ask(system, ref, { type: 'never' }, { timeoutMs: patientMs })).rejects.toMatchObject({
    code: 'stopped',
  });
  expect(await count(ref)).toBe(7);
  expect([first, host.threads]).toEqual([1, 1]);
});

test('what cannot start says why: no such export, no such module, a start that throws', async () => {
  const { system, host, inThread } = start(1);
  const reasonOf = async (ref: ActorRef<never>): Promise<string> => {
    const signal = await watch(system, ref);
    return signal.type === 'down' && signal.reason.kind === 'error' ? signal.reason.error.message : 'nothing';
  };
  const none = host.inThread<Work, number>(module, 'notAnActor');
  expect(await reasonOf(system.spawn(none, 0))).toContain("exports no actor definition 'notAnActor'");
  const nowhere = host.inThread<Work, number>(new URL('./no-such-file.ts', import.meta.url), 'worker');
  expect(await reasonOf(system.spawn(nowhere, 0))).toContain('no-such-file');
  expect(await reasonOf(system.spawn(inThread, -1))).toContain('counts from 0');
});

test('an actor that is stopped here ends there', async () => {
  const { system, inThread, count, host } = start(1);
  const ref = system.spawn(inThread, 0);
  await count(ref);
  const gone = watch(system, ref);
  system.exit(ref, { kind: 'shutdown' });
  await gone;
  // Its place is free again: the next one goes to the same thread.
  await count(system.spawn(inThread, 0));
  expect(host.threads).toBe(1);
});
