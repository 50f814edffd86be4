// Shows one line among all lines around it, whatever the filter hides. It lies over the lines of the view,
// which go on below; closing it brings them back as they were.

import { Buffer, isBefore, occurrences, position } from "./buffer.js";
import { byId, el } from "./dom.js";
import { LinesBefore } from "./lines-before.js";
import { announce, toast } from "./notices.js";
import { RowActions, RowFocus } from "./row-actions.js";
import { Rows } from "./rows.js";
import { dayAndClock } from "./timestamps.js";
import { emptyFilter } from "./view.js";

const ENOUGH = 20; // lines looked for before the line
const MOST = 200; // shown of those found before it at once
const PAGE = 100; // lines asked for after it at once
const KEEP = 20_000; // lines shown at the most

export class ContextView {
  /**
   * `buffer` has the view's own rows; `build(item, previous, linked)` makes a row; `receiver`, `filters` and
   * `openRequest` are the view's, for what a row can do; `onChange()` is called when it opens or closes.
   */
  constructor({ view, buffer, connection, receiver, filters, openRequest, build, onChange }) {
    this.view = view;
    this.of = buffer;
    this.connection = connection;
    this.onChange = onChange;
    this.line = null; // id of the line that is shown among the others
    this.asked = 0;
    this.buffer = new Buffer({ keep: KEEP, collapse: false });
    this.rows = new Rows({
      scroller: byId("context-lines"),
      buffer: this.buffer,
      build: (item, previous) => build(item, previous, this.line),
      onFollow: () => {},
    });
    this.rowActions = new RowActions({ view, rows: this.rows, receiver, filters, openRequest, onElsewhere: () => this.close() });
    this.rowFocus = new RowFocus({ buffer: this.buffer, rows: this.rows });
    this.before = new LinesBefore({ connection, name: "context-before", filter: emptyFilter() });
    byId("context-lines").addEventListener("click", (e) => this.rowActions.clicked(e));
    byId("context-older").addEventListener("click", () => this.older());
    byId("context-newer").addEventListener("click", () => this.newer());
    byId("context-close").addEventListener("click", () => this.close());
  }

  get open() {
    return this.line !== null;
  }

  /** Show the line of `item` with what stands around it. */
  show(item) {
    const { ev } = item;
    if (!ev?.id) return;
    this.clear();
    this.line = ev.id;
    this.back = item;
    for (const each of occurrences(item)) this.buffer.event(each);
    byId("context").hidden = false;
    byId("context-title").replaceChildren("All lines around ", el("b", {}, dayAndClock(position(ev.id)[0])), ", whatever the filter hides");
    this.rows.follow(false);
    this.rows.reset();
    this.opening = 2; // answers, of what stands before and after: until then the line is kept in the middle
    if (!this.older() || !this.newer()) {
      this.close();
      toast("Not connected: the lines around it cannot be fetched now.");
      return;
    }
    announce("The line in its context. Escape goes back to the results.");
    byId("context-lines").focus({ preventScroll: true });
    this.onChange();
  }

  /** Fetch what stands before the first line shown; false when not connected. */
  older() {
    const button = byId("context-older");
    button.disabled = true;
    return this.before.look(this.edge(0), ENOUGH, (events) => {
      button.disabled = !events.length;
      button.textContent = events.length ? "Older lines" : "No older lines";
      this.added(events.slice(-MOST));
    });
  }

  /** Fetch what stands after the last line shown; false when not connected. */
  newer() {
    byId("context-newer").disabled = true;
    this.wanted = `context-after-${(this.asked += 1)}`;
    return this.connection.send({ type: "fetch", id: this.wanted, after: this.edge(-1), before: null, limit: PAGE, filter: emptyFilter() });
  }

  /** The id of the first or last event shown. */
  edge(at) {
    const events = this.buffer.items.filter((item) => item.kind === "event").flatMap(occurrences);
    return events.at(at).id;
  }

  /** The answer to a fetch; says whether it was one of ours. */
  page(frame) {
    if (this.before.page(frame)) return true;
    if (!frame.id.startsWith("context-after-")) return false;
    if (frame.id !== this.wanted) return true;
    const button = byId("context-newer");
    button.disabled = false;
    button.textContent = frame.done ? "Look for newer lines" : "Newer lines";
    this.added(frame.events);
    return true;
  }

  /** The server could not answer. */
  refused() {
    if (!this.open) return;
    for (const id of ["context-older", "context-newer"]) byId(id).disabled = false;
    toast("The lines around it could not be fetched now.");
  }

  added(events) {
    if (!this.open) return;
    const anchor = this.opening ? null : this.rows.firstVisible();
    this.buffer.insert(events);
    this.placeGaps();
    for (const item of this.buffer.items) item.fetched = false; // all are: nothing to tell apart
    this.rows.anchor = anchor;
    this.rows.draw();
    if (!this.opening) return;
    this.opening -= 1;
    const item = this.buffer.items.find((each) => occurrences(each).some((ev) => ev.id === this.line));
    if (item) this.rows.reveal(item, { centre: true });
  }

  /** Losses that the view knows of and that lie between the lines shown. */
  placeGaps() {
    const here = new Set(this.buffer.items.filter((item) => item.kind === "gap").map((item) => item.gap));
    const first = position(this.edge(0));
    const last = position(this.edge(-1));
    for (const { kind, gap } of this.of.items) {
      if (kind !== "gap" || here.has(gap) || !gap.after || !gap.before) continue;
      const after = position(gap.after);
      if (isBefore(after, first) || isBefore(last, position(gap.before))) continue;
      this.buffer.gap(gap);
      const row = this.buffer.items.pop();
      const at = this.buffer.items.findIndex((item) => item.kind === "event" && isBefore(after, position(item.ev.id)));
      this.buffer.items.splice(at < 0 ? this.buffer.items.length : at, 0, row);
    }
  }

  /** Go back to the lines of the view, at the line from which the reader came. */
  close() {
    if (!this.open) return;
    byId("context").hidden = true;
    this.clear();
    this.onChange(this.back);
  }

  clear() {
    this.line = null;
    this.before.forget();
    this.wanted = "";
    this.buffer.clear();
    this.rows.reset();
    for (const id of ["context-older", "context-newer"]) byId(id).disabled = false;
    byId("context-older").textContent = "Older lines";
    byId("context-newer").textContent = "Newer lines";
  }
}
