// Keeps the lines of the page: in stream order, each once, never more than the bound. No DOM here.

import { uncoloured } from "./safe-text.js";
import { composed, OpenTraces } from "./stack-traces.js";

let nextKey = 0;

/** The events of a row that are still kept, oldest first. The first stands for the row wherever one must. */
export const occurrences = (item) => (item.kind === "event" ? (item.parts ?? [item.ev, ...item.rest]) : []);

/** How many lines of the stream a row stands for. */
export const linesOf = (item) => item.parts?.length ?? item.n;

/** Whether the line with this id stands on the row, by itself or among its repeats. */
export const holdsLine = (item, id) => occurrences(item).some((ev) => ev.id === id);

/** Whether a line of this request is among the items; case is ignored, as in filters. */
export function holdsRequest(items, id) {
  const folded = id.toLowerCase();
  return items.some((item) => item.kind === "event" && item.ev.requestId?.toLowerCase() === folded);
}

/** Sort position of a stream id: [ms, seq]. Ids of other shapes sort last. */
export function position(id) {
  const text = String(id ?? "");
  const dash = text.indexOf("-");
  const at = dash < 0 ? [Number(text || Infinity), 0] : [Number(text.slice(0, dash) || Infinity), Number(text.slice(dash + 1))];
  return Number.isNaN(at[0]) || Number.isNaN(at[1]) ? [Infinity, 0] : at;
}

export function isBefore(a, b) {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** The stream id just before `id`: a cursor from which `id` is the next one. */
export function justBefore(id) {
  const [ms, seq] = String(id).split("-");
  if (BigInt(seq) > 0n) return `${ms}-${BigInt(seq) - 1n}`;
  return BigInt(ms) > 0n ? `${BigInt(ms) - 1n}-18446744073709551615` : "0-0";
}

const REPEATS = 200; // of a repeated line this many repeats are kept; earlier ones are only counted

/**
 * What stands on one row.
 * @typedef {object} Item
 * @property {"event"|"gap"|"note"} kind
 * @property {object} [ev] the first event, of kind "event": the one that is drawn, opened, copied and linked
 * @property {object[]} [parts] the events of a stack trace that came line by line; `ev` then has all their text
 * @property {object[]} [rest] its last repeats, of kind "event"
 * @property {number} [n] how often it was printed, of kind "event"
 * @property {object} [gap] the gap frame, of kind "gap"
 * @property {number} key unique on the page
 * @property {number} h height in px once measured, else 0
 */

export class Buffer {
  constructor({ keep = 5000, collapse = true } = {}) {
    this.keep = keep;
    this.collapse = collapse;
    this.items = [];
    this.events = 0; // lines on the page, repeats included
    this.held = 0; // events in memory: of a line repeated very often only the last repeats
    this.left = 0; // lines that left the page since it was opened or cleared
    this.traces = new OpenTraces();
    this.levels = {}; // lines on the page by level
  }

  /** Count the lines of a level that came, or with a negative number left. */
  tally(level, lines) {
    this.levels[level] = (this.levels[level] ?? 0) + lines;
  }

  /** Append an event; the Item it became or joined. */
  event(ev) {
    this.events += 1;
    this.tally(ev.level, 1);
    const trace = this.traces.goesOn(ev);
    if (trace) {
      this.held += 1;
      return extend(trace, ev);
    }
    const last = this.items.at(-1);
    if (this.collapse && last?.kind === "event" && !last.parts && same(last.ev, ev)) {
      last.n += 1;
      last.rest.push(ev);
      if (last.rest.length > REPEATS) last.rest.shift();
      else this.held += 1;
      last.dirty = true;
      return last;
    }
    this.held += 1;
    const item = this.push({ kind: "event", ev, n: 1, rest: [], open: false });
    this.traces.begins(ev, item);
    return item;
  }

  gap(gap) {
    this.traces.clear(); // what follows must not move to before the gap
    return this.push({ kind: "gap", gap, open: false });
  }

  note(text, tone = "") {
    return this.push({ kind: "note", text, tone });
  }

  push(item) {
    item.key = nextKey += 1;
    item.h = 0; // height in px once measured
    this.items.push(item);
    return item;
  }

  /** Drop the oldest items beyond the bound; the dropped ones, for the view's arithmetic. */
  trim(keep = this.keep) {
    const most = keep * 4; // events, folded repeats included
    if (this.items.length <= keep && this.held <= most) return [];
    let cut = 0;
    while (cut < this.items.length - 1 && (this.items.length - cut > keep || this.held > most)) {
      const item = this.items[cut];
      if (item.kind === "event") {
        this.held -= occurrences(item).length;
        this.events -= linesOf(item);
        this.left += linesOf(item);
        if (item.parts) for (const { level } of item.parts) this.tally(level, -1);
        else this.tally(item.ev.level, -item.n);
      }
      cut += 1;
    }
    const gone = this.items.splice(0, cut);
    this.traces.forget(gone);
    return gone;
  }

  clear() {
    const lines = this.events;
    this.items = [];
    this.traces.clear();
    this.levels = {};
    this.events = 0;
    this.held = 0;
    this.left = 0;
    return lines;
  }

  /** Put fetched events where they belong, skipping those already here; the number added. */
  insert(events) {
    const known = this.among(new Set(events.map(({ id }) => id)));
    const fresh = events.filter(({ id }) => !known.has(id));
    const positions = fresh.map((ev) => position(ev.id));
    const merged = [];
    const traces = new OpenTraces();
    let next = 0;
    const put = (limit) => {
      while (next < fresh.length && (!limit || isBefore(positions[next], limit))) {
        const ev = fresh[next];
        next += 1;
        const trace = traces.goesOn(ev);
        if (trace) {
          extend(trace, ev);
          continue;
        }
        const item = { kind: "event", ev, n: 1, rest: [], open: false, fetched: true };
        item.key = nextKey += 1;
        item.h = 0;
        merged.push(item);
        traces.begins(ev, item);
      }
    };
    for (const item of this.items) {
      const at = itemPosition(item);
      if (at) put(at);
      merged.push(item);
    }
    put(null);
    this.items = merged;
    this.events += fresh.length;
    for (const { level } of fresh) this.tally(level, 1);
    this.held += fresh.length;
    return fresh.length;
  }

  /** Those of `ids` that stand on a row. */
  among(ids) {
    const found = new Set();
    const look = ({ id }) => ids.has(id) && found.add(id);
    for (const item of this.items) {
      if (item.kind !== "event") continue;
      if (item.parts) item.parts.forEach(look);
      else {
        look(item.ev);
        item.rest.forEach(look);
      }
    }
    return found;
  }

  /** Fold or unfold repeats over everything that is kept. What is a stack trace is known already, and stays one row. */
  recollapse(on) {
    this.collapse = on;
    const old = this.items;
    this.items = [];
    for (const item of old) {
      if (on) this.refold(item);
      else this.unfold(item);
    }
  }

  refold(item) {
    const last = this.items.at(-1);
    const single = (each) => each?.kind === "event" && !each.parts && !this.traces.holds(each);
    if (!single(item) || !single(last) || !same(last.ev, item.ev)) return void this.items.push(item);
    last.n += item.n;
    last.rest.push(item.ev, ...item.rest);
    const over = last.rest.splice(0, Math.max(0, last.rest.length - REPEATS));
    this.held -= over.length;
    last.dirty = true;
  }

  unfold(item) {
    this.items.push(item);
    if (item.kind !== "event" || item.n < 2 || item.parts) return;
    const missing = item.n - 1 - item.rest.length; // of a line repeated very often: they were only counted
    this.events -= missing;
    this.left += missing;
    this.tally(item.ev.level, -missing);
    for (const ev of item.rest) this.push({ kind: "event", ev, n: 1, rest: [], open: false, fetched: item.fetched });
    Object.assign(item, { n: 1, rest: [], dirty: true });
  }
}

/** Put a further line of a stack trace on the row where it began. */
function extend(item, ev) {
  item.parts ??= [item.ev];
  item.parts.push(ev);
  item.ev = composed(item.ev, ev);
  item.dirty = true;
  return item;
}

function itemPosition(item) {
  if (item.kind === "event") return (item.at ??= position(item.ev.id));
  // A gap stands after `after`; fetched lines of it come below its row.
  return null;
}

/** Whether two messages read the same: a logger may colour one word differently. */
const reads = (a, b) => a === b || ((a.includes("\u001b") || b.includes("\u001b")) && uncoloured(a) === uncoloured(b));

// Lines of two requests never fold: a row must not show one request and act on another.
function same(a, b) {
  return (
    reads(a.message, b.message) &&
    a.requestId === b.requestId &&
    a.stream === b.stream &&
    a.level === b.level &&
    a.installId === b.installId &&
    a.versionId === b.versionId &&
    (a.fields === b.fields || JSON.stringify(a.fields) === JSON.stringify(b.fields))
  );
}

/** The newest event shown above item `index`, looking back a little. */
export function eventAbove(items, index) {
  for (let i = index - 1; i >= 0 && i > index - 20; i -= 1) {
    if (items[i].kind === "event") return occurrences(items[i]).at(-1);
  }
  return null;
}
