// Keeps the lines of the page: in stream order, each once, never more than the bound. No DOM here.

let nextKey = 0;

/** The events of a row that are still kept, oldest first. The first stands for the row wherever one must. */
export const occurrences = (item) => (item.kind === "event" ? [item.ev, ...item.rest] : []);

/** Whether the line with this id stands on the row, by itself or among its repeats. */
export const holdsLine = (item, id) => occurrences(item).some((ev) => ev.id === id);

/** Sort position of a stream id: [ms, seq]. Ids of other shapes sort last. */
export function position(id) {
  const [ms, seq] = String(id ?? "").split("-");
  const at = [Number(ms || Infinity), Number(seq ?? 0)];
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
  }

  /** Append an event; the Item it became or joined. */
  event(ev) {
    this.events += 1;
    const last = this.items.at(-1);
    if (this.collapse && last?.kind === "event" && same(last.ev, ev)) {
      last.n += 1;
      last.rest.push(ev);
      if (last.rest.length > REPEATS) last.rest.shift();
      else this.held += 1;
      last.dirty = true;
      return last;
    }
    this.held += 1;
    return this.push({ kind: "event", ev, n: 1, rest: [], open: false });
  }

  gap(gap) {
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
        this.held -= 1 + item.rest.length;
        this.events -= item.n;
        this.left += item.n;
      }
      cut += 1;
    }
    return this.items.splice(0, cut);
  }

  clear() {
    const lines = this.events;
    this.items = [];
    this.events = 0;
    this.held = 0;
    this.left = 0;
    return lines;
  }

  /** Put fetched events where they belong, skipping those already here; the number added. */
  insert(events) {
    const known = new Set();
    for (const item of this.items) {
      if (item.kind !== "event") continue;
      for (const ev of occurrences(item)) known.add(ev.id);
    }
    const fresh = events.filter((ev) => !known.has(ev.id));
    const positions = fresh.map((ev) => position(ev.id));
    const merged = [];
    let next = 0;
    const put = (limit) => {
      while (next < fresh.length && (!limit || isBefore(positions[next], limit))) {
        const item = { kind: "event", ev: fresh[next], n: 1, rest: [], open: false, fetched: true };
        item.key = nextKey += 1;
        item.h = 0;
        merged.push(item);
        next += 1;
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
    this.held += fresh.length;
    return fresh.length;
  }

  /** Fold or unfold repeats over everything that is kept. */
  recollapse(on) {
    this.collapse = on;
    const old = this.items;
    this.items = [];
    this.events = 0;
    this.held = 0;
    for (const item of old) {
      if (item.kind !== "event") this.items.push(item);
      else for (const ev of occurrences(item)) this.event(ev);
    }
  }
}

function itemPosition(item) {
  if (item.kind === "event") return (item.at ??= position(item.ev.id));
  // A gap stands after `after`; fetched lines of it come below its row.
  return null;
}

// Lines of two requests never fold: a row must not show one request and act on another.
function same(a, b) {
  return (
    a.message === b.message &&
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
