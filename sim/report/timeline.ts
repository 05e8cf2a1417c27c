// Law: faults, lives and work stand under one axis of time, so that what happened together stands together.
import type { Violation } from '../check/index.ts';
import { compact, drawing, escaped, hint, inSeconds, label, type Scale, scale, tag } from './markup.ts';
import type { Recording, Span } from './record.ts';

export interface TimelineOptions {
  readonly recording: Recording;
  readonly violations: readonly Violation[];
  readonly names: readonly { readonly name: string; readonly isLiar: boolean }[];
  readonly healedAtMs: number;
  readonly untilMs: number;
}

const width = 1_120;
const left = 116;
const right = width - 16;
const rowHeight = 20;
const workflowsMax = 120;
const faultRowsMax = 24;
/** A fault of no duration is still seen. */
const leastBar = 3;

export function timeline({ recording, violations, names, healedAtMs, untilMs }: TimelineOptions): string {
  const x = scale(0, untilMs, left, right, 12);
  const parts: string[] = [];
  let y = 26;
  const heading = (text: string): void => {
    parts.push(label(0, y + 4, text, { class: 'rowhead' }));
    y += 12;
  };
  const row = (name: string, marks: readonly string[]): void => {
    parts.push(label(left - 8, y + 13, name, { class: 'rowname', 'text-anchor': 'end' }), ...marks);
    y += rowHeight;
  };

  heading('faults');
  const rows = packed(
    recording.faults,
    (span) => x(span.fromMs),
    (span) => Math.max(x(span.untilMs), x(span.fromMs) + 7 * span.text.length),
  );
  for (const spans of rows.slice(0, faultRowsMax))
    row(
      '',
      spans.map((span) => faultBar(span, x, y)),
    );
  if (rows.length === 0) row('', [label(left, y + 13, 'none', { class: 'faint' })]);
  if (rows.length > faultRowsMax)
    row('', [label(left, y + 13, `and ${rows.length - faultRowsMax} more rows`, { class: 'faint' })]);

  y += 10;
  heading('nodes');
  for (const [index, { name, isLiar }] of names.entries())
    row(isLiar ? `${name} (liar)` : name, [
      tag('rect', { x: left, y: y + 9, width: right - left, height: 2, class: 'down' }),
      ...recording.lives[index]!.map((span) =>
        bar(span, x, y + 4, 11, isLiar ? 'life liar' : 'life', `${name}, ${span.text}`),
      ),
    ]);

  y += 10;
  heading('work');
  for (const work of recording.workflows.slice(0, workflowsMax)) {
    const { workflow, goal, node, askedAtMs, acceptedAtMs, endedAtMs, state, steps } = work;
    const span = { text: goal, fromMs: askedAtMs, untilMs: endedAtMs ?? untilMs };
    const took = endedAtMs === undefined ? 'has not ended' : `${state} after ${inSeconds(endedAtMs - askedAtMs)}`;
    row(workflow.slice(0, 8), [
      bar(span, x, y + 5, 9, `work ${state}`, `${goal} (${workflow.slice(0, 12)}), asked of node-${node}: ${took}`),
      ...(acceptedAtMs === undefined
        ? []
        : [
            tag(
              'circle',
              { cx: x(acceptedAtMs), cy: y + 9.5, r: 2, class: 'accepted' },
              hint(`accepted at ${inSeconds(acceptedAtMs)}`),
            ),
          ]),
      ...steps
        .filter(({ what }) => what.startsWith('decided'))
        .map(({ atMs, what }) =>
          tag(
            'line',
            { x1: x(atMs), x2: x(atMs), y1: y + 4, y2: y + 15, class: 'step' },
            hint(`${what} at ${inSeconds(atMs)}`),
          ),
        ),
    ]);
  }
  const left_over = recording.workflows.length - workflowsMax;
  if (left_over > 0) row('', [label(left, y + 13, `and ${compact(left_over)} more`, { class: 'faint' })]);
  if (recording.workflows.length === 0) row('', [label(left, y + 13, 'none was accepted', { class: 'faint' })]);

  const height = y + 12;
  const axis = x.ticks.flatMap((tick) => [
    tag('line', { x1: x(tick), x2: x(tick), y1: 18, y2: height, class: 'grid' }),
    label(x(tick), 12, `${tick / 1_000} s`, { class: 'tick', 'text-anchor': 'middle' }),
  ]);
  const healing = [
    tag(
      'rect',
      { x: x(healedAtMs), y: 18, width: Math.max(0, right - x(healedAtMs)), height: height - 18, class: 'healed' },
      hint('a quorum is whole from here on'),
    ),
  ];
  const broken = violations.map(({ law, atMs, text }) =>
    tag('g', { class: 'violation' }, [
      tag('line', { x1: x(atMs), x2: x(atMs), y1: 18, y2: height }),
      tag('path', { d: `M${x(atMs) - 5} 16h10l-5 7z` }),
      hint(`${law} at ${inSeconds(atMs)}: ${text}`),
    ]),
  );
  return drawing(
    width,
    height,
    'faults, lives of the nodes and workflows over time',
    [...healing, ...axis, ...parts, ...broken],
    { class: 'timeline' },
  );
}

function bar({ fromMs, untilMs }: Span, x: Scale, y: number, height: number, kind: string, text: string): string {
  const at = { x: x(fromMs), y, width: Math.max(1.5, x(untilMs) - x(fromMs)), height, rx: 2, class: kind };
  return tag('rect', at, hint(`${text}: ${inSeconds(fromMs)} to ${inSeconds(untilMs)}`));
}

function faultBar(span: Span, x: Scale, y: number): string {
  const { fromMs, untilMs, text } = span;
  const begin = x(fromMs);
  return tag('g', { class: `fault ${text.split(' ')[0]}` }, [
    tag('rect', { x: begin, y: y + 3, width: Math.max(leastBar, x(untilMs) - begin), height: 13, rx: 2 }),
    tag('text', { x: begin + leastBar + 3, y: y + 13 }, escaped(text)),
    hint(`${text}: ${inSeconds(fromMs)} to ${inSeconds(untilMs)}`),
  ]);
}

/** Spans in as few rows as fit without overlap, first come first placed. */
function packed(spans: readonly Span[], begin: (span: Span) => number, end: (span: Span) => number): Span[][] {
  const rows: { readonly spans: Span[]; until: number }[] = [];
  for (const span of spans) {
    let row = rows.find(({ until }) => until <= begin(span));
    if (row === undefined) {
      row = { spans: [], until: 0 };
      rows.push(row);
    }
    row.spans.push(span);
    row.until = end(span) + 10;
  }
  return rows.map(({ spans: own }) => own);
}
