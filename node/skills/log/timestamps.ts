// Law: a time is read from the line and from nothing else: no clock, no time zone of the machine. What the line does not say (zone, year)
// is not invented in the output either.

/** utc: an instant. local: no zone was given. yearless: no year was given (classic syslog). */
export type ZoneKind = 'utc' | 'local' | 'yearless';

export interface Timestamp {
  /** Milliseconds as if the written time were UTC; a yearless time is placed in `assumedYear`. */
  readonly ms: number;
  readonly zone: ZoneKind;
  /** The line without its timestamp. */
  readonly rest: string;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const monthPattern = months.join('|');
const clock = '([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d|60)';

const iso = new RegExp(
  `^[\\[("]?(\\d{4})[-/](\\d{2})[-/](\\d{2})[T ]${clock}(?:[.,](\\d{1,9}))? ?(Z|UTC|[+-]\\d{2}:?\\d{2})?[\\])"]?(?=\\W|$)`,
);
const syslog = new RegExp(`^(?:<\\d{1,3}>)?(${monthPattern}) +(\\d{1,2}) ${clock}(?:\\.(\\d{1,9}))?`);
const apacheAccess = new RegExp(`\\[(\\d{2})/(${monthPattern})/(\\d{4}):${clock} ([+-]\\d{4})\\]`);
const apacheError = new RegExp(
  `^\\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (${monthPattern}) +(\\d{1,2}) ${clock}(?:\\.(\\d{1,9}))? (\\d{4})\\]`,
);
const epoch = /^\[?(\d{10})(?:\.(\d{1,9})|(\d{3}))?\]?(?=\s|$)/;

/** Times before 2001-09-09 or after 2100 are more likely plain numbers. */
const [firstEpochSecond, lastEpochSecond] = [1_000_000_000, 4_102_444_800];

function instant(
  year: number,
  month: number,
  day: number,
  time: readonly (string | undefined)[],
  fraction: string | undefined,
): number | undefined {
  if (month < 1 || month > 12 || day < 1) return undefined;
  const ms = Date.UTC(year, month - 1, day, Number(time[0]), Number(time[1]), Number(time[2]));
  // Date.UTC rolls 31 April over into May.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  return ms + Number((fraction ?? '').padEnd(3, '0').slice(0, 3));
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'UTC') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * 60_000;
}

/** The timestamp of a line in ISO 8601, syslog, Apache or epoch form, where it has one at a usual place. */
export function readTimestamp(line: string, assumedYear: number): Timestamp | undefined {
  let match = iso.exec(line);
  if (match !== null) {
    const ms = instant(Number(match[1]), Number(match[2]), Number(match[3]), match.slice(4, 7), match[7]);
    if (ms === undefined) return undefined;
    return {
      ms: ms - offsetMs(match[8]),
      zone: match[8] === undefined ? 'local' : 'utc',
      rest: line.slice(match[0].length).trimStart(),
    };
  }
  match = syslog.exec(line);
  if (match !== null) {
    const ms = instant(assumedYear, months.indexOf(match[1]!) + 1, Number(match[2]), match.slice(3, 6), match[6]);
    return ms === undefined ? undefined : { ms, zone: 'yearless', rest: line.slice(match[0].length).trimStart() };
  }
  match = apacheError.exec(line);
  if (match !== null) {
    const ms = instant(Number(match[7]), months.indexOf(match[1]!) + 1, Number(match[2]), match.slice(3, 6), match[6]);
    return ms === undefined ? undefined : { ms, zone: 'local', rest: line.slice(match[0].length).trimStart() };
  }
  match = apacheAccess.exec(line.slice(0, 500));
  if (match !== null) {
    const ms = instant(Number(match[3]), months.indexOf(match[2]!) + 1, Number(match[1]), match.slice(4, 7), undefined);
    const rest = line.slice(0, match.index) + line.slice(match.index + match[0].length + 1);
    return ms === undefined ? undefined : { ms: ms - offsetMs(match[7]), zone: 'utc', rest };
  }
  match = epoch.exec(line);
  const seconds = Number(match?.[1]);
  if (match === null || seconds < firstEpochSecond || seconds > lastEpochSecond) return undefined;
  const fraction = (match[2] ?? match[3] ?? '').padEnd(3, '0').slice(0, 3);
  return { ms: seconds * 1000 + Number(fraction), zone: 'utc', rest: line.slice(match[0].length).trimStart() };
}

/** To the second: 2026-03-01T10:00:00Z, without Z where the zone is unknown, --03-01T10:00:00 where the year is. */
export function formatTime(ms: number, zone: ZoneKind): string {
  const text = new Date(ms).toISOString().slice(0, 19);
  if (zone === 'utc') return `${text}Z`;
  return zone === 'local' ? text : `-${text.slice(4)}`;
}
