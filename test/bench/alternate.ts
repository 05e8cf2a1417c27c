// Law: what is compared is measured in turns, a short block of each, there and back (ABBA), so that a busy machine is busy for all of
// them alike. A ratio is the median over neighbouring blocks, printed with its quartiles; CPU time is compared, for wall time is the machine's.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Before a block, outside its time: what one contestant left behind is not the next one's work. */
export const collect = runInNewContext('gc') as () => void;

export const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

export interface Block {
  /** Per request or delivery, of all processes that take part. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms?: number;
}

/** The process at the other end. */
export interface Other {
  /** Its CPU so far, with nothing left behind for its collector. */
  begin(): Promise<number>;
  cpuMicros(): Promise<number>;
}

/** Of CPU, so that a busy machine measures as much as an idle one. */
export const blockCpuMs = 400;
const oneByOne = 300;
/** Asking for the CPU time costs a part of what a small request does. */
const lookEvery = 16;

/** Requests one at a time, then many at once; large ones fill more than a socket's buffer. */
export async function requestBlock(other: Other, size: number, call: () => Promise<unknown>): Promise<Block> {
  const rtts: number[] = [];
  for (let i = 0; i < oneByOne; i++) {
    const startMs = performance.now();
    await call();
    rtts.push(performance.now() - startMs);
  }
  rtts.sort((a, b) => a - b);
  const [theirs, before, startMs] = [await other.begin(), cpuMicros(), performance.now()];
  let done = 0;
  const worker = async (): Promise<void> => {
    for (; done % lookEvery !== 0 || cpuMicros() - before < blockCpuMs * 1_000; done++) await call();
  };
  await Promise.all(Array.from({ length: size > 16_384 ? 16 : 64 }, worker));
  const elapsedMs = performance.now() - startMs;
  const cpu = cpuMicros() - before + (await other.cpuMicros()) - theirs;
  return { p50Ms: rtts[rtts.length >> 1]!, perSecond: (done / elapsedMs) * 1_000, cpuUs: cpu / done };
}

export interface Ratio {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

export async function alternate<Name extends string>(
  contestants: Readonly<Record<Name, () => Promise<Block>>>,
  rounds: number,
): Promise<Record<Name, Block[]>> {
  const names = Object.keys(contestants) as Name[];
  const blocks = Object.fromEntries(names.map((name) => [name, [] as Block[]])) as Record<Name, Block[]>;
  for (const name of names) await contestants[name]();
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      collect();
      blocks[name].push(await contestants[name]());
    }
  return blocks;
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

export const medianOf = (blocks: readonly Block[], what: (block: Block) => number): number =>
  at(ascending(blocks.map(what)), 0.5);

/** Of what `what` says of the blocks of one round. */
export function ratioOf(ours: readonly Block[], base: readonly Block[], what: (block: Block) => number): Ratio {
  const ratios = ascending(ours.map((block, round) => what(block) / what(base[round]!)));
  return { median: at(ratios, 0.5), lower: at(ratios, 0.25), upper: at(ratios, 0.75) };
}

export const shown = ({ median, lower, upper }: Ratio): string =>
  `${median.toFixed(2)}× (quartiles ${lower.toFixed(2)} to ${upper.toFixed(2)})`;

export const judged = (ratio: Ratio, goal: number): string =>
  `${shown(ratio)}: ${ratio.median <= goal ? 'met' : 'missed'} (≤ ${goal}×)`;

/** A line for each contestant, and how `ours` compares with what it rides on. */
export function printBlocks<Name extends string>(
  size: number,
  blocks: Readonly<Record<Name, readonly Block[]>>,
  base: Name,
  ours: Name,
  goal: number,
): void {
  console.log(`\n${`request/reply, ${size} B, two processes`.padEnd(44)} rtt p50 ms      req/s  CPU us/req`);
  for (const [name, of] of Object.entries<readonly Block[]>(blocks))
    console.log(
      name.padEnd(44) +
        medianOf(of, ({ p50Ms }) => p50Ms ?? 0)
          .toFixed(3)
          .padStart(11) +
        medianOf(of, ({ perSecond }) => perSecond)
          .toFixed(0)
          .padStart(11) +
        medianOf(of, ({ cpuUs }) => cpuUs)
          .toFixed(1)
          .padStart(12),
    );
  for (const [what, of] of [
    ['CPU of both processes', ({ cpuUs }: Block) => cpuUs],
    ['time per request under load', ({ perSecond }: Block) => 1 / perSecond],
    ['round trip p50, one at a time', ({ p50Ms }: Block) => p50Ms ?? 0],
  ] as const)
    console.log(`${size} B  ${what}, of ${base}: ${judged(ratioOf(blocks[ours], blocks[base], of), goal)}`);
}
