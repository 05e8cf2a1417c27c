// Law: of real processes: one that reads nothing, one that is killed, one that closes.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PeerEvent } from '../../actors/system/index.ts';
import { freePorts } from '../../test/support/ports.ts';
import { testIdentity, until } from '../../test/support/world.ts';
import { cleanups, honestPair, start } from './testing/hostile-kit.ts';

describe('processes on the libp2p transport', () => {
  const script = `
    import { testIdentity } from ${JSON.stringify(new URL('../../test/support/world.ts', import.meta.url).href)};
    import { createLibp2pNetwork } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const [index, listen, ...bootstrap] = process.argv.slice(1);
    const network = await createLibp2pNetwork({ identity: testIdentity(Number(index)), meshId: new Uint8Array(32).fill(1), preSharedKey: new Uint8Array(32).fill(2), listen: [listen], bootstrap, allow: () => true, log: () => {} });
    network.serve((_, frame) => frame);
    network.subscribe('news', () => {});
    network.onPeer(({ up }) => console.log(up ? 'up' : 'down'));
    process.on('SIGTERM', () => void network.close());
    console.log(network.addresses()[0]);
  `;
  const child = async (
    index: number,
    listen: string,
    ...bootstrap: string[]
  ): Promise<{ readonly process: ChildProcess; readonly lines: string[] }> => {
    const started = spawn(
      process.execPath,
      ['--input-type=module', '-e', script, '--', String(index), listen, ...bootstrap],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    cleanups.push(() => started.kill('SIGKILL'));
    const lines: string[] = [];
    started.stdout!.on('data', (data: Buffer) => void lines.push(...data.toString().trim().split('\n')));
    await until('the child to listen', () => lines.length > 0);
    return { process: started, lines };
  };

  it('lets a member that reads nothing wait alone: bounded memory, no publication lost to the others, and it is named', async () => {
    const { a, b, stillWorks } = await honestPair();
    const [port] = await freePorts(1);
    const slow = await child(3, `/ip4/127.0.0.1/tcp/${port}`, a.addresses()[0]!);
    const slowId = testIdentity(3).id;
    await until('the slow member', () => a.peers().includes(slowId));
    let heard = 0;
    b.subscribe('news', (_, frame) => void (frame.length > 8 && heard++));
    let isHeard = false;
    b.subscribe('probe', () => {
      isHeard = true;
    });
    await until('a publication to reach the other', () => {
      a.publish('probe', randomBytes(8));
      return isHeard;
    });
    slow.process.kill('SIGSTOP');
    const isNamed = (): boolean => a.refusals().some(({ from, reason }) => from === slowId && reason === 'slow');
    const frame = new Uint8Array(64 << 10);
    const beforeBytes = process.memoryUsage().rss;
    let offered = 0;
    let taken = 0;
    await until('the slow member to be named', () => {
      for (let i = 0; i < 40; i++, offered++) if (a.send(slowId, frame)) taken++;
      return isNamed() && offered > 2_000;
    });
    // What was refused is four fifths or more of what was offered; what waits is what may, on either side of the sockets.
    expect(taken * frame.length).toBeLessThan(32 << 20);
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(160 << 20);
    await stillWorks();
    // Publications are not kept for it without end either: it is cut off, and nobody else misses one.
    const count = 150;
    for (let i = 0; i < count; i++) {
      a.publish('news', randomBytes(64 << 10));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('every publication at the other', () => heard === count);
    await stillWorks();
    expect(a.refusals().filter(({ from }) => from === b.self)).toEqual([]);
    slow.process.kill('SIGCONT');
    let answered = false;
    await until('the slow member, awake', () => {
      if (!answered && a.peers().includes(slowId))
        a.request(slowId, Uint8Array.of(7), { timeoutMs: 2_000 }).then(
          () => {
            answered = true;
          },
          () => {},
        );
      return answered;
    });
  });

  it('sees a killed process go down by the end of its connection, not by its silence, and meets it again after it restarts on its port', async () => {
    const a = await start(0);
    const events: (PeerEvent & { readonly atMs: number })[] = [];
    a.onPeer((event) => void events.push({ ...event, atMs: performance.now() }));
    const [port] = await freePorts(1);
    const first = await child(1, `/ip4/127.0.0.1/tcp/${port}`, a.addresses()[0]!);
    await until('up', () => events.length === 1);
    const killedMs = performance.now();
    first.process.kill('SIGKILL');
    await until('down', () => events.length === 2);
    // Milliseconds on an idle machine; by its silence it would take three quarters of a minute.
    expect(events[1]!.atMs - killedMs).toBeLessThan(20_000);
    await new Promise((resolve) => setTimeout(resolve, 700));
    // The child no longer knows anyone: only the survivor's dialing can bring it back.
    await child(1, first.lines[0]!.replace(/\/p2p\/.*/, ''));
    await until('up again', () => events.length === 3);
    expect(events.map(({ up }) => up)).toEqual([true, false, true]);
  });

  it('ends by itself after close, leaving no handle behind', async () => {
    const a = await start(0);
    const one = await child(1, '/ip4/127.0.0.1/tcp/0', a.addresses()[0]!);
    const two = await child(2, '/ip4/127.0.0.1/tcp/0', a.addresses()[0]!, '/ip4/127.0.0.1/tcp/9');
    // Introduced to each other by the one they both know.
    await until(
      'a full mesh',
      () =>
        one.lines.filter((line) => line === 'up').length === 2 &&
        two.lines.filter((line) => line === 'up').length === 2,
    );
    for (const { process } of [one, two]) {
      process.kill('SIGTERM');
      await until('its end', () => process.exitCode !== null || process.signalCode !== null);
      expect(process.exitCode).toBe(0);
    }
  });
});
