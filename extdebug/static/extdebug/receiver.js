// Puts what the connection delivers into the buffer: at once, or held back while the view is frozen;
// also fetches the lines of a gap.

import { isBefore, position } from "./buffer.js";
import { plural } from "./messages.js";

const MOST_WAITING = 5000; // entries held back while the view is frozen; then delivery itself is paused
const PAGE = 500; // lines asked for at once when fetching

export class Receiver {
  /** `onItem(item)` is called for each item added or joined, `onNew(ev)` for each new event, `onChange()` after each batch. */
  constructor({ buffer, requests, rows, connection, statusBar, onChange, onItem, onNew = () => {} }) {
    this.onNew = onNew;
    this.buffer = buffer;
    this.requests = requests; // told at once what is received, also what waits
    this.rows = rows;
    this.connection = connection;
    this.statusBar = statusBar;
    this.onChange = onChange;
    this.onItem = onItem;
    this.paused = false;
    this.stopped = false; // asked the server to hold delivery
    this.waiting = [];
    this.waitingLines = 0;
    this.waitingNew = 0; // of these, printed since the reader began to look
    this.since = 0; // server time from which lines are new; what is older is history, ms
    this.unseen = 0; // new lines below what the reader sees
    this.newest = null; // position of the newest event received
    this.fetches = new Map(); // id -> gap item
  }

  /** Whether new entries wait instead of being shown. */
  get holding() {
    // Someone who reads further up must not have the text trimmed away under them.
    return this.paused || (!this.rows.following && this.buffer.items.length >= this.buffer.keep * 2);
  }

  events(list) {
    for (const ev of list) {
      const at = position(ev.id);
      if (this.newest && !isBefore(this.newest, at)) continue; // seen before the reconnect
      this.newest = at;
      this.statusBar.line(ev);
      this.requests.add(ev);
      if (this.isNew({ ev })) this.onNew(ev);
      this.admit({ kind: "event", ev });
    }
    this.update();
  }

  gap(gap) {
    // After a reset ids may start lower; they are new all the same.
    if (gap.reason === "reset" || gap.reason === "failover") this.newest = null;
    this.requests.gap(gap);
    this.admit({ kind: "gap", gap });
    this.update();
  }

  note(text, tone = "") {
    this.admit({ kind: "note", text, tone });
    this.update();
  }

  /** Whether an entry came after the reader began to look, by its place in the stream. */
  isNew({ ev, gap }) {
    const ms = Number(String(ev?.id ?? gap?.cursor ?? "").split("-")[0] || NaN);
    return !(ms < this.since);
  }

  /** Show an entry, or let it wait behind those that wait already. A pause does not hide the past. */
  admit(entry) {
    const past = this.paused && !this.waiting.length && this.buffer.items.length < this.buffer.keep && !this.isNew(entry);
    if ((this.holding && !past) || this.waiting.length) {
      this.waiting.push(entry);
      if (entry.kind !== "event") return;
      this.waitingLines += 1;
      if (this.isNew(entry)) this.waitingNew += 1;
      return;
    }
    this.append(entry);
  }

  append(entry) {
    const { buffer } = this;
    const item =
      entry.kind === "event" ? buffer.event(entry.ev) : entry.kind === "gap" ? buffer.gap(entry.gap) : buffer.note(entry.text, entry.tone);
    if (!this.rows.following && entry.kind === "event" && this.isNew(entry)) this.unseen += 1;
    this.onItem(item);
  }

  /** Bring everything in line after a change: waiting entries, delivery, the bound, the drawing. */
  update() {
    if (!this.holding && (this.waiting.length || this.stopped)) this.release();
    if (this.holding && !this.stopped && this.waiting.length >= MOST_WAITING) {
      // Beyond this the lines stay in the stream instead of in this tab's memory.
      this.stopped = this.connection.send({ type: "pause" });
    }
    this.rows.dropped(this.buffer.trim(this.rows.following ? this.buffer.keep : this.buffer.keep * 2));
    this.rows.draw();
    this.onChange();
  }

  release() {
    const { waiting } = this;
    this.waiting = [];
    this.waitingLines = this.waitingNew = 0;
    for (const entry of waiting) this.append(entry);
    if (this.stopped) {
      this.stopped = false;
      this.connection.send({ type: "resume" });
    }
  }

  setPaused(on) {
    this.paused = on;
    this.update();
  }

  /** The reader is back at the newest line. */
  caughtUp() {
    this.unseen = 0;
    this.update();
  }

  /** A new connection is open: it knows neither the old one's pause nor its fetches. */
  reconnected() {
    this.stopped = false;
    for (const item of this.fetches.values()) this.fetched(item, "connection lost meanwhile", false);
    this.fetches.clear();
    this.update();
  }

  /** Empty the view; with `forget`, lines seen before may come again. The number of lines removed. */
  clear({ forget = false } = {}) {
    const lines = this.buffer.clear() + this.waitingLines;
    this.requests.restart();
    this.fetches.clear();
    this.waiting = [];
    this.waitingLines = this.waitingNew = 0;
    this.unseen = 0;
    if (forget) this.newest = null;
    this.rows.reset();
    this.rows.place(0); // where an empty list is scrolled to: the browser's word for it is not the reader's
    this.update();
    return lines;
  }

  /** Ask for the lines of a gap that the stream still keeps. */
  fetch(item) {
    const id = `gap-${item.key}`;
    const after = item.next ?? item.gap.after;
    item.fetching = this.connection.send({ type: "fetch", id, after, before: item.gap.before, limit: PAGE });
    if (item.fetching) this.fetches.set(id, item);
    else item.state = "not connected";
    this.rows.refresh(item);
  }

  /** The answer to a fetch. */
  page(frame) {
    const item = this.fetches.get(frame.id);
    if (!item) return; // its gap was cleared meanwhile
    const added = this.buffer.insert(frame.events);
    this.requests.fetched(frame.events);
    item.got = (item.got ?? 0) + added;
    item.next = frame.cursor ?? item.next;
    const got = plural(item.got, "line");
    if (!frame.done && frame.events.length === 0) {
      // A page of entries that the filter hides: go on from there.
      this.connection.send({ type: "fetch", id: frame.id, after: item.next, before: item.gap.before, limit: PAGE });
    } else {
      this.fetches.delete(frame.id);
      if (frame.done && item.got === item.gap.missed) this.requests.filled(item.gap);
      const rest = frame.done && item.gap.missed !== null && item.got < item.gap.missed;
      this.fetched(item, rest ? `${got} still kept, shown below; the others are gone` : `${got} shown below`, frame.done);
    }
    this.rows.draw();
    this.update();
  }

  /** Note on the gap's row how its fetch ended; `done`: there is nothing more to fetch. */
  fetched(item, state, done) {
    item.fetching = false;
    item.state = state;
    item.done = done;
    this.rows.refresh(item);
  }

  /** The server refused something while fetches were under way. */
  refused(message) {
    for (const item of this.fetches.values()) this.fetched(item, message, false);
    this.fetches.clear();
  }
}
