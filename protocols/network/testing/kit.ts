// Law: what every part of the contract's suite needs: meshes that are closed after each test, and waits by the transport's own clock.
import { type Clock, type Network, NetworkError, type Scheduler } from '../../../actors/system/index.ts';

export interface ContractMesh {
  /** Every pair connected and announced. */
  readonly networks: readonly Network[];
  /** Closes the node's network and opens it again under the same identity, where the others knew it. */
  restart(index: number): Promise<Network>;
  close(): Promise<void>;
}

export interface ContractHarness {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly open: (count: number) => Promise<ContractMesh>;
}

/** For what has to come; a machine under load proves nothing by being late. */
export const deadlineMs = 60_000;

export type ContractKit = ReturnType<typeof contractKit>;

export function contractKit(harness: ContractHarness) {
  const { clock, scheduler } = harness;
  const open: ContractMesh[] = [];
  const mesh = async (count: number): Promise<ContractMesh> => {
    const made = await harness.open(count);
    open.push(made);
    return made;
  };
  const pair = async (): Promise<readonly [Network, Network, ContractMesh]> => {
    const made = await mesh(2);
    return [made.networks[0]!, made.networks[1]!, made];
  };
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => void scheduler.at(clock.monotonicMs() + ms, resolve));
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const endMs = clock.monotonicMs() + deadlineMs;
    while (!condition()) {
      if (clock.monotonicMs() > endMs) throw new Error(`waited ${deadlineMs} ms for: ${what}`);
      await sleep(5);
    }
  };
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof NetworkError) return error.code;
      throw error;
    }
    return 'resolved';
  };
  /**
   * Subscribes every network to one topic. Publications are best effort and subscriptions travel too: probes, which count for nothing, are
   * repeated until those named have heard one of the first network's.
   */
  const listenToNews = (networks: readonly Network[], onNews: (index: number, news: string) => void) => {
    const reached = new Set<number>();
    const leave = networks.map((network, i) =>
      network.subscribe('news', (_, frame) => {
        if (text(frame).startsWith('probe ')) reached.add(i);
        else onNews(i, text(frame));
      }),
    );
    const isReaching = async (indexes: readonly number[]): Promise<void> => {
      let probes = 0;
      await until('a publication to reach every subscriber', () => {
        if (probes % 4 === 0) networks[0]!.publish('news', bytes(`probe ${probes}`));
        probes++;
        return indexes.every((i) => reached.has(i));
      });
    };
    return { leave, isReaching };
  };
  const drainAll = async (source: AsyncIterable<Uint8Array>): Promise<number> => {
    let bytes = 0;
    for await (const chunk of source) bytes += chunk.length;
    return bytes;
  };
  const closeAll = async (): Promise<void> => void (await Promise.all(open.splice(0).map((made) => made.close())));
  return { clock, mesh, pair, sleep, until, codeOf, listenToNews, drainAll, closeAll };
}

/** The peer id of a key that no test uses. */
export const stranger = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const bytes = (value: string): Uint8Array => encoder.encode(value);
export const text = (value: Uint8Array): string => decoder.decode(value);
export const view = (value: Uint8Array): DataView => new DataView(value.buffer, value.byteOffset, value.byteLength);
