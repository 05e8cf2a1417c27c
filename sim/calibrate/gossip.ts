// Law: the modelled gossipsub is held against runs of another simulator, published by the protocol's own author: how many messages it took
// and how late they came. Means over seeds, since each published figure is one topology's.
import { type GossipsubResult, runGossipsub } from '../lite/index.ts';
import { withinPoints, withinShare, type Yardstick } from './yardstick.ts';

interface PublishedRun {
  readonly version: '1.0' | '1.1';
  readonly nodes: number;
  readonly messages: number;
  /** Full messages, IHAVE and CONNECT sent; only what was published. */
  readonly sent: { readonly message: number; readonly ihave?: number; readonly connect?: number };
  /** Percent of deliveries per 100 ms. */
  readonly buckets?: readonly number[];
}

const source = 'gerbil-simsub, published run';
const published: readonly PublishedRun[] = [
  { version: '1.0', nodes: 100, messages: 10, sent: { message: 6_280, ihave: 7_212, connect: 2_000 } },
  { version: '1.1', nodes: 100, messages: 10, sent: { message: 6_738, ihave: 9_516, connect: 2_072 } },
  { version: '1.0', nodes: 250, messages: 60, sent: { message: 96_320 } },
  { version: '1.0', nodes: 500, messages: 60, sent: { message: 189_451, ihave: 185_892 } },
  {
    version: '1.0',
    nodes: 1_000,
    messages: 60,
    sent: { message: 377_370, ihave: 372_006 },
    buckets: [2.2, 34.7, 60.9, 2.1],
  },
  { version: '1.1', nodes: 1_000, messages: 60, sent: { message: 381_920, ihave: 538_202, connect: 20_665 } },
];

const countShare = 0.03;
const bucketPoints = 3;
const bucketMs = 100;

export function gossipYardsticks(options: { readonly seeds: number; readonly nodesMax: number }): Yardstick[] {
  return published.filter(({ nodes }) => nodes <= options.nodesMax).flatMap((run) => held(run, options.seeds));
}

function held(run: PublishedRun, seeds: number): Yardstick[] {
  const { version, nodes, messages } = run;
  const results: GossipsubResult[] = [];
  for (let seed = 1; seed <= seeds; seed++) results.push(runGossipsub({ seed, version, nodes, messages }));
  const mean = (of: (result: GossipsubResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0) / seeds;
  const about = (what: string) => ({
    group: 'gossipsub propagation',
    name: `v${version}, ${nodes} nodes: ${what}`,
    source,
  });
  const counted = (Object.entries(run.sent) as [keyof PublishedRun['sent'], number][]).map(([kind, expected]) =>
    withinShare(
      about(`${kind} sent`),
      expected,
      mean(({ sent }) => sent[kind]),
      countShare,
    ),
  );
  const buckets = (run.buckets ?? []).map((expected, index) =>
    withinPoints(
      about(`${index * bucketMs}–${(index + 1) * bucketMs} ms`),
      expected,
      mean(
        ({ latenciesMs }) =>
          (100 * latenciesMs.filter((ms) => Math.floor(ms / bucketMs) === index).length) / latenciesMs.length,
      ),
      bucketPoints,
    ),
  );
  const delivered = withinPoints(
    about('delivered'),
    100,
    mean((result) => (100 * result.delivered) / (nodes * messages)),
    0,
  );
  return [delivered, ...counted, ...buckets];
}
