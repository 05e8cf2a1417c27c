// Law: whatever a run says reaches the page as text: nothing of it is markup.
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; `inside` is markup already. */
export function tag(name: string, attributes: Attributes = {}, inside: string | readonly string[] = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? short(value) : value!)}"`)
    .join('');
  return `<${name}${written}>${typeof inside === 'string' ? inside : inside.join('')}</${name}>`;
}

/** Pixels need no more. */
function short(value: number): string {
  return Number(value.toFixed(2)).toString();
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return tag('text', { x, y, ...attributes }, escaped(text));
}

/** Shown where a pointer rests on what it stands in. */
export function hint(text: string): string {
  return tag('title', {}, escaped(text));
}

export function drawing(
  width: number,
  height: number,
  what: string,
  inside: readonly string[],
  attributes: Attributes = {},
): string {
  return tag(
    'svg',
    { viewBox: `0 0 ${short(width)} ${short(height)}`, role: 'img', 'aria-label': what, ...attributes },
    inside,
  );
}

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** Linear, with round ticks. */
export function scale(from: number, to: number, left: number, right: number, about = 8): Scale {
  const span = Math.max(to - from, 1e-9);
  const rough = span / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough)!;
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to + step * 1e-6; tick += step)
    ticks.push(Number(tick.toPrecision(12)));
  return Object.assign((value: number) => left + ((value - from) / span) * (right - left), { ticks });
}

export function inSeconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(ms < 1_000 ? 3 : 2)} s` : `${(ms / 1_000).toFixed(1)} s`;
}

export function compact(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 1e4
    ? `${(value / 1e3).toFixed(0)}k`
    : value >= 1e3
      ? `${(value / 1e3).toFixed(1)}k`
      : String(Math.round(value));
}
