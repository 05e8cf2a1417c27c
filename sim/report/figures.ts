// Law: a figure shows the numbers of its run and nothing smoothed: each step of a distribution is a workflow, each bar a count.
import { quantile, type TypeCount } from '../check/index.ts';
import { compact, drawing, hint, inSeconds, label, scale, tag } from './markup.ts';

/** How long clients waited: the share of completed workflows that were done by then. */
export function latencies(sortedMs: readonly number[]): string {
  const [width, height, left, bottom] = [540, 260, 44, 32];
  if (sortedMs.length === 0) return '<p class="faint">No workflow completed.</p>';
  const most = sortedMs.at(-1)!;
  const x = scale(0, most * 1.04, left, width - 12, 6);
  const y = scale(0, 1, height - bottom, 10, 5);
  const steps = sortedMs.flatMap((ms, i) => [`H${x(ms).toFixed(1)}`, `V${y((i + 1) / sortedMs.length).toFixed(1)}`]);
  const marks = [0.5, 0.99].map((share) => {
    const ms = quantile(sortedMs, share);
    return tag('g', { class: 'quantile' }, [
      tag('line', { x1: x(ms), x2: x(ms), y1: y(0), y2: y(share) }),
      tag('circle', { cx: x(ms), cy: y(share), r: 3.5 }),
      label(x(ms) + (ms > most / 2 ? -7 : 7), y(share) + (share > 0.9 ? 16 : 4), `p${share * 100} ${inSeconds(ms)}`, {
        'text-anchor': ms > most / 2 ? 'end' : 'start',
      }),
      hint(`${share * 100} % were done within ${inSeconds(ms)}`),
    ]);
  });
  return drawing(width, height, 'distribution of the time from asking to the end', [
    ...x.ticks.flatMap((tick) => [
      tag('line', { x1: x(tick), x2: x(tick), y1: y(1), y2: y(0), class: 'grid' }),
      label(x(tick), height - 12, `${tick / 1_000} s`, { class: 'tick', 'text-anchor': 'middle' }),
    ]),
    ...y.ticks.flatMap((tick) => [
      tag('line', { x1: left, x2: width - 12, y1: y(tick), y2: y(tick), class: 'grid' }),
      label(left - 7, y(tick) + 4, `${Math.round(tick * 100)} %`, { class: 'tick', 'text-anchor': 'end' }),
    ]),
    tag('path', { d: `M${x(0)} ${y(0)}${steps.join('')}H${width - 12}`, class: 'curve' }),
    ...marks,
  ]);
}

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly shown: string;
  readonly note?: string;
}

function bars(rows: readonly Bar[], what: string): string {
  const [width, left, rowHeight] = [540, 170, 21];
  const most = Math.max(...rows.map(({ value }) => value), 1e-9);
  return drawing(
    width,
    rows.length * rowHeight + 4,
    what,
    rows.flatMap(({ name, value, shown, note }, i) => {
      const y = i * rowHeight;
      const length = Math.max(1, (value / most) * (width - left - 175));
      return [
        label(left - 8, y + 14, name, { class: 'rowname', 'text-anchor': 'end' }),
        tag(
          'rect',
          { x: left, y: y + 4, width: length, height: 13, rx: 2, class: 'amount' },
          hint(`${name}: ${shown}${note === undefined ? '' : `, ${note}`}`),
        ),
        label(left + length + 6, y + 14, note === undefined ? shown : `${shown} · ${note}`, { class: 'tick' }),
      ];
    }),
  );
}

const rowsMax = 12;

export function messageBars(byType: Readonly<Record<string, TypeCount>>, decisions: number): string {
  const rows = Object.entries(byType).sort(([, a], [, b]) => b.messages - a.messages);
  return bars(
    rows.slice(0, rowsMax).map(([name, { messages, bytes }]) => ({
      name,
      value: messages,
      shown: compact(messages),
      note: `${compact(bytes)}B${decisions === 0 ? '' : `, ${compact(messages / decisions)} a decision`}`,
    })),
    'messages by type',
  );
}

export function cpuBars(cpuMsByKind: Readonly<Record<string, number>>): string {
  const rows = Object.entries(cpuMsByKind);
  const total = Math.max(
    rows.reduce((sum, [, ms]) => sum + ms, 0),
    1e-9,
  );
  return bars(
    rows.slice(0, rowsMax).map(([name, ms]) => ({
      name,
      value: ms,
      shown: `${ms.toFixed(ms < 10 ? 1 : 0)} ms`,
      note: `${((100 * ms) / total).toFixed(0)} %`,
    })),
    'processor time by kind of event',
  );
}
