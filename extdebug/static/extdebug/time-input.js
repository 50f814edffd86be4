// Reads moments and ranges of time as people type them: "5 minutes ago", "14:03", "yesterday 9:00 to 9:30",
// a date, ISO 8601. Clock times are local unless `utc` is asked for or they end in Z. No DOM here.

const UNITS = { s: 1, sec: 1, second: 1, m: 60, min: 60, minute: 60, h: 3600, hr: 3600, hour: 3600, d: 86_400, day: 86_400 };
const AGO = /^(\d{1,6}(?:\.\d)?|an?)\s*([a-z]+?)s?(?:\s+ago)?$/;
const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.(\d{1,3}))?(z?)$/;
const CLOCKS = /^(\d{1,2}:\d\d[\d:.]*z?)-(\d{1,2}:\d\d[\d:.]*z?)$/i; // without spaces; in "2026-01-31T14:03-02:00" the hyphen is of the time zone
const DAY = /^(?:(today|yesterday)|(\d{4})-(\d\d)-(\d\d))(?:[ t,]+(.+))?$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/i;

export const EXPECTED = "expected a time such as 5 minutes ago, 14:03, yesterday 14:03 or 2026-01-31 14:03";

/** The moment that a text means, in ms; null when it means none. A clock time that is still to come is yesterday's. */
export function readTime(text, now = Date.now(), utc = false) {
  const said = text.trim().toLowerCase();
  if (said === "now") return now;
  const ago = AGO.exec(said);
  if (ago && UNITS[ago[2]]) return now - (ago[1].startsWith("a") ? 1 : Number(ago[1])) * UNITS[ago[2]] * 1000;
  if (ISO.test(text.trim())) return orNull(Date.parse(text.trim()));
  const zone = zoneOf(utc || said.endsWith("z"));
  const clock = clockOn(zone.dayOf(now), said, zone);
  if (clock !== null) return clock > now ? clockOn(zone.dayOf(now, -1), said, zone) : clock;
  const day = DAY.exec(said);
  if (!day) return null;
  const date = day[1] ? zone.dayOf(now, day[1] === "today" ? 0 : -1) : dateOf(day);
  return date && clockOn(date, day[5] ?? "0:00", zone);
}

/**
 * A moment, or a range: "14:03 to 14:10", "10m ago - 5m ago". {from, until} in ms, until null for a moment; or
 * {error}, a sentence. The end of a range without a day of its own is on the day of its beginning.
 */
export function readRange(text, now = Date.now(), utc = false) {
  const clocks = CLOCKS.exec(text.trim());
  const parts = clocks ? clocks.slice(1) : text.split(/\s+(?:to|until|-|–)\s+|\s*(?:–|\.\.)\s*/);
  const from = parts.length <= 2 ? readTime(parts[0], now, utc) : null;
  if (from === null) return { error: `“${text.trim().slice(0, 40)}”: ${EXPECTED}.` };
  if (from > now) return { error: "That time is still to come: lines of it cannot be shown yet." };
  if (parts.length === 1) return { from, until: null };
  const end = parts[1].trim().toLowerCase();
  const zone = zoneOf(utc || end.endsWith("z"));
  const until = clockOn(zone.dayOf(from), end, zone) ?? readTime(end, now, utc);
  if (until === null) return { error: `“${parts[1].trim().slice(0, 40)}”: ${EXPECTED}.` };
  if (until <= from) return { error: "The range ends before it begins." };
  return { from, until };
}

/** How days and clocks are read: in UTC, or as the reader's clock runs. A day is [year, month from 0, day]. */
function zoneOf(utc) {
  if (utc) {
    return {
      at: (...parts) => Date.UTC(...parts),
      dayOf: (ms, days = 0) => ((date) => [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + days])(new Date(ms)),
    };
  }
  return {
    at: (...parts) => new Date(...parts).getTime(),
    dayOf: (ms, days = 0) => ((date) => [date.getFullYear(), date.getMonth(), date.getDate() + days])(new Date(ms)),
  };
}

/** A clock time on a day, in ms; null when the text is none. */
function clockOn(day, text, zone) {
  const found = CLOCK.exec(text);
  if (!found) return null;
  const [hour, minute, second] = [found[1], found[2], found[3] ?? 0].map(Number);
  if (hour > 23 || minute > 59 || second > 59) return null;
  return zone.at(...day, hour, minute, second, Number((found[4] ?? "0").padEnd(3, "0")));
}

function dateOf([, , year, month, day]) {
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) ? [Number(year), Number(month) - 1, Number(day)] : null;
}

const orNull = (ms) => (Number.isNaN(ms) ? null : ms);
