// Law: what others' tools read holds what the recording holds, in their words.
import { vectorClocks } from './causes.ts';
import type { Moment, Recording } from './record.ts';

/** What it is read with, as ShiViz asks for on its page. */
export const shivizPattern = '(?<host>\\S+) "(?<event>.*)" (?<clock>\\{.*\\})';

const hostsMax = 50;
const shivizMax = 20_000;

function wordsOf(
  { mark, text, peer }: Moment,
  textOfFrame: (frame: number) => string,
  frame: number | undefined,
): string {
  if (mark === 'send') return `send ${text} to node-${peer}`;
  if (mark === 'receive') return `receive ${textOfFrame(frame!)} from node-${peer}`;
  return `${mark} ${text}`;
}

/** A log for ShiViz: one line a moment, with its vector clock. Throws RangeError beyond what it can show. */
export function toShiViz({ moments }: Recording, nodes: number): string {
  if (nodes > hostsMax) throw new RangeError(`ShiViz shows at most ${hostsMax} hosts; this run has ${nodes}`);
  // Its clocks begin at 1 for each host, so that the log begins where the run does.
  const shown = moments.filter(({ node }) => node >= 0).slice(0, shivizMax);
  const texts = new Map(shown.flatMap(({ mark, frame, text }) => (mark === 'send' ? [[frame!, text] as const] : [])));
  const lines: string[] = [];
  for (const [at, clock] of vectorClocks(shown, nodes)) {
    const moment = shown[at]!;
    const known = [...clock].flatMap((count, i) => (count === 0 ? [] : [`"node-${i}":${count}`]));
    const words = wordsOf(moment, (frame) => texts.get(frame) ?? 'a frame', moment.frame).replaceAll('"', "'");
    lines.push(`node-${moment.node} "${words} at ${moment.atMs.toFixed(3)} ms" {${known.join(',')}}`);
  }
  return `${lines.join('\n')}\n`;
}

/** One JSON object a line, in the order in which it happened. */
export function toJsonLines({ moments, faults, workflows }: Recording): string {
  return `${[
    ...moments.map((moment) => JSON.stringify({ kind: 'moment', ...moment })),
    ...faults.map((fault) => JSON.stringify({ kind: 'fault', ...fault })),
    ...workflows.map((workflow) => JSON.stringify({ kind: 'workflow', ...workflow })),
  ].join('\n')}\n`;
}
