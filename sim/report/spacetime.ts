// Law: the diagram shows the past of one moment and nothing else: whatever is not in it cannot have caused that moment by any message shown.
import { coneOf, sendersOf } from './causes.ts';
import { drawing, escaped, hint, inSeconds, label, tag } from './markup.ts';
import type { Moment, Recording } from './record.ts';

export interface SpacetimeOptions {
  readonly recording: Recording;
  /** What it leads to: the last moment of `node` up to this event; −1: of whichever node came last. */
  readonly event: number;
  readonly node: number;
  readonly names: readonly { readonly name: string; readonly isLiar: boolean }[];
}

/** Small talk of every second, which would bury what matters. */
const smallTalk = /^(?:membership\.|lane\.frontier|no\.such)/;
const shownMax = 170;
const left = 92;
const laneHeight = 58;
const stepX = 15;

export function spacetime({ recording, event, node, names }: SpacetimeOptions): string {
  const idle = new Set(
    recording.moments.flatMap(({ mark, text, frame }) => (mark === 'send' && smallTalk.test(text) ? [frame!] : [])),
  );
  const sent = new Set(recording.moments.flatMap(({ mark, frame }) => (mark === 'send' ? [frame!] : [])));
  const moments = recording.moments.filter(
    ({ frame, mark, node: at }) =>
      at >= 0 && (frame === undefined || (!idle.has(frame) && (mark === 'send' || sent.has(frame)))),
  );
  let effect = moments.length - 1;
  const isIt = ({ event: at, node: whose, mark }: Moment): boolean =>
    at <= event && mark !== 'send' && (node < 0 || whose === node);
  while (effect >= 0 && !isIt(moments[effect]!)) effect--;
  if (effect < 0) return '<p class="faint">Nothing was recorded that could have led there.</p>';

  const cone = quiet(coneOf(moments, effect, shownMax * 4), moments, effect).slice(-shownMax);
  const senders = sendersOf(moments);
  const column = new Map(cone.map((at, i) => [at, left + 14 + i * stepX]));
  const lanes = [...new Set(cone.map((at) => moments[at]!.node))].sort((a, b) => a - b);
  const laneY = new Map(lanes.map((index, i) => [index, 80 + i * laneHeight]));
  const width = left + 130 + cone.length * stepX;
  const height = 80 + lanes.length * laneHeight;
  const x = (at: number): number => column.get(at)!;
  const y = (at: number): number => laneY.get(moments[at]!.node)!;

  const lines = lanes.flatMap((index) => [
    tag('line', { x1: left, x2: width - 82, y1: laneY.get(index)!, y2: laneY.get(index)!, class: 'lane' }),
    // At both ends: the diagram is read from its right one.
    ...(
      [
        [left - 10, 'end'],
        [width - 74, 'start'],
      ] as const
    ).map(([at, anchor]) =>
      label(at, laneY.get(index)! + 4, names[index]!.name, {
        class: names[index]!.isLiar ? 'rowname liar' : 'rowname',
        'text-anchor': anchor,
      }),
    ),
  ]);
  const arrows = cone.flatMap((at) => {
    const sender = senders[at]!;
    if (sender < 0 || !column.has(sender)) return [];
    const text = `${moments[sender]!.text}: ${names[moments[sender]!.node]!.name} → ${names[moments[at]!.node]!.name}, ${inSeconds(moments[sender]!.atMs)} to ${inSeconds(moments[at]!.atMs)}`;
    return [
      tag('g', { class: `arrow ${moments[sender]!.text.split('.')[0]!.replace(/[^a-z-]/gi, '')}` }, [
        tag('line', { x1: x(sender), y1: y(sender), x2: x(at), y2: y(at), 'marker-end': 'url(#head)' }),
        hint(text),
      ]),
    ];
  });
  const said = new Map<number, string>();
  const dots = cone.map((at) => {
    const moment = moments[at]!;
    const isEffect = at === effect;
    const isTold = moment.mark !== 'send' && moment.mark !== 'receive';
    // What a node says over and over stands there once.
    const isNew = said.get(moment.node) !== short(moment);
    if (isTold) said.set(moment.node, short(moment));
    return tag('g', { class: `moment ${moment.mark}${isEffect ? ' effect' : ''}` }, [
      tag('circle', { cx: x(at), cy: y(at), r: isEffect ? 6 : isTold ? 4 : 2.2 }),
      ...((isTold && isNew) || isEffect
        ? [
            tag(
              'text',
              { x: x(at) + 3, y: y(at) - 8, transform: `rotate(-24 ${x(at) + 3} ${y(at) - 8})` },
              escaped(short(moment)),
            ),
          ]
        : []),
      hint(
        `${names[moment.node]!.name}, ${inSeconds(moment.atMs)}, event ${moment.event}: ${moment.mark} ${moment.text}`,
      ),
    ]);
  });
  let lastTick = Number.NEGATIVE_INFINITY;
  const ticks = cone.flatMap((at) => {
    if (x(at) - lastTick < 90) return [];
    lastTick = x(at);
    return [
      label(x(at), 12, `${(moments[at]!.atMs / 1_000).toFixed(3)} s`, { class: 'tick', 'text-anchor': 'middle' }),
      tag('line', { x1: x(at), x2: x(at), y1: 16, y2: height - 24, class: 'grid' }),
    ];
  });
  const head = tag(
    'defs',
    {},
    tag(
      'marker',
      {
        id: 'head',
        viewBox: '0 0 6 6',
        refX: 6,
        refY: 3,
        markerWidth: 7,
        markerHeight: 7,
        markerUnits: 'userSpaceOnUse',
        orient: 'auto',
      },
      tag('path', { d: 'M0 0L6 3L0 6z' }),
    ),
  );
  return tag(
    'div',
    { class: 'scroll' },
    drawing(
      width,
      height,
      'what led there: nodes as lines, messages as arrows',
      [head, ...ticks, ...lines, ...arrows, ...dots],
      {
        class: 'spacetime',
        width,
        height,
      },
    ),
  );
}

/** Sendings whose arrival is not in the past of the effect say nothing here. */
function quiet(cone: readonly number[], moments: readonly Moment[], effect: number): number[] {
  const heard = new Set(cone.flatMap((at) => (moments[at]!.mark === 'receive' ? [moments[at]!.frame!] : [])));
  return cone.filter((at) => at === effect || moments[at]!.mark !== 'send' || heard.has(moments[at]!.frame!));
}

function short({ mark, text }: Moment): string {
  const words = mark === 'start' || mark === 'end' ? mark : text;
  return words.length > 26 ? `${words.slice(0, 25)}…` : words;
}
