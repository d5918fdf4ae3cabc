/** Periods of UTC, by the text of an RFC 3339 time. */

export type TimeUnit = "month" | "day" | "hour";

const time = /^\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const length: Readonly<Record<TimeUnit, number>> = { month: 7, day: 10, hour: 13 };

/** "2026-03", "2026-03-01" or "2026-03-01T10". @throws RangeError for what is no RFC 3339 time */
export function periodOf(unit: TimeUnit, text: string): string {
  const at = time.test(text) ? new Date(text.toUpperCase()) : undefined;
  if (at === undefined || Number.isNaN(at.getTime()) || !realDay(text)) throw new RangeError(`'${text}' is no RFC 3339 time`);
  const utc = at.toISOString();
  if (utc.length !== 24) throw new RangeError(`'${text}' is outside the years 0000 to 9999 in UTC`);
  return utc.slice(0, length[unit]);
}

/** A day that the calendar has, as "2026-02-28". The platform would take 30 February for 2 March. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && realDay(text);
}

function realDay(text: string): boolean {
  const day = text.slice(0, 10);
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}
