// Law: from the command line the event bus keeps its promises on a mesh without any server: what a consumer had printed and not
// acknowledged when it was killed is printed again by the next, in order, and nothing is missing; a node that dies takes nothing with it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishEvents } from '../../node/client/index.ts';
import { checkOrder } from '../../protocols/events/testing/index.ts';
import { eventually, livenessMs, TestMesh } from '../support/mesh.ts';
import { parley, parleyProcess } from '../support/process.ts';

describe('the event bus of a mesh', () => {
  let mesh: TestMesh;
  beforeAll(async () => {
    mesh = await TestMesh.start(['amber', 'birch', 'cedar']);
  });
  afterAll(() => mesh?.end());

  interface Shown {
    readonly key: string;
    readonly number: number;
  }
  const shownFile = (): string => join(mesh.root, 'shown.jsonl');
  const consumer = (node: string) =>
    parleyProcess(
      ['events', 'tail', 'orders', '--group', 'billing', '-o', 'json', '--folder', mesh.folder(node)],
      shownFile(),
    );
  /** What all consumers printed so far, in order. */
  const shown = (): Shown[] =>
    readFileSync(shownFile(), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const { key, text } = JSON.parse(line) as { key: string; text: string };
        return { key, number: Number(text) };
      });
  const publish = async (from: number, to: number): Promise<void> => {
    const client = mesh.client('cedar');
    for (let number = from; number < to; number++)
      await publishEvents(
        client,
        'orders',
        ['a', 'b', 'c', 'd'].map((key) => ({ key, data: Buffer.from(String(number)) })),
      );
  };
  const distinct = (): number => new Set(shown().map(({ key, number }) => key + number)).size;

  it('gives a consumer that ends after one event the next one when it comes back, and blames none of them', async () => {
    const client = mesh.client('birch');
    for (const text of ['one', 'two', 'three'])
      await publishEvents(client, 'errands', [{ key: text, data: Buffer.from(text) }]);
    const handled: string[] = [];
    while (handled.length < 3) {
      const tail = await parley([
        ...['events', 'tail', 'errands', '--group', 'clerk', '-n', '1', '-o', 'json', '--folder', mesh.folder('birch')],
      ]);
      expect([tail.err, tail.code]).toEqual(['', 0]);
      for (const line of tail.out.trim().split('\n')) handled.push((JSON.parse(line) as { text: string }).text);
    }
    expect(handled.sort()).toEqual(['one', 'three', 'two']);
    const { groups } = JSON.parse(
      (await parley(['events', 'groups', '-o', 'json', '--folder', mesh.folder('birch')])).out,
    ) as { groups: { topic: string; shares: { attempts: number }[] }[] };
    const { shares } = groups.find(({ topic }) => topic === 'errands')!;
    expect(shares.map(({ attempts }) => attempts)).toEqual(shares.map(() => 0));
  });

  it('publishes, replays and groups from the command line, though consumers and a node are killed', async () => {
    const folder = ['--folder', mesh.folder('amber')];
    const published = await parley(['events', 'publish', 'greetings', 'hello', '--key', 'k', '-o', 'json', ...folder]);
    expect([published.err, published.code]).toEqual(['', 0]);
    const replayed = await parley([
      ...['events', 'tail', 'greetings', '--from', 'first', '-n', '1', '-o', 'json'],
      ...['--folder', mesh.folder('birch')],
    ]);
    expect(JSON.parse(replayed.out)).toMatchObject({ topic: 'greetings', key: 'k', text: 'hello' });
    expect((await parley(['events', 'publish', 'No Topic', 'x', ...folder])).code).not.toBe(0);

    const first = consumer('amber');
    const second = consumer('birch');
    await publish(0, 20);
    await eventually('some to be shown', () => shown().length > 10);
    const publishing = publish(20, 60);
    await first.kill();
    await eventually('more to be shown', () => distinct() > 100);
    await publishing;
    await mesh.kill('amber');
    const third = consumer('cedar');
    await second.kill();
    await eventually('all of them', () => distinct() === 240, 2 * livenessMs);
    expect(checkOrder(shown())).toBeUndefined();
    const groups = await parley(['events', 'groups', '-o', 'json', '--folder', mesh.folder('cedar')]);
    const { kind, groups: listed } = JSON.parse(groups.out) as {
      kind: string;
      groups: { topic: string; group: string }[];
    };
    expect(kind).toBe('lanes');
    expect(listed).toContainEqual(expect.objectContaining({ topic: 'orders', group: 'billing' }));
    await third.kill();
  });
});
