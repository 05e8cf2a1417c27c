// Law: what stands out in a log is found by stated, simple, exact rules:
// - rare: a template with at most `rarePerMille` thousandths of the lines (default 5);
// - burst: a bucket of one template with at least 5 lines and more than the mean plus three standard deviations over all buckets
//   from the log's first to its last, computed in integers;
// - new: a template first seen in the last window (`lastWindowMinutes`, default the last tenth of the log's span).
import { byCodeUnits, clip } from '../canonical.ts';
import { ratio } from '../decimal.ts';
import { onlyFile, SkillFailure, type SkillFile } from '../skill.ts';
import { textLines } from '../text-file.ts';
import { type Level, levels, readLogLine } from './lines.ts';
import { Templates } from './templates.ts';
import { formatTime, type ZoneKind } from './timestamps.ts';

export interface TriageInput {
  readonly top?: number;
  readonly year?: number;
  readonly rarePerMille?: number;
  readonly lastWindowMinutes?: number;
}

/** A leap year, so that 29 February exists in a log without years. */
const assumedYear = 2000;
const rolloverMs = 180 * 86_400_000;
/** Bucket widths; the next is taken when there are too many buckets to keep. */
const bucketSeconds = [60, 3600, 86_400] as const;
const maxBuckets = 200_000;
const maxAnomaliesPerKind = 50;
const minimumBurst = 5;
const exampleCharacters = 300;

class Seen {
  firstMs = Number.POSITIVE_INFINITY;
  lastMs = Number.NEGATIVE_INFINITY;
  level: Level | undefined;
  buckets = new Map<number, number>();

  at(ms: number): void {
    this.firstMs = Math.min(this.firstMs, ms);
    this.lastMs = Math.max(this.lastMs, ms);
  }
}

interface Anomaly {
  readonly kind: 'rare' | 'burst' | 'new';
  readonly template: string;
  readonly count: number;
  readonly exampleLine: number;
  readonly detail: string;
}

export async function run(input: unknown, files: readonly SkillFile[]): Promise<unknown> {
  const { top = 20, year, rarePerMille = 5, lastWindowMinutes } = input as TriageInput;
  const file = onlyFile(files, 'log.triage');
  const templates = new Templates();
  const seen: Seen[] = [];
  const whole = new Seen();
  const zones = new Set<ZoneKind>();
  let lines = 0;
  let blankLines = 0;
  let continuationLines = 0;
  let untimedLines = 0;
  let currentYear = year ?? assumedYear;
  let lastYearlessMs: number | undefined;
  let widthIndex = 0;
  let bucketCount = 0;

  const fill = (into: Seen, bucket: number, count: number): void => {
    const known = into.buckets.get(bucket);
    if (known === undefined) bucketCount++;
    into.buckets.set(bucket, (known ?? 0) + count);
  };
  const widen = (): void => {
    const factor = bucketSeconds[widthIndex + 1]! / bucketSeconds[widthIndex]!;
    widthIndex++;
    bucketCount = 0;
    for (const one of seen) {
      const narrow = one.buckets;
      one.buckets = new Map();
      for (const [bucket, count] of narrow) fill(one, Math.floor(bucket / factor), count);
    }
  };

  for (const text of textLines(file)) {
    lines++;
    if (text.trim() === '') {
      blankLines++;
      continue;
    }
    // Stack traces and wrapped messages belong to the line above them.
    if (/^\s/.test(text) && templates.all.length > 0) {
      continuationLines++;
      continue;
    }
    const { time, level, message } = readLogLine(text, currentYear);
    let ms = time?.ms;
    if (time?.zone === 'yearless') {
      if (lastYearlessMs !== undefined && time.ms < lastYearlessMs - rolloverMs) {
        currentYear++;
        ms = readLogLine(text, currentYear).time?.ms;
      }
      lastYearlessMs = ms;
    }
    const index = templates.add(message, lines, text);
    if (index === undefined) continue;
    seen[index] ??= new Seen();
    const one = seen[index];
    if (level !== undefined && (one.level === undefined || levels.indexOf(level) > levels.indexOf(one.level)))
      one.level = level;
    if (ms === undefined || time === undefined) {
      untimedLines++;
      continue;
    }
    zones.add(time.zone === 'yearless' && year !== undefined ? 'local' : time.zone);
    one.at(ms);
    whole.at(ms);
    fill(one, Math.floor(ms / 1000 / bucketSeconds[widthIndex]!), 1);
    if (bucketCount > maxBuckets && widthIndex < bucketSeconds.length - 1) widen();
  }
  const messages = lines - blankLines - continuationLines;
  if (messages === 0) throw new SkillFailure('empty_file', `'${file.name}' has no log lines`);

  const zone: ZoneKind = zones.has('yearless') ? 'yearless' : zones.has('local') ? 'local' : 'utc';
  const timed = whole.firstMs <= whole.lastMs;
  const spanMs = timed ? whole.lastMs - whole.firstMs : 0;
  const ranked = templates.all
    .map((template, index) => ({ ...template, text: clip(template.tokens.join(' '), 1000), seen: seen[index]! }))
    .sort((a, b) => b.count - a.count || byCodeUnits(a.text, b.text) || a.exampleLine - b.exampleLine);
  const width = bucketSeconds[widthIndex]!;

  const anomalies: Anomaly[] = [];
  const note = (kind: Anomaly['kind'], found: readonly { one: (typeof ranked)[number]; detail: string }[]): void => {
    for (const { one, detail } of found.slice(0, maxAnomaliesPerKind)) {
      anomalies.push({ kind, template: one.text, count: one.count, exampleLine: one.exampleLine, detail });
    }
  };
  const severity = (one: (typeof ranked)[number]): number =>
    one.seen.level === undefined ? -1 : levels.indexOf(one.seen.level);
  note(
    'rare',
    ranked
      .filter((one) => one.count * 1000 <= messages * rarePerMille)
      .sort((a, b) => severity(b) - severity(a) || a.count - b.count || a.exampleLine - b.exampleLine)
      .map((one) => ({ one, detail: `${one.count} of ${messages} lines` })),
  );
  if (spanMs > 0) {
    const buckets = Math.floor(whole.lastMs / 1000 / width) - Math.floor(whole.firstMs / 1000 / width) + 1;
    note(
      'burst',
      ranked.flatMap((one) => {
        const burst = largestBurst(one.seen.buckets, buckets);
        if (burst === undefined) return [];
        const start = formatTime(burst.bucket * width * 1000, zone);
        return [
          {
            one,
            detail: `${burst.count} lines in the ${width} s from ${start}, ${ratio(one.count, buckets, 3)} on average`,
          },
        ];
      }),
    );
    const windowMs = lastWindowMinutes === undefined ? Math.floor(spanMs / 10) : lastWindowMinutes * 60_000;
    const since = whole.lastMs - windowMs;
    if (since > whole.firstMs) {
      note(
        'new',
        ranked
          .filter((one) => one.seen.firstMs >= since && Number.isFinite(one.seen.firstMs))
          .map((one) => ({ one, detail: `first seen ${formatTime(one.seen.firstMs, zone)}` })),
      );
    }
  }

  return {
    kind: 'triage',
    file: file.name,
    lines,
    messages,
    blankLines,
    continuationLines,
    untimedLines,
    unclusteredLines: templates.unclustered,
    templateCount: ranked.length,
    firstSeen: timed ? formatTime(whole.firstMs, zone) : null,
    lastSeen: timed ? formatTime(whole.lastMs, zone) : null,
    bucketSeconds: width,
    templates: ranked.slice(0, top).map((one, index) => ({
      rank: index + 1,
      template: one.text,
      count: one.count,
      share: ratio(one.count, messages, 4),
      level: one.seen.level ?? null,
      firstSeen: Number.isFinite(one.seen.firstMs) ? formatTime(one.seen.firstMs, zone) : null,
      lastSeen: Number.isFinite(one.seen.lastMs) ? formatTime(one.seen.lastMs, zone) : null,
      // Over the whole log's span, at least a minute, so that templates can be compared.
      ratePerMinute: timed ? ratio(BigInt(one.count) * 60_000n, Math.max(spanMs, 60_000), 3) : null,
      exampleLine: one.exampleLine,
      example: clip(one.example, exampleCharacters),
    })),
    anomalies,
  };
}

/** The fullest bucket, earliest first, where it exceeds mean + 3σ: n·c − S > 0 and (n·c − S)² > 9·(n·Q − S²). */
function largestBurst(
  buckets: ReadonlyMap<number, number>,
  bucketCount: number,
): { bucket: number; count: number } | undefined {
  let sum = 0n;
  let squares = 0n;
  let largest: { bucket: number; count: number } | undefined;
  for (const [bucket, count] of buckets) {
    sum += BigInt(count);
    squares += BigInt(count) * BigInt(count);
    if (largest === undefined || count > largest.count || (count === largest.count && bucket < largest.bucket))
      largest = { bucket, count };
  }
  if (largest === undefined || largest.count < minimumBurst) return undefined;
  const n = BigInt(bucketCount);
  const excess = n * BigInt(largest.count) - sum;
  return excess > 0n && excess * excess > 9n * (n * squares - sum * sum) ? largest : undefined;
}
