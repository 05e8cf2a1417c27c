// Law: see flushing.ts: one call of the engine with what peers said, then everybody's turn; nothing is carried out before it is durable.
import { describe, expect, it } from 'vitest';
import { type Engine, type EngineInput, type EngineOutput, InputQueue } from '../../consensus/index.ts';
import { createWaker } from '../parts/index.ts';
import type { Context } from '../system/index.ts';
import { hearMore, pump } from './flushing.ts';
import type { Epoch, KeeperMessage, KeeperState } from './state.ts';

const frame = (from: string, sizeBytes = 100): EngineInput => ({
  type: 'frame',
  from,
  bytes: new Uint8Array(sizeBytes),
});
const own: EngineInput = { type: 'resume' };

/** The keeper's shell around an engine that answers as told. */
function shell(answer: (inputs: readonly EngineInput[]) => readonly EngineOutput[]) {
  const calls: (readonly EngineInput[])[] = [];
  const wakes = { count: 0 };
  const told: KeeperMessage[] = [];
  const piped: (() => Promise<unknown>)[] = [];
  const appended: Uint8Array[] = [];
  const engine = {
    handleAll(inputs: readonly EngineInput[]) {
      calls.push(inputs);
      return [...answer(inputs)];
    },
  } as unknown as Engine;
  const inputs = new InputQueue({ peerBytes: 1 << 20, quantumBytes: 4_096, callBytes: 8_192 });
  const log = { append: async (records: readonly Uint8Array[]) => void appended.push(...records) };
  const target = { epoch: 0, engine, log, inputs, isFlushing: false } as unknown as Epoch;
  const ears = createWaker(() => {
    wakes.count++;
    return true;
  });
  const carriedOut = { count: 0 };
  const refusals = { add: () => carriedOut.count++ };
  const state = {
    ears,
    isResting: false,
    epochs: new Map([[0, target]]),
    parts: { refusals },
  } as unknown as KeeperState;
  const ctx = {
    after: (_delayMs: number, message: KeeperMessage) => void told.push(message),
    pipe: (work: () => Promise<unknown>) => void piped.push(work),
  } as unknown as Context<KeeperMessage>;
  return { calls, wakes, told, piped, appended, carriedOut, state, target, ctx, inputs };
}

describe('the engine is called', () => {
  it('once with what peers said, however much waits, and then others have their turn', () => {
    const { calls, wakes, state, target, ctx, inputs } = shell(() => []);
    for (let i = 0; i < 200; i++) inputs.push(frame('loud'));
    pump(state, target, ctx);
    expect(calls).toHaveLength(1);
    expect(calls[0]!.length).toBeLessThan(10);
    expect([wakes.count, inputs.isEmpty]).toEqual([1, false]);
    // What another said meanwhile is in the next call.
    inputs.push(frame('calm'));
    state.ears.awake();
    pump(state, target, ctx);
    expect(calls[1]!.some((input) => input.type === 'frame' && input.from === 'calm')).toBe(true);
  });

  it('again at once with what it made this node find out, and with that alone', () => {
    let left = 3;
    const { calls, state, target, ctx, inputs } = shell(() => {
      if (left-- > 0) inputs.push(own);
      return [];
    });
    for (let i = 0; i < 200; i++) inputs.push(frame('loud'));
    pump(state, target, ctx);
    expect(calls.slice(1)).toEqual([[own], [own], [own]]);
  });

  it('no more than every so often for those alone who were refused time and again', () => {
    const { calls, wakes, told, state, target, ctx, inputs } = shell((inputs_) =>
      inputs_.map((input) => ({ type: 'refused', from: input.type === 'frame' ? input.from : '', reason: 'nonsense' })),
    );
    for (let i = 0; i < 200; i++) inputs.push(frame('loud'));
    pump(state, target, ctx);
    for (let i = 0; i < 5; i++) hearMore(state, target, ctx);
    expect([calls.length, wakes.count, told]).toEqual([1, 0, [{ type: 'rested' }]]);
    inputs.push(frame('calm'));
    hearMore(state, target, ctx);
    expect(wakes.count).toBe(1);
  });

  it('not while something is being written, and what it said is carried out by whoever hears that it is written', async () => {
    const record = Uint8Array.of(1, 2, 3);
    const refused = { type: 'refused', from: 'loud', reason: 'nonsense' } as const;
    const { calls, piped, appended, carriedOut, state, target, ctx, inputs } = shell(() => [
      { type: 'persist', record },
      refused,
    ]);
    inputs.push(own);
    pump(state, target, ctx);
    inputs.push(own);
    inputs.push(frame('calm'));
    pump(state, target, ctx);
    expect([calls.length, target.isFlushing, appended, carriedOut.count]).toEqual([1, true, [], 0]);
    await piped[0]!();
    expect(appended).toEqual([record]);
  });
});
