// Law: see hearing.ts.
import { expect, it } from 'vitest';
import { InputQueue } from '../../consensus/index.ts';
import { createRefusalTable, MalformedBytes } from '../../protocols/wire/index.ts';
import { createWaker } from '../parts/index.ts';
import { encodeFrameMessage, type Position } from './frame-message.ts';
import { hear } from './hearing.ts';
import type { KeeperState } from './state.ts';

/** The mesh is in epoch 5. Amber is a member, birch was one until epoch 4, elm works. Epochs 4 to 6 are open here, or being opened. */
function keeper() {
  const members: Record<number, string[]> = { 4: ['amber', 'birch'], 5: ['amber'], 6: ['amber'] };
  const member = (id: string, epoch = 5) => (members[epoch]?.includes(id) === true ? { id } : undefined);
  const node = (id: string, epoch = 5) => member(id, epoch) ?? (id === 'elm' && epoch in members ? { id } : undefined);
  const refusals = createRefusalTable();
  const saw: unknown[] = [];
  const queues = new Map([4, 5, 6].map((epoch) => [epoch, new InputQueue()]));
  let wakes = 0;
  const ears = createWaker(() => ++wakes > 0);
  const state = {
    parts: { chain: { member, node, current: { epoch: 5 } }, refusals },
    positions: { saw: (...args: unknown[]) => void saw.push(args) },
    queues,
    ears,
  } as unknown as KeeperState;
  const refused = (): string[] => refusals.list().map(({ from, reason, count }) => `${from} ${reason} ${count}`);
  return { state, queues, saw, refused, wakes: () => wakes };
}
const position: Position = { sequence: 7, hash: new Uint8Array(32).fill(1), seal: new Uint8Array(32).fill(2) };
const frame = Uint8Array.of(1, 2, 3);
const said = (epoch: number, bytes = frame): Uint8Array => encodeFrameMessage({ epoch, position, frame: bytes });

it('a frame waits in the queue of its epoch under who handed it over, as a copy, and one message wakes the keeper', () => {
  const { state, queues, wakes } = keeper();
  const body = said(5);
  hear(state, 'amber', body);
  hear(state, 'elm', said(5));
  body.fill(0);
  expect(wakes()).toBe(1);
  expect(queues.get(5)!.take()).toEqual([
    { type: 'frame', from: 'amber', bytes: frame },
    { type: 'frame', from: 'elm', bytes: frame },
  ]);
  expect([queues.get(4)!.isEmpty, queues.get(6)!.isEmpty]).toEqual([true, true]);
});

it('how far a log goes is noted of members of that epoch alone, as said by who handed it over', () => {
  const { state, saw } = keeper();
  hear(state, 'amber', said(5));
  hear(state, 'birch', said(4));
  hear(state, 'birch', said(5));
  hear(state, 'elm', said(5));
  expect(saw).toEqual([
    ['amber', 5, position],
    ['birch', 4, position],
  ]);
});

it('nothing is kept of an epoch that is not open, of one that only listens, of more than fits, or of what is no frame', () => {
  const { state, queues, refused, saw } = keeper();
  for (const epoch of [3, 7, 4_000_000_000]) hear(state, 'amber', said(epoch));
  // Amber was no member of these.
  expect(saw).toEqual([]);
  hear(state, 'dune', said(5));
  hear(state, 'birch', said(6));
  expect([...queues.values()].every(({ isEmpty }) => isEmpty)).toBe(true);
  for (let i = 0; i < 10; i++) hear(state, 'amber', said(5, new Uint8Array(900_000)));
  hear(state, 'elm', said(5));
  expect(refused().sort()).toEqual(['amber consensus 6', 'amber epoch 3', 'birch stranger 1', 'dune stranger 1']);
  for (const body of [new Uint8Array(0), said(5).subarray(0, 20), new Uint8Array([...said(5), 0])])
    expect(() => hear(state, 'amber', body)).toThrow(MalformedBytes);
});
