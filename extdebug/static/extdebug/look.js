// The look: theme, how times read, wrapping, colours of flows, and remembering all of it.

const STORE = "ext-debug.";
export const TIMES = ["local", "utc", "ago", "delta"];
export const TIME_NAMES = { local: "Local time", utc: "UTC", ago: "Age", delta: "Since previous line" };
const FLOWS = 8; // --flow-1 .. --flow-8 in tokens.css

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(STORE + name);
    else localStorage.setItem(STORE + name, JSON.stringify(value));
  } catch {
    // A browser that stores nothing still shows everything.
  }
}

export function recall(name, fallback) {
  try {
    const text = localStorage.getItem(STORE + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** What the reader chose about appearance. `onChange(name)` tells the rows to be drawn anew. */
export class Look {
  constructor(onChange) {
    this.onChange = onChange;
    this.time = TIMES.includes(recall("time", "local")) ? recall("time", "local") : "local";
    this.wrap = recall("wrap", true);
    this.collapse = recall("collapse", true);
    this.zero = 0;
  }

  set(name, value) {
    this[name] = value;
    remember(name, value);
    this.onChange(name);
  }

  nextTime() {
    this.set("time", TIMES[(TIMES.indexOf(this.time) + 1) % TIMES.length]);
  }

  /** The text of a time cell. `previous` is the event shown above, if any. */
  timeText(ev, previous, now = Date.now()) {
    const ms = Date.parse(ev.ts);
    if (Number.isNaN(ms)) return ev.ts;
    if (this.time === "utc") return `${ev.ts.slice(11, 23)}Z`;
    if (this.time === "ago") return ago(now - ms);
    if (this.time === "delta") return previous ? delta(ms - Date.parse(previous.ts)) : "first";
    return localClock(ms);
  }
}

/** Both full forms of a time, for titles and details. */
export function fullTime(ts) {
  const ms = Date.parse(ts);
  if (Number.isNaN(ms)) return ts;
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${localClock(ms)} (${zone(date)})  ·  ${ts}`;
}

/** `1..8`: the colour of a flow, the same for the same request everywhere. */
export function flowColour(request) {
  let hash = 2166136261;
  for (let i = 0; i < request.length; i += 1) hash = Math.imul(hash ^ request.charCodeAt(i), 16777619);
  return ((hash >>> 0) % FLOWS) + 1;
}

/** A request id short enough for a column; the whole one is in the title. */
export function shortId(id) {
  if (id.length <= 12) return id;
  const tail = id.slice(-6);
  return /^[0-9a-f-]{20,}$/i.test(id) ? id.slice(0, 8) : `${id.slice(0, 5)}…${tail}`;
}

export function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem(`${STORE}theme`, root.dataset.theme); // plain text: theme.js reads it
  } catch {
    // Not kept, still applied.
  }
  return root.dataset.theme;
}

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

function delta(ms) {
  const sign = ms < 0 ? "−" : "+";
  const size = Math.abs(ms);
  if (size < 1000) return `${sign}${size} ms`;
  return size < 60_000 ? `${sign}${(size / 1000).toFixed(2)} s` : `${sign}${Math.round(size / 60_000)} min`;
}

const two = (n) => String(n).padStart(2, "0");
