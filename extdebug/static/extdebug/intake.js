// Takes what the connection delivers into the buffer: pausing, holding, fetching, searching back.

import { before, place } from "./buffer.js";
import { plural } from "./words.js";

const HOLD = 5000; // entries held back while the view is frozen; then delivery itself is paused
const PAGE = 500; // lines asked for at once when fetching

export class Intake {
  constructor({ buffer, rows, connection, clock, onChange, onItem }) {
    this.buffer = buffer;
    this.rows = rows;
    this.connection = connection;
    this.clock = clock;
    this.onChange = onChange;
    this.onItem = onItem;
    this.paused = false;
    this.stopped = false; // asked the server to hold delivery
    this.waiting = [];
    this.waitingLines = 0;
    this.unseen = 0; // lines that arrived below what the reader sees
    this.newest = null; // place of the newest event taken in
    this.fetches = new Map(); // id -> gap item
  }

  get holding() {
    // Someone who reads further up must not have the text trimmed away under them.
    return this.paused || (!this.rows.following && this.buffer.items.length >= this.buffer.keep * 2);
  }

  events(list) {
    for (const ev of list) {
      const at = place(ev.id);
      if (this.newest && !before(this.newest, at)) continue; // seen before the reconnect
      this.newest = at;
      this.clock.line(ev);
      this.admit({ kind: "event", ev });
    }
    this.settle();
  }

  gap(gap) {
    // After a reset ids may start lower; they are new all the same.
    if (gap.reason === "reset" || gap.reason === "failover") this.newest = null;
    this.admit({ kind: "gap", gap });
    this.settle();
  }

  note(text, tone = "") {
    this.admit({ kind: "note", text, tone });
    this.settle();
  }

  admit(entry) {
    if (this.holding || this.waiting.length) {
      this.waiting.push(entry);
      if (entry.kind === "event") this.waitingLines += 1;
      return;
    }
    this.put(entry);
  }

  put(entry) {
    const { buffer } = this;
    const item =
      entry.kind === "event" ? buffer.event(entry.ev) : entry.kind === "gap" ? buffer.gap(entry.gap) : buffer.note(entry.text, entry.tone);
    if (!this.rows.following && entry.kind === "event") this.unseen += 1;
    this.onItem(item);
  }

  settle() {
    if (!this.holding && (this.waiting.length || this.stopped)) this.release();
    if (this.holding && !this.stopped && this.waiting.length >= HOLD) {
      // Beyond this the stream keeps them better than a browser tab does.
      this.stopped = this.connection.send({ type: "pause" });
    }
    this.rows.dropped(this.buffer.trim(this.rows.following ? this.buffer.keep : this.buffer.keep * 2));
    this.rows.draw();
    this.onChange();
  }

  release() {
    const { waiting } = this;
    this.waiting = [];
    this.waitingLines = 0;
    for (const entry of waiting) this.put(entry);
    if (this.stopped) {
      this.stopped = false;
      this.connection.send({ type: "resume" });
    }
  }

  setPaused(on) {
    this.paused = on;
    this.settle();
  }

  /** The reader is back at the newest line. */
  caughtUp() {
    this.unseen = 0;
    this.settle();
  }

  /** A new connection forgets what the old one was asked. */
  reconnected() {
    this.stopped = false;
    for (const item of this.fetches.values()) this.fetched(item, "connection lost meanwhile", false);
    this.fetches.clear();
    this.settle();
  }

  clear({ forget = false } = {}) {
    const lines = this.buffer.clear() + this.waitingLines;
    this.fetches.clear();
    this.waiting = [];
    this.waitingLines = 0;
    this.unseen = 0;
    if (forget) this.newest = null;
    this.rows.reset();
    this.settle();
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

  page(frame) {
    const item = this.fetches.get(frame.id);
    if (!item) return; // its gap was cleared meanwhile
    const added = this.buffer.insert(frame.events);
    item.got = (item.got ?? 0) + added;
    item.next = frame.cursor ?? item.next;
    const got = plural(item.got, "line");
    if (!frame.done && frame.events.length === 0) {
      // A page of entries that the filter hides: go on from there.
      this.connection.send({ type: "fetch", id: frame.id, after: item.next, before: item.gap.before, limit: PAGE });
    } else {
      this.fetches.delete(frame.id);
      const rest = frame.done && item.gap.missed !== null && item.got < item.gap.missed;
      this.fetched(item, rest ? `${got} still kept, shown below; the others are gone` : `${got} shown below`, frame.done);
    }
    this.rows.draw();
    this.settle();
  }

  fetched(item, words, done) {
    item.fetching = false;
    item.state = words;
    item.done = done;
    this.rows.refresh(item);
  }

  /** The server refused something while fetches were under way. */
  refused(message) {
    for (const item of this.fetches.values()) this.fetched(item, message, false);
    this.fetches.clear();
  }
}
