// Formats the time of a line: local, UTC, relative to now, or the difference to the line above.

export const TIME_FORMATS = ["local", "utc", "ago", "delta"];
export const TIME_NAMES = { local: "Local time", utc: "UTC", ago: "Relative", delta: "Delta (since previous line)" };

let utc = false; // whether the reader chose UTC for the lines

/** Have every clock beside the lines (time line, start, context) in UTC, as theirs are; or in local time. */
export function useUtc(on) {
  utc = on;
}

/** Whether times are shown in UTC: then what is typed means UTC too. */
export const readsUtc = () => utc;

/** The text of a time cell in one of TIME_FORMATS. `previous` is the event shown above, if any. */
export function timeText(ev, previous, format, now = Date.now()) {
  const ms = Date.parse(ev.ts);
  if (Number.isNaN(ms)) return ev.ts;
  if (format === "utc") return `${isDated(ev, format, now) ? `${ev.ts.slice(5, 10)} ` : ""}${ev.ts.slice(11, 23)}Z`;
  if (format === "ago") return ago(now - ms);
  if (format === "delta") return previous ? delta(ms - Date.parse(previous.ts)) : "first";
  return isDated(ev, format, now) ? dayAndClock(ms) : localClock(ms);
}

/** Whether a clock alone would mislead: the line is of another day than today. */
export function isDated(ev, format, now = Date.now()) {
  const at = new Date(ev.ts);
  if (Number.isNaN(at.getTime())) return false;
  if (format === "utc") return at.toISOString().slice(0, 10) !== new Date(now).toISOString().slice(0, 10);
  return format === "local" && at.toDateString() !== new Date(now).toDateString();
}

/** A time with its day: "11-23 10:00:03.123"; in UTC with a Z, as in rows. */
export function dayAndClock(ms) {
  if (utc) return `${new Date(ms).toISOString().slice(5, 23).replace("T", " ")}Z`;
  const date = new Date(ms);
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${localClock(ms)}`;
}

/** A time to the second, and with its day. */
export const clockText = (ms) => `${clock(ms).slice(0, 8)}${utc ? "Z" : ""}`;
export const dayAndClockText = (ms) => `${dayAndClock(ms).slice(0, 14)}${utc ? "Z" : ""}`;

/** A time to the second, with its day unless that is today. */
export const whenText = (ms) => (isDated({ ts: ms }, utc ? "utc" : "local") ? dayAndClockText(ms) : clockText(ms));

/** The day of an event that is of another day than the one above it; "" where it is not. */
export function dayBegun(ev, previous, format) {
  const day = (ts) => (format === "utc" ? ts.slice(0, 10) : new Date(ts).toDateString());
  if (!previous || day(ev.ts) === day(previous.ts)) return "";
  const ms = Date.parse(ev.ts);
  if (Number.isNaN(ms)) return "";
  const shown = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  return new Date(ms).toLocaleDateString(undefined, format === "utc" ? { ...shown, timeZone: "UTC" } : shown);
}

/** Both full forms of a time, for titles and details. */
export function fullTime(ts) {
  const ms = Date.parse(ts);
  if (Number.isNaN(ms)) return ts;
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${localClock(ms)} (${zone(date)})  ·  ${ts}`;
}

/** A clock time as the lines have theirs. */
export const clock = (ms) => (utc ? `${new Date(ms).toISOString().slice(11, 23)}Z` : localClock(ms));

function localClock(ms) {
  const date = new Date(ms);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function zone(date) {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function ago(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(Math.floor(s % 60))}s ago`;
  return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m ago`;
}

/** A difference in time: "+250 ms", "−1.20 s", "+3 min". */
export function delta(ms) {
  const sign = ms < 0 ? "−" : "+";
  const size = Math.abs(ms);
  if (size < 1000) return `${sign}${size} ms`;
  return size < 60_000 ? `${sign}${(size / 1000).toFixed(2)} s` : `${sign}${Math.round(size / 60_000)} min`;
}

const two = (n) => String(n).padStart(2, "0");
